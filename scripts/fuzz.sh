#!/usr/bin/env bash
# fuzz.sh [--seconds=N] [--seed=N] [--built] [NAME]...: runs the fuzzers of tests/fuzz (all, or those named):
# first the inputs that tests/fuzz/corpus/NAME holds, then new ones for N seconds (default 8). New
# inputs that reach something new are kept in build-fuzz/corpus/NAME, which the next run goes on
# from. One line a fuzzer; for one that fails, what it said, the input and its bytes.
# --built: they are built already.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

all=$(cd tests/fuzz/corpus && echo *)
seconds=8 seed=1 built="" names=()
for argument in "$@"; do
	case $argument in
	--seconds=*) seconds=${argument#*=} ;;
	--built) built=1 ;;
	--seed=*) seed=${argument#*=} ;;
	*)
		[[ " $all " == *" $argument "* ]] || {
			echo "fuzz.sh: $argument: no such fuzzer; give any of: $all" >&2
			exit 2
		}
		names+=("$argument")
		;;
	esac
done
[ ${#names[@]} -gt 0 ] || read -ra names <<<"$all"

[ -n "$built" ] || scripts/build.sh fuzz -DPENUMBRA_WERROR=ON
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failures=0

# Runs a fuzzer with these arguments; its words go to the log.
run() {
	timeout -k 5 $((seconds + 60)) "build-fuzz/tests/fuzz/fuzz-$name" -timeout=20 \
		-artifact_prefix="build-fuzz/$name-" "$@" >"$log" 2>&1 </dev/null
}

complain() { # what went wrong
	local input
	echo "$name: $1"
	grep -vE '^#[0-9]+|NEW_(FUNC|PC)' "$log" | head -n 60
	input=$(sed -n 's/.*Test unit written to //p; s/^Running: //p' "$log" | tail -n 1)
	if [ -f "$input" ]; then
		echo "the input, for build-fuzz/tests/fuzz/fuzz-$name FILE: $input"
		od -A x -t x1z "$input" | head -n 300
	fi
	failures=$((failures + 1))
}

for name in "${names[@]}"; do
	corpus=build-fuzz/corpus/$name
	mkdir -p "$corpus"
	if ! run "tests/fuzz/corpus/$name"/*; then
		complain 'an input of its corpus fails'
		continue
	fi
	words=()
	[ ! -f "tests/fuzz/$name.dict" ] || words=("-dict=tests/fuzz/$name.dict")
	run "${words[@]}" -seed="$seed" -max_total_time="$seconds" -max_len=4096 -len_control=20 -rss_limit_mb=2048 \
		-print_final_stats=1 "$corpus" "tests/fuzz/corpus/$name" || {
		complain 'a new input fails'
		continue
	}
	awk -v name="$name" '
		/^#[0-9]+.*cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") { cov = $(i + 1); ft = $(i + 3) } }
		/^stat::number_of_executed_units/ { runs = $2 }
		END { printf "%-8s %9d inputs, coverage %d, features %d\n", name, runs, cov, ft }' "$log"
done
[ "$failures" = 0 ]
