#!/usr/bin/env bash
# soak.sh [PART]...: the long forms of the tests that test.sh runs for seconds, or the parts named:
#   memcheck     every unit test under valgrind that can be                        (an hour)
#   random       ten times the random guests of the shadow core's unit tests     (10 minutes)
#   conformance  every case of tests/conformance in hw mode, one in 7 in shadow  (10 minutes)
#   toggles      100,000 changes of mode wherever the guest is                    (5 minutes)
#   fuzz         libFuzzer, an hour in all                                           (1 hour)
#   differential penumbra fuzz, 10 million steps in all modes                       (2 hours)
#   faults       each call and each allocation of each command fails in turn         (2 hours)
# As many run side by side as there are processors. build/ is taken as it is built.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
. scripts/lib/jobs.sh

choose 'memcheck random conformance toggles fuzz differential faults' '' "$@"

scripts/deps.sh build test
echo 'building build/'
scripts/build.sh release -DPENUMBRA_TESTS=ON -DPENUMBRA_WERROR=ON
if wanted fuzz; then
	echo 'building build-fuzz/'
	scripts/build.sh fuzz -DPENUMBRA_WERROR=ON
	corpora=(tests/fuzz/corpus/*)
	for corpus in "${corpora[@]}"; do
		check "fuzz ${corpus##*/}" scripts/fuzz.sh --built --seconds=$((3600 / ${#corpora[@]})) \
			--seed="$(date +%j)" "${corpus##*/}"
	done
fi
if wanted differential; then
	# Seven modes; what the seed is, the line says.
	check 'differential' build/penumbra fuzz --seed="$(date +%Y%j)" --steps=1450000 --out=soak-found
fi
if wanted faults; then
	job 'faults, all' 10800 env PENUMBRA_FAULTS_EVERY=1 build/tests/machine-tests faults \
		fault_memory fault_signals
fi
if wanted conformance; then
	job 'conformance, all' 7200 env PENUMBRA_CONFORMANCE_EVERY=1,7 build/tests/machine-tests conformance
fi
if wanted toggles; then check 'toggles' scripts/soak/toggles.sh 100000; fi
if wanted random; then
	job 'random guests' 7200 env SHADOW_TEST_SEEDS=30 build/tests/unit-shadow-random
fi
if wanted memcheck; then
	for program in build/tests/unit-*; do
		case ${program#build/tests/unit-} in
		# These compare with the processor, which is valgrind's own there.
		emulate-native | emulate-stack) ;;
		*) job 'memcheck unit' 7200 scripts/memcheck.sh "$program" ;;
		esac
	done
fi

run_jobs
