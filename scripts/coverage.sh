#!/usr/bin/env bash
# coverage.sh [GROUP]...: which lines of src/ the unit tests and the machine tests (all, or those of
# the groups named) run on this host, as gcov counts them: a table of every file, the lowest first,
# with the lines that nothing has run; then the total. Fails below 90 in 100.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/build.sh coverage -DPENUMBRA_TESTS=ON
around=$(mktemp -d)
trap 'rm -rf "$around"' EXIT
ln -s "$PWD/build-coverage" "$around/build"
find build-coverage -name '*.gcda' -delete
for program in build-coverage/tests/unit-*; do
	timeout 600 "$program" >"$around/log" 2>&1 || {
		tail -n 50 "$around/log"
		exit 1
	}
done
timeout 1800 env -C "$around" build/tests/machine-tests "$@" >"$around/log" 2>&1 || {
	grep -vE '^\[( RUN  |       OK )' "$around/log" | tail -n 100
	exit 1
}
# The monitor's assembly runs in ring 0 of the guest, where nothing counts lines.
cd build-coverage
gcovr --root .. --filter '\.\./src/' --sort-percentage --fail-under-line 90 .
