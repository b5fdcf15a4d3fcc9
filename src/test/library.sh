#!/usr/bin/env bash
# Deploys the library to a repository of its own, and builds and runs a stranger's project on it (src/test/resources/stranger).
#
# It looks whether a second packaging without clean changes the runnable jar, what is deployed, whether the class path has anything twice, and,
# under OTHER_JAVA_HOME if that names a JDK 24 or later, whether the option in docs/library.md prevents every warning. MVN names the Maven, if it
# is not mvn; before 3.9 it fetches everything again for the stranger.
set -euo pipefail
cd "$(dirname "$0")/../.."

mvn=${MVN:-mvn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "library.sh: $1" >&2
    exit 1
}

[ -f target/mnist-libtorch.jar ] || "$mvn" -q -B -ntp -Dmaven.test.skip package
before=$(sha256sum <target/mnist-libtorch.jar)
"$mvn" -q -B -ntp -Dmaven.test.skip -Djacoco.skip -Dmaven.install.skip -DaltDeploymentRepository="deployed::file:$work/deployed" deploy
[ "$before" = "$(sha256sum <target/mnist-libtorch.jar)" ] || fail "packaging again changed target/mnist-libtorch.jar"

deployed=$(echo "$work"/deployed/io/github/mnistlibtorch/mnist-libtorch/*/)
(cd "$deployed" && ls -l ./*.jar ./*.pom | awk '{ print $5, $9 }')
pom=$(echo "$deployed"*.pom)
[ "$(stat -c %s "${pom%.pom}.jar")" -lt 13000000 ] || fail "the artifact is more than the project"
cmp -s "${pom%.pom}-all.jar" target/mnist-libtorch.jar || fail "the runnable jar is not deployed as all"
[ -f "${pom%.pom}-sources.jar" ] || fail "the sources are not deployed"

cat >"$work/settings.xml" <<END
<settings><profiles><profile><id>deployed</id><repositories><repository><id>deployed</id><url>file:$work/deployed</url></repository></repositories></profile>
</profiles><activeProfiles><activeProfile>deployed</activeProfile></activeProfiles></settings>
END
mkdir -p "$work/stranger/java/stranger"
cp src/test/resources/stranger/pom.xml "$work/stranger"
cp src/test/resources/stranger/Stranger.java "$work/stranger/java/stranger"
(cd "$work/stranger" && "$mvn" -q -B -ntp -s "$work/settings.xml" -Dmaven.repo.local="$work/repository" \
    -Dmaven.repo.local.tail="$HOME/.m2/repository" compile)
classpath=$(cat "$work/stranger/target/classpath")
names=$(tr ':' '\n' <<<"$classpath" | sed 's|.*/||' | sort)
echo "$names"
grep -q -e '-all\.jar' <<<"$names" && fail "the runnable jar is on the class path"
twice=$(sed 's/-[0-9][0-9.]*[-.].*\(-\(linux\|macosx\|windows\)\)/ \1/; s/-[0-9].*//' <<<"$names" | uniq -d)
[ -z "$twice" ] || fail "on the class path in two versions: $twice"

for home in "${JAVA_HOME:-}" "${OTHER_JAVA_HOME:-}"; do
    java=${home:+$home/bin/}java
    options=()
    if "$java" --enable-native-access=ALL-UNNAMED -version >/dev/null 2>&1; then
        options=(--enable-native-access=ALL-UNNAMED)
    fi
    "$java" "${options[@]}" -cp "$work/stranger/target/classes:$classpath" stranger.Stranger "$work/net.pt" 42 2>"$work/errors" || {
        cat "$work/errors" >&2
        fail "the stranger's program failed under $java"
    }
    "$java" -version 2>&1 | sed -n 1p
    if grep -i warning "$work/errors"; then
        fail "warnings under $java"
    fi
done
