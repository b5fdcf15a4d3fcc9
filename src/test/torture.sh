#!/usr/bin/env bash
# Kills runs and fills disks at random moments, and compares how they end: src/test/torture.sh [KILLS [FILLS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
mvn -B -ntp -q verify -Dtest=ArchitectureTest -Dit.test=Torture -Djacoco.skip=true \
    -Dtorture.kills="${1:-200}" -Dtorture.fills="${2:-50}"
