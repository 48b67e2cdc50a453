#!/usr/bin/env bash
# build.sh [PRESET] [CMAKE-OPTION]...: configures and builds one of the presets of
# CMakePresets.json (default release) with Ninja; quiet unless something is wrong.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
shift || true
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
	"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		exit 1
	}
}
export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
run cmake --preset "$preset" "$@"
run cmake --build --preset "$preset" --parallel
