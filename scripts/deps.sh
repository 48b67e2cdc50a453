#!/usr/bin/env bash
# deps.sh [build|test|browser|fleet]...: installs the Debian or Ubuntu packages that building (and testing,
# looking at HTML pages, trying Slurm) needs and that are missing; says which; does nothing when all are there.
set -euo pipefail

declare -A packages=(
	[build]='gcc libc6-dev linux-libc-dev cmake ninja-build pkg-config libelf-dev libzydis-dev libjansson-dev libseccomp-dev libtracefs-dev libtraceevent-dev'
	[test]='libcmocka-dev clang libclang-rt-dev clang-format clang-tidy cppcheck strace valgrind gcovr'
	[fleet]='slurm-wlm munge python3-yaml'
	[browser]='chromium fonts-dejavu-core'
)

missing=()
for set in "${@:-build}"; do
	for package in ${packages[$set]:?"deps.sh: $set: give build, test, browser or fleet"}; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
		[ "$state" = installed ] || missing+=("$package")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps.sh: as root: apt-get install ${missing[*]}" >&2
		exit 1
	}
	root=(sudo)
fi
echo "installing: ${missing[*]}"
"${root[@]}" apt-get -qq update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
