#!/usr/bin/env bash
# Can parity lead float32 runs along each other? Trains with the kernels that ATen and OpenBLAS choose for this processor,
# then climbs the ladder with those that every x86-64 processor since 2013 has; one line for each seed.
#
#   src/bench/forks.sh FIRST LAST [TRAIN OPTION...]        after mvn package; seeds FIRST to LAST
#
# A line tells how many gates were turned, how many excursions and ties there were, and whether every rung held.
set -euo pipefail
cd "$(dirname "$0")/../.."
first=$1
last=$2
shift 2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
held=0
for seed in $(seq "$first" "$last"); do
    env -u ATEN_CPU_CAPABILITY -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
        java -jar target/mnist-libtorch.jar train --seed "$seed" --out "$out/run" --trace "$out/trace.json" "$@" >/dev/null 2>&1
    ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell \
        java -jar target/mnist-libtorch.jar parity "$out/trace.json" >"$out/parity" 2>/dev/null || true
    result=$(tail -n 1 "$out/parity")
    if [ "$result" = "Every rung holds." ]; then held=$((held + 1)); fi
    echo "seed $seed: gates $(grep -c '^ReLU fork' "$out/parity" || true)," \
        "excursions $(grep -c '^Steps' "$out/parity" || true), ties $(grep -c '^Evaluation' "$out/parity" || true)." \
        "${result%%:*}"
done
echo "$held of $((last - first + 1)) held"
