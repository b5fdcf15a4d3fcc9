#!/usr/bin/env bash
# What does a page cost that watches a training? Seconds of training with the page of --watch open in Chromium, and without, in turns;
# their medians and the quotient.
#
#   src/bench/watch.sh [RUNS] [SCHEDULE]        5 and 10@0.1 unless they are given; Linux, after mvn package; without Chromium, curl reads the stream
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-5}
schedule=${2:-10@0.1}
out=$(mktemp -d)
reader=
trap '[ -z "$reader" ] || kill "$reader" 2>/dev/null || true; rm -rf "$out"' EXIT

seconds() { sed 's/.*"training_seconds":\([0-9.]*\).*/\1/' "$out/timings"; }
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

for _ in $(seq "$runs"); do
    java -jar target/mnist-libtorch.jar train --schedule "$schedule" --out "$out/run" --timings "$out/timings" >/dev/null 2>&1
    seconds >>"$out/without"

    rm -f "$out/timings"
    : >"$out/err"
    java -jar target/mnist-libtorch.jar train --schedule "$schedule" --out "$out/run" --timings "$out/timings" --watch --port 0 >/dev/null 2>"$out/err" &
    watched=$!
    until url=$(grep -om1 'http://[0-9.:]*/' "$out/err"); do sleep 0.02; done
    if browser=$(command -v chromium || command -v chromium-browser); then
        "$browser" --headless --no-sandbox --disable-gpu --disable-background-networking --user-data-dir="$out/profile" \
            --remote-debugging-port=0 "$url" >/dev/null 2>&1 &
    else
        curl -sN "${url}events" >/dev/null &
    fi
    reader=$!
    until grep -q 'draw at' "$out/err"; do sleep 0.1; done
    seconds >>"$out/with"
    kill "$reader" 2>/dev/null || true
    wait "$reader" 2>/dev/null || true
    reader=
    kill -TERM "$watched"
    wait "$watched"
    echo "without $(tail -n 1 "$out/without") s, with a page open $(tail -n 1 "$out/with") s"
done
echo "medians: without $(median "$out/without") s, with $(median "$out/with") s, quotient $(echo "scale=3; $(median "$out/with") / $(median "$out/without")" | bc)"
