#!/usr/bin/env bash
# What grows in a long training: memory, heap, threads, file descriptors and live native objects after each epoch.
#
#   src/bench/soak.sh [EPOCHS]        1000 unless given; Linux, after mvn package
#
# Checkpoints are written after each epoch, as train does it. Prints how each quantity ends beside the second epoch, and
# draws target/bench/soak.png; the numbers are in target/bench/soak.csv. The heap is capped (JAVA_OPTIONS="..." for other
# options): what remains to be seen is the native memory.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # kernels as a user gets them
source src/bench/java.sh
javac -d target/bench/classes -cp "$jar" -sourcepath src/bench/java src/bench/java/io/github/mnistlibtorch/bench/Soak.java
java ${JAVA_OPTIONS--XX:+UseSerialGC -Xmx64m} -cp "target/bench/classes:$jar" io.github.mnistlibtorch.bench.Soak "${1:-1000}"
