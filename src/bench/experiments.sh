#!/usr/bin/env bash
# The experiments that the article suggests to its reader, three seeds each; results and pictures go to target/experiments.
#
#   src/bench/experiments.sh [EPOCHS [SEED...]]        5 and 1 2 3 unless they are given; some minutes, after mvn package
set -euo pipefail
cd "$(dirname "$0")/../.."
epochs=${1:-5}
seeds=("${@:2}")
[ ${#seeds[@]} -gt 0 ] || seeds=(1 2 3)

sweep() {
    java -jar target/mnist-libtorch.jar sweep --seed "${seeds[@]}" --quiet --out "target/experiments/$1" "${@:2}"
}

sweep learning-rates --schedule "$epochs@10" "$epochs@1" "$epochs@0.5" "$epochs@0.1" "$epochs@0.01" "$epochs@1e-3"
sweep batch-sizes --schedule "$epochs@0.5" --batch-size 16 32 64 128 256 512 1024
sweep hidden-layers --schedule "$epochs@0.5,$epochs@0.1" --hidden-size 8 16 32 64 128 256 512 64,32 256,128
sweep optimizers --schedule "$epochs@0.5" "$epochs@0.1" "$epochs@0.01" "$epochs@1e-3" --optimizer sgd momentum adam adamw rmsprop
