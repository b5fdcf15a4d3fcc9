#!/usr/bin/env bash
# What grows in a long training: memory, heap, threads, file descriptors and live native objects after each epoch.
#
#   src/bench/soak.sh [EPOCHS]        1000 unless given; Linux, after mvn package
#
# Checkpoints are written after each epoch, as train does it. Prints how each quantity ends beside the second epoch, and
# draws target/bench/soak.png; the numbers are in target/bench/soak.csv.
#
# So that what grows is the program and not the JVM or the C library: a heap that is all there from the start, the simpler
# compiler alone and that in the first epochs (a method counts as often used fifty times sooner), and a malloc with one
# heap, not one for each thread, that gives nothing back, so that there is nothing to take again. JAVA_OPTIONS=
# MALLOC_ARENA_MAX= MALLOC_TRIM_THRESHOLD_= for the defaults.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # kernels as a user gets them
source src/bench/java.sh
javac -d target/bench/classes -cp "$classpath" -sourcepath src/bench/java src/bench/java/io/github/mnistlibtorch/bench/Soak.java
export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX-1} MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_-1000000000}
options="-XX:+UseSerialGC -Xms64m -Xmx64m -XX:+AlwaysPreTouch -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.02"
java ${JAVA_OPTIONS-$options} \
    -cp "$classpath" io.github.mnistlibtorch.bench.Soak "${1:-1000}"
