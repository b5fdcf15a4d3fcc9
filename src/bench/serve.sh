#!/usr/bin/env bash
# What grows in a serve that is asked for much: memory, threads, file descriptors; and how long a drawing waits beside slow connections.
#
#   src/bench/serve.sh [REQUESTS]        50000 unless given; Linux, after mvn package
#
# One request in five is a drawing, the others ask for the page. JAVA_OPTIONS are those of the server, -Xmx64m unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
jar=${JAR-target/mnist-libtorch.jar}
[ -f "$jar" ] || {
    echo "$jar is missing; make it with: mvn -q package -DskipTests" >&2
    exit 2
}
ulimit -n "$(ulimit -H -n)"
folder=$(mktemp -d)
java -jar "$jar" train --quiet --schedule 1@0.5 --out "$folder" >"$folder/train.txt"
java ${JAVA_OPTIONS--Xmx64m} -jar "$jar" serve --port 0 --model "$folder/model.pt" >"$folder/serve.txt" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server || true; rm -r "$folder"' EXIT
until grep -q Draw "$folder/serve.txt"; do
    kill -0 $server
    sleep 0.2
done
port=$(sed 's|.*:\([0-9]*\)/ .*|\1|' "$folder/serve.txt")
mkdir -p target/bench/classes
javac -d target/bench/classes src/bench/java/io/github/mnistlibtorch/bench/ServeSoak.java
java -cp target/bench/classes io.github.mnistlibtorch.bench.ServeSoak "$port" "$server" "${1:-50000}"
