#!/usr/bin/env bash
# Builds the jars twice, in two folders, on another day and under another JDK, and compares their checksums: they have to be the same.
#
# The compiler is that of JDK 17 both times (JAVA_HOME, or the java of the PATH), because each version of javac writes other bytes. The
# second build runs Maven under OTHER_JAVA_HOME, if that names a JDK, and a year later, if Debian's faketime is there; its files have other dates,
# and its user another language and time zone. The library's jars keep the rights of files, which are therefore those of umask 022. MVN names the Maven, if it is not mvn.
set -euo pipefail
cd "$(dirname "$0")/../.."

mvn=${MVN:-mvn}
first_jdk=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
case $("$first_jdk/bin/javac" -version 2>&1) in
    "javac 17."*) ;;
    *)
        echo "rebuild.sh: $first_jdk is not JDK 17, with which the jar is released; set JAVA_HOME" >&2
        exit 2
        ;;
esac
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=(pom.xml .mvn LICENSE NOTICE native-config notebooks-reference src/main)

build() {
    (cd "$1" && shift && "$@" "$mvn" -q -B -ntp -Dmaven.compiler.executable="$first_jdk/bin/javac" -Dmaven.test.skip -Dspotless.check.skip \
        -Djacoco.skip package)
}

first=$work/one
second="$work/another folder/two"
mkdir -p "$first" "$second"
tar -c "${sources[@]}" | tar -x -C "$first"
tar -c "${sources[@]}" | tar -x -C "$second"
chmod -R u=rwX,go=rX "$first" "$second"
build "$first" env JAVA_HOME="$first_jdk"

later=()
if command -v faketime >/dev/null; then
    later=(faketime -f +366d)
else
    echo "rebuild.sh: the same day, as faketime is not installed"
fi
find "$second" -exec touch -d 2001-02-03T04:05:06 {} +
LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=Asia/Tokyo build "$second" env JAVA_HOME="${OTHER_JAVA_HOME:-$first_jdk}" FAKETIME_DONT_FAKE_MONOTONIC=1 "${later[@]}"

different=0
for jar in mnist-libtorch.jar $(cd "$first/target" && ls mnist-libtorch-*.jar); do
    one=$(sha256sum <"$first/target/$jar")
    two=$(sha256sum <"$second/target/$jar")
    if [ "$one" = "$two" ]; then
        echo "${one%% *}  $jar: the same twice"
    else
        echo "$jar: ${one%% *} and ${two%% *}" >&2
        different=1
    fi
done
exit $different
