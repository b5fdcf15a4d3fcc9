#!/usr/bin/env bash
# The experiments that the article suggests to its reader, three seeds each; results and pictures go to target/experiments.
# Some minutes. Run it from the root of the project, after mvn package.
set -euo pipefail

sweep() {
    java -jar target/mnist-libtorch.jar sweep --seed 1 2 3 --quiet --out "target/experiments/$1" "${@:2}"
}

sweep learning-rates --schedule 5@10 5@1 5@0.5 5@0.1 5@0.01 5@1e-3
sweep batch-sizes --schedule 5@0.5 --batch-size 16 32 64 128 256 512 1024
sweep hidden-layers --hidden-size 8 16 32 64 128 256 512 64,32 256,128
sweep optimizers --schedule 5@0.5 5@0.1 5@0.01 5@1e-3 --optimizer sgd momentum adam adamw rmsprop
