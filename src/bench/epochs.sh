#!/usr/bin/env bash
# Time and memory over a training: seconds and resident memory (MB) at each epoch line of the packaged jar.
#
#   src/bench/epochs.sh [SCHEDULE]        100@0.1 unless it is given; Linux, after mvn package
#
# The heap is capped (JAVA_OPTIONS="..." for other options): what remains to be seen is the native memory.
# Ends with the seconds from the first evaluation to the last epoch and the growth of memory from the second epoch on.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkfifo "$out/lines"
start=$(date +%s.%N)
java ${JAVA_OPTIONS--XX:+UseSerialGC -Xmx64m} -jar target/mnist-libtorch.jar train --schedule "${1:-100@0.1}" --out "$out/run" >"$out/lines" 2>/dev/null &
pid=$!
count=0
while read -r line; do
    now=$(date +%s.%N)
    case "$line" in
        "[{'val_loss'"*) began=$now ;;
        Epoch*)
            count=$((count + 1))
            rss=$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status" 2>/dev/null || echo "$rss")
            if [ "$count" -eq 2 ]; then second=$rss; fi
            ended=$now
            echo "$line  $(echo "$now - $start" | bc | cut -c1-6) s  $rss MB"
            ;;
    esac
done <"$out/lines"
wait "$pid"
echo "start-up to the first evaluation: $(echo "$began - $start" | bc | cut -c1-5) s"
echo "$count epochs with their evaluations: $(echo "$ended - $began" | bc | cut -c1-6) s"
echo "memory at the last epoch / at the second: $rss / $second MB"
