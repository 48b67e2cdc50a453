#!/usr/bin/env bash
# style.sh: clang-format, clang-tidy, cppcheck, and what the tree promises of itself; prints only
# what is wrong. --fix lets clang-format rewrite the files.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

mapfile -t formatted < <(git ls-files '*.c' '*.h')
[ ${#formatted[@]} -gt 0 ] || {
	echo 'style.sh: git lists no files' >&2
	exit 1
}
if [ "${1:-}" = --fix ]; then
	clang-format -i "${formatted[@]}"
	exit
fi
clang-format --dry-run --Werror "${formatted[@]}"

mapfile -t sources < <(git ls-files 'src/*.c')
clang-tidy --quiet -p build "${sources[@]}" 2>/dev/null
cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
	--inline-suppr --std=c11 -Iinclude -Isrc -D_GNU_SOURCE "${sources[@]}"
