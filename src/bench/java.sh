# What run.sh and grow.sh share: "bench CLASS ARGUMENT..." runs a class of src/bench/java beside the packaged jar, $jar.
# To be sourced in the root of the repository.
jar=target/mnist-libtorch.jar
[ -f "$jar" ] || {
    echo "$jar is missing; make it with: mvn -q package -DskipTests" >&2
    exit 2
}

bench() {
    javac -d target/bench/classes -cp "$jar" -sourcepath src/bench/java "src/bench/java/io/github/mnistlibtorch/bench/$1.java"
    java -cp "target/bench/classes:$jar" "io.github.mnistlibtorch.bench.$1" "${@:2}"
}
