#!/usr/bin/env bash
# How fast a GPU trains beside the CPU, for growing batches and hidden layers; after mvn -Pcuda package -DskipTests.
#
#   src/bench/gpu.sh [ROUNDS]        3 unless given
#
# Each training is a process of its own, the two devices take turns, and the figures are medians of µs per image.
set -euo pipefail
cd "$(dirname "$0")/../.."
source src/bench/java.sh
rounds=${1:-3}
cuda=$(java -jar "$jar" info | sed -n 's/^cuda: //p')
case $cuda in
    cuda:*) echo "$cuda" ;;
    *)
        echo "There is no GPU to compare with: $cuda"
        exit 0
        ;;
esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Trains with DEVICE, BATCH and HIDDEN; prints µs per image that was trained on or evaluated: what a GPU still has to do
# when the last step of an epoch has been told counts as evaluation.
train() {
    java -jar "$jar" train --device "$1" --batch-size "$2" --hidden-size "$3" --schedule 4@0.1 --out "$out" --quiet \
        --timings "$out/timings.json" >/dev/null
    python3 - "$out/timings.json" <<'END'
import json, sys
t = json.load(open(sys.argv[1]))
images = t["epochs"] * 50_000 + t["evaluations"] * 10_000
print((t["training_seconds"] + t["evaluation_seconds"]) / images * 1e6)
END
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "| batch size | hidden units | CPU, µs per image | GPU, µs per image | CPU ÷ GPU |"
echo "|--:|--:|--:|--:|--:|"
for batch in 128 1024 8192; do
    for hidden in 32 512 4096; do
        : >"$out/cpu"
        : >"$out/cuda"
        for ((round = 0; round < rounds; round++)); do
            train cpu "$batch" "$hidden" >>"$out/cpu"
            train cuda "$batch" "$hidden" >>"$out/cuda"
        done
        awk -v b="$batch" -v h="$hidden" -v c="$(median <"$out/cpu")" -v g="$(median <"$out/cuda")" \
            'BEGIN { printf "| %d | %d | %.2f | %.2f | %.1f |\n", b, h, c, g, c / g }'
    done
done
