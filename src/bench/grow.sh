#!/usr/bin/env bash
# How time per image and peak memory grow with the training set, the hidden layer, the batch, and the workers.
#
#   src/bench/grow.sh [images|hidden|batch|workers]        all four unless one is given; Linux, after mvn package
#
# One is varied at a time, the others have the article's values; every training is a process of its own. Prints a Markdown
# table and draws target/bench/grow.png, or target/bench/grow-batch.png and so on if only one is asked for.
#
# Larger sets are MNIST's pictures over and over, in target/bench/grow while they are needed: 4.7 GB for the largest.
set -euo pipefail
cd "$(dirname "$0")/../.."
trap 'rm -rf target/bench/grow' EXIT
source src/bench/java.sh
bench Machine
bench Grow "$@"
