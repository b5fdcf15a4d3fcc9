#!/usr/bin/env bash
# Kills one of three ranks at random moments, and looks at how the others end: src/test/torture-ranks.sh [KILLS [SEED]]
set -euo pipefail
cd "$(dirname "$0")/../.."
mvn -B -ntp -q verify -Dtest=ArchitectureTest -Dit.test=RankTorture -Djacoco.skip=true \
    -Dtorture.kills="${1:-100}" -Dtorture.seed="${2:-1}"
