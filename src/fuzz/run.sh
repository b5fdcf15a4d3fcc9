#!/usr/bin/env bash
# Random files for every reader, and requests for serve, by Jazzer: no other exception than the documented one, in one short
# sentence; no input that takes a second, no refusal that takes 64 MB or four times the file; no native memory left behind.
#
#   src/fuzz/run.sh [--record] LIMIT [TARGET...]     all targets unless some are named, such as PtFuzz
#
# LIMIT is one of libFuzzer's: -max_total_time=60 or -runs=1000000, for each target. --record adds what was done to
# counts.csv. An input that fails stays in target/fuzz/found; once it is understood, it belongs into a unit test.
set -euo pipefail
cd "$(dirname "$0")/../.."

record=false
[ "${1:-}" != --record ] || { record=true && shift; }
[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/p}' "$0" >&2 && exit 2; }
limit=$1 && shift
[ $# -gt 0 ] || set -- IdxFuzz GzipFuzz NpzFuzz PtFuzz PickleFuzz CheckpointFuzz SafetensorsFuzz TraceFuzz PictureFuzz CommandLineFuzz \
    GzipMembersFuzz PictureHeaderFuzz JsonFuzz PicklePartsFuzz ServeFuzz

mvn -B -ntp -q -Pfuzz test-compile -Djacoco.skip=true
classes="target/test-classes:target/classes:$(cat target/fuzz/classpath)"
mkdir -p target/fuzz/found
java -Djava.awt.headless=true -cp "$classes" io.github.mnistlibtorch.fuzz.Seeds target/fuzz/seeds 2>target/fuzz/seeds.log

failed=
for target in "$@"; do
    class=io.github.mnistlibtorch.fuzz.$target
    [ "$target" != CommandLineFuzz ] || class=io.github.mnistlibtorch.app.cli.CommandLineFuzz
    mkdir -p "target/fuzz/corpus/$target" "target/fuzz/seeds/$target"
    log=target/fuzz/$target.log
    status=0
    # The heap is resident from the beginning, so that a target can tell what else an input takes.
    java -Xms512m -Xmx512m -XX:+AlwaysPreTouch -XX:+UseSerialGC -Djava.awt.headless=true -cp "$classes" com.code_intelligence.jazzer.Jazzer --target_class="$class" \
        --instrumentation_includes='io.github.mnistlibtorch.**:picocli.**' \
        --custom_hook_includes='io.github.mnistlibtorch.**' --reproducer_path=target/fuzz/found \
        -artifact_prefix=target/fuzz/found/ -timeout=100 -max_len=4096 -rss_limit_mb=2048 -print_final_stats=1 "$limit" \
        "target/fuzz/corpus/$target" "target/fuzz/seeds/$target" >"$log" 2>&1 || status=$?
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    seconds=$(sed -n 's/^Done .* runs in \([0-9]*\) second.*/\1/p' "$log")
    echo "$target: ${inputs:-?} inputs in ${seconds:-?} s$([ $status = 0 ] || echo ", FAILED, see $log")"
    [ $status = 0 ] || failed="$failed $target"
    if $record; then
        echo "$(date -I),$target,${inputs:-0},${seconds:-0},$([ $status = 0 ] && echo 0 || echo 1)" >>src/fuzz/counts.csv
    fi
done
if $record; then
    awk -F, 'NR > 1 { inputs += $3; findings += $5 } END { print "recorded in all: " inputs " inputs, " findings + 0 " findings" }' \
        src/fuzz/counts.csv
fi
[ -z "$failed" ] || { echo "failed:$failed" >&2 && exit 1; }
