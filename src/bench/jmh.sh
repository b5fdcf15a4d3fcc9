#!/usr/bin/env bash
# The parts of a training under JMH: batch assembly, forward, backward, step, evaluation, the loader, the start.
#
#   src/bench/jmh.sh [REGEX] [JMH OPTION...]        all of them unless REGEX selects some, such as Parts or LoaderBenchmark
#
# Builds the benchmarks first. StartUp needs the jar too: mvn package. "gc.alloc.rate.norm" is Java's heap alone; native
# memory is in no column. "src/bench/jmh.sh -h" lists JMH's options; -f 3 -i 10 for numbers to publish.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # kernels as a user gets them
mvn -B -ntp -q -Pbench test-compile -Djacoco.skip=true
exec java -cp "target/test-classes:target/classes:$(cat target/bench/classpath)" org.openjdk.jmh.Main -prof gc "$@"
