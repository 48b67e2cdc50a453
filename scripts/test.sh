#!/usr/bin/env bash
# test.sh [STEP]...: sets up, builds and runs the whole test suite, or the steps named:
#   unit      unit tests (no KVM)
#   html      the HTML page of a trace in Chromium (skipped where there is none to be had)
#   machine   machine tests on this machine's own /dev/kvm
#   rigs      machine tests on kvm_amd npt=1, npt=0 and kvm_intel ept=1, ept=0 (docs/rig.md), and
#             those of five paging levels and protection keys on kvm_amd with cpu=max
#   asan      unit and machine tests under AddressSanitizer and UBSan
#   tsan      the machine tests that have threads, under ThreadSanitizer
#   memcheck  unit tests under valgrind, but those that take it minutes
#   fuzz      each fuzzer's corpus, then new inputs for some seconds (scripts/fuzz.sh)
#   fleet     a campaign of penumbra fuzz as an array job of Slurm (scripts/fleet/test.sh)
#   clang     a build by clang without a warning
#   style     clang-format, clang-tidy, cppcheck
# and two that are not part of the whole:
#   coverage  which lines of src/ the unit and machine tests run (scripts/coverage.sh)
#   soak      what takes hours (scripts/soak.sh); no other beside it
# As many run side by side as there are processors. One summary line a host, then the totals.
# PENUMBRA_REQUIRE_KVM=1: no /dev/kvm is a failure.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
if [ "$*" = soak ]; then exec scripts/soak.sh; fi
. scripts/lib/jobs.sh

choose 'unit html machine rigs asan tsan memcheck fuzz fleet clang style' coverage "$@"

options=(-DPENUMBRA_TESTS=ON -DPENUMBRA_WERROR=ON)
scripts/deps.sh build test
echo 'building build/'
scripts/build.sh release "${options[@]}"
for preset in asan tsan; do
	if wanted "$preset"; then
		echo "building build-$preset/"
		scripts/build.sh "$preset" "${options[@]}"
	fi
done
if wanted fuzz; then
	echo 'building build-fuzz/'
	scripts/build.sh fuzz -DPENUMBRA_WERROR=ON
fi

# The machine tests find everything below build/, so another build needs a directory around it.
machine_tests() { # title, build directory, groups
	local title=$1 around="$logs/$2"
	mkdir -p "$around"
	ln -s "$PWD/$2" "$around/build"
	shift 2
	job "$title" 900 env -C "$around" build/tests/machine-tests "$@"
}

# The longest first, so that the last to end are short.
if wanted rigs; then
	carry=(with=build/penumbra with=build/guest with=build/examples with=build/tests/guests)
	rig() { # title, vendor, options, groups of tests (none: all)
		local title=$1 vendor=$2 options
		read -ra options <<<"$3"
		shift 3
		job "$title" 1800 scripts/rig/"$vendor".sh "${options[@]}" timeout=1700 \
			"${carry[@]}" -- build/tests/machine-tests "$@"
	}
	if scripts/rig/setup.sh; then
		# What a command makes of its input, or of a host that refuses things, is the same whatever
		# the MMU below: those groups run on this machine.
		others=(-faults -fault_limits -fault_signals -fault_memory -bench -bench_compare -fuzz_command -options
			-trace_read)
		rig 'kvm_intel ept=0' intel ept=0 "${others[@]}"
		rig 'kvm_intel ept=1' intel ept=1 "${others[@]}"
		rig 'kvm_amd npt=0' amd npt=0 "${others[@]}"
		rig 'kvm_amd npt=1' amd npt=1 "${others[@]}"
		rig 'kvm_amd npt=1 cpu=max' amd 'npt=1 cpu=max' levels keys pagelab shadow conformance
	elif [ "${PENUMBRA_REQUIRE_KVM:-0}" = 1 ]; then
		count 'rigs' 0 5 0 'scripts/rig/setup.sh failed; see above'
	else
		count 'rigs' 0 0 5 'scripts/rig/setup.sh failed; see above'
	fi
fi
# What these two run of ours the others run as well.
if wanted asan; then machine_tests 'asan machine' build-asan -bench -conformance; fi
if wanted style; then check 'style' scripts/style.sh; fi
host() { build/penumbra doctor --json | sed -n 's/^ *"host_paging": "\(.*\)",$/\1/p'; }
if wanted machine; then machine_tests "this host: $(host)" build; fi
if wanted tsan; then
	machine_tests 'tsan machine' build-tsan embed map toggle trace trace_source trace_host
fi
if wanted fuzz; then
	for corpus in tests/fuzz/corpus/*; do
		check "fuzz ${corpus##*/}" scripts/fuzz.sh --built "${corpus##*/}"
	done
fi
unit_tests() { # title, build directory, command before each program
	local title=$1 directory=$2
	shift 2
	for program in "$directory"/tests/unit-*; do
		job "$title" 400 "$@" "$program"
	done
}
if wanted asan; then unit_tests 'asan unit' build-asan env SHADOW_TEST_SEEDS=1; fi
if wanted unit; then unit_tests 'unit' build; fi
if wanted memcheck; then
	for program in build/tests/unit-*; do
		case ${program#build/tests/unit-} in
		# scripts/soak.sh has them.
		elf-mutated | progress | shadow | shadow-fill | shadow-random | sweep | trace-file | trace-page) ;;
		# These compare with the processor, which is valgrind's own there.
		emulate-native | emulate-stack) ;;
		*) job 'memcheck unit' 400 scripts/memcheck.sh "$program" ;;
		esac
	done
fi
if wanted html; then
	# Ubuntu's chromium is a snap, which sees no files of ours; Google's will do where it is.
	command -v chromium google-chrome >/dev/null || scripts/deps.sh browser || true
	job 'html' 200 build/tests/html-tests
fi
if wanted fleet; then
	# Without Slurm its tasks are run one by one, and the line says so.
	scripts/deps.sh fleet || true
	check 'fleet' scripts/fleet/test.sh
fi
if wanted clang; then check 'clang build' scripts/build.sh clang "${options[@]}"; fi
if wanted coverage; then check 'coverage' scripts/coverage.sh; fi

run_jobs
