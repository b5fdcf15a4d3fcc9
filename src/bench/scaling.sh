#!/usr/bin/env bash
# What several ranks cost and gain: time per step against world size and model size on this machine, a model that explains
# it, and what the model says of more machines on faster networks. After mvn package; Linux.
#
#   src/bench/scaling.sh [ROUNDS [RANKS [HIDDEN...]]]        3, up to 4 ranks and 32 128 512 2048 units unless they are given;
#                                                            about two minutes a round
#
# The lines that were measured go to target/bench/scaling.txt, the tables to standard output.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # kernels as a user gets them
source src/bench/java.sh
javac -d target/bench/classes -cp "$jar" -sourcepath src/bench/java src/bench/java/io/github/mnistlibtorch/bench/Scaling.java
most=${2:-4}
hidden=("${@:3}")
[ ${#hidden[@]} -gt 0 ] || hidden=(32 128 512 2048)
lines=target/bench/scaling.txt
: >"$lines"
export MASTER_ADDR=127.0.0.1
port=29600
for ((round = 0; round < ${1:-3}; round++)); do
    for ((WORLD_SIZE = 1; WORLD_SIZE <= most; WORLD_SIZE++)); do
        export WORLD_SIZE MASTER_PORT=$((port++))
        for ((rank = WORLD_SIZE - 1; rank >= 0; rank--)); do
            RANK=$rank java -cp "target/bench/classes:$jar" io.github.mnistlibtorch.bench.Scaling "${hidden[@]}" >>"$lines" &
        done
        wait
    done
done
python3 src/bench/scaling.py "$lines" "$(nproc)"
