# What run.sh and grow.sh share: "bench CLASS ARGUMENT..." runs a class of src/bench/java beside the packaged jar, $jar.
# To be sourced in the root of the repository.
jar=target/mnist-libtorch.jar
[ -f "$jar" ] || {
    echo "$jar is missing; make it with: mvn -q package -DskipTests" >&2
    exit 2
}

# XChart, which draws what is measured and which the jar does without.
mvn -B -ntp -q -Pbench dependency:build-classpath -DincludeArtifactIds=xchart -Dmdep.outputFile=target/bench/xchart
classpath=target/bench/classes:$jar:$(cat target/bench/xchart)

bench() {
    javac -d target/bench/classes -cp "$classpath" -sourcepath src/bench/java "src/bench/java/io/github/mnistlibtorch/bench/$1.java"
    java -cp "$classpath" "io.github.mnistlibtorch.bench.$1" "${@:2}"
}
