#!/usr/bin/env bash
# Does every benchmark run? Each on a setting so small that its figures mean nothing; some minutes, after mvn package; Linux.
#
#   src/bench/smoke.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

try() {
    echo "== $*"
    "$@"
}

try src/bench/run.sh 1 0
try src/bench/grow.sh workers
try src/bench/soak.sh 3
try src/bench/serve.sh 100
try src/bench/epochs.sh 2@0.1
try src/bench/forks.sh 1 1 --schedule 1@0.5
try src/bench/gpu.sh 1
try src/bench/scaling.sh 1 3 8 64
try src/bench/experiments.sh 1 1
try src/bench/jmh.sh 'Parts.forward' -f 1 -wi 1 -i 1 -w 1s -r 1s
echo "Every benchmark runs."
