#!/usr/bin/env bash
# test.sh [STEP]...: sets up, builds and runs the whole test suite, or the steps named:
#   unit     unit tests (no KVM)
#   html     the HTML page of a trace in Chromium (skipped where there is none to be had)
#   machine  machine tests on this machine's own /dev/kvm
#   rigs     machine tests on kvm_amd npt=1, npt=0 and kvm_intel ept=1, ept=0 (docs/rig.md), and
#            those of five paging levels and protection keys on kvm_amd with cpu=max
#   asan     unit and machine tests under AddressSanitizer and UBSan
#   fuzz     each fuzzer's corpus, then new inputs for some seconds (scripts/fuzz.sh)
#   clang    a build by clang without a warning
#   style    clang-format, clang-tidy, cppcheck
# One summary line a host, then the totals. PENUMBRA_REQUIRE_KVM=1: no /dev/kvm is a failure.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

all='unit html machine rigs asan fuzz clang style'
for step in "$@"; do
	[[ " $all " == *" $step "* ]] || {
		echo "test.sh: $step: no such step; give any of: $all" >&2
		exit 2
	}
done
steps=" ${*:-$all} "
wanted() { [[ $steps == *" $1 "* ]]; }

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0 failed=0 skipped=0
summary=()

# Adds a line to the summary and its numbers to the totals: name, passed, failed, skipped, why.
count() {
	passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
	summary+=("$(printf '%-22s %4d passed, %d failed, %d skipped%s' "$1" "$2" "$3" "$4" "${5:+ ($5)}")")
	echo "${summary[-1]}"
}

# Runs a cmocka program: log, time limit in seconds, command. Its exit status goes to log.status.
run() {
	local log=$1 limit=$2 status=0
	shift 2
	timeout -k 5 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
	echo "$status" >"$log.status"
}

# Counts what a program has left, by its own summary lines; a crash or a time-out is a failure.
# Name, log.
tally() {
	local name=$1 log=$2 status p f s
	status=$(cat "$log.status")
	read -r p f s < <(awk '
		/^\[  PASSED  \] [0-9]+ test/ { p += $4 }
		/^\[  FAILED  \] [0-9]+ test/ { f += $4 }
		/^\[  SKIPPED \] [0-9]+ test/ { s += $4 }
		END { print p + 0, f + 0, s + 0 }' "$log")
	if [ "$f" = 0 ] && { [ "$status" != 0 ] || [ $((p + s)) = 0 ]; }; then
		f=1
		echo "$name: exit status $status, and no failed test counted"
	fi
	if [ "$f" != 0 ]; then
		grep -vE '^\[( RUN  |       OK )' "$log" | tail -n 100
	fi
	count "$name" "$p" "$f" "$s" "$(sed -n 's/^skipped: //p' "$log" | sort | uniq -c |
		awk '{ n = $1; $1 = ""; printf "%s%d:%s", sep, n, $0; sep = "; " }')"
}

# Both. Name, time limit, command.
tests() {
	local name=$1
	shift
	run "$logs/log" "$@"
	tally "$name" "$logs/log"
}

# Runs a command that passes or fails as a whole.
check() {
	local name=$1 log="$logs/log"
	shift
	if "$@" >"$log" 2>&1; then
		count "$name" 1 0 0
	else
		tail -n 60 "$log"
		count "$name" 0 1 0
	fi
}

unit_tests() { # build directory, prefix of the name
	for program in "$1"/tests/unit-*; do
		tests "$2${program##*/}" 400 "$program"
	done
}

options=(-DPENUMBRA_TESTS=ON -DPENUMBRA_WERROR=ON)
scripts/deps.sh build test
echo 'building build/'
scripts/build.sh release "${options[@]}"

wanted unit && unit_tests build ''
if wanted html; then
	# Ubuntu's chromium is a snap, which sees no files of ours; Google's will do where it is.
	command -v chromium google-chrome >/dev/null || scripts/deps.sh browser || true
	tests 'html' 200 build/tests/html-tests
fi
host() { build/penumbra doctor --json | sed -n 's/^ *"host_paging": "\(.*\)",$/\1/p'; }
wanted machine && tests "this host: $(host)" 600 build/tests/machine-tests
if wanted rigs; then
	carry=(with=build/penumbra with=build/guest with=build/examples with=build/tests/guests)
	# One rig: log, vendor, options, groups of tests (none: all).
	rig() {
		local log=$1 vendor=$2 options
		read -ra options <<<"$3"
		shift 3
		run "$log" 1800 scripts/rig/"$vendor".sh "${options[@]}" timeout=1700 \
			"${carry[@]}" -- build/tests/machine-tests "$@"
	}
	if scripts/rig/setup.sh; then
		# Each emulator keeps one processor busy: two go side by side. Bochs takes the longest.
		(
			rig "$logs/ept1" intel ept=1
			rig "$logs/npt1" amd npt=1
		) &
		(
			rig "$logs/ept0" intel ept=0
			rig "$logs/npt0" amd npt=0
			rig "$logs/max" amd 'npt=1 cpu=max' levels keys pagelab shadow
		) &
		wait
		tally 'kvm_amd npt=1' "$logs/npt1"
		tally 'kvm_amd npt=0' "$logs/npt0"
		tally 'kvm_amd npt=1 cpu=max' "$logs/max"
		tally 'kvm_intel ept=1' "$logs/ept1"
		tally 'kvm_intel ept=0' "$logs/ept0"
	elif [ "${PENUMBRA_REQUIRE_KVM:-0}" = 1 ]; then
		count 'rigs' 0 5 0 'scripts/rig/setup.sh failed; see above'
	else
		count 'rigs' 0 0 5 'scripts/rig/setup.sh failed; see above'
	fi
fi
if wanted asan; then
	echo 'building build-asan/'
	scripts/build.sh asan "${options[@]}"
	unit_tests build-asan 'asan '
	# The tests find everything below build/.
	mkdir "$logs/asan"
	ln -s "$PWD/build-asan" "$logs/asan/build"
	tests 'asan machine' 600 env -C "$logs/asan" build/tests/machine-tests
fi
if wanted fuzz; then
	echo 'building build-fuzz/'
	for corpus in tests/fuzz/corpus/*; do
		name=${corpus##*/}
		if scripts/fuzz.sh "$name" >"$logs/log" 2>&1; then
			count "fuzz $name" 1 0 0 "$(sed -n "s/^$name  *//p" "$logs/log")"
		else
			cat "$logs/log"
			count "fuzz $name" 0 1 0
		fi
	done
fi
wanted clang && check 'clang build' scripts/build.sh clang "${options[@]}"
wanted style && check 'style' scripts/style.sh

echo
printf '%s\n' "${summary[@]}"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
