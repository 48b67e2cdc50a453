# jobs.sh, to be sourced: jobs that are listed first and then run, as many at once as there are
# processors, and what they have counted. Logs are kept in $logs until the end.
# shellcheck shell=bash
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

titles=() kinds=() commands=()
declare -A passed failed skipped notes # of each title
declare -A took                        # seconds, of all its jobs
order=()                               # titles, each once

# What is to be done: choose 'ALL OF THEM' 'MORE THAT THERE ARE' [WORD]...; no word is all of them.
# wanted WORD tells.
choose() {
	local all=$1 more=$2 word
	shift 2
	for word in "$@"; do
		[[ " $all $more " == *" $word "* ]] || {
			echo "${0##*/}: $word: there is no such; give any of: $all $more" >&2
			exit 2
		}
	done
	chosen=" ${*:-$all} "
}
wanted() { [[ $chosen == *" $1 "* ]]; }

# Lists a cmocka program: title, time limit in seconds, command. Several may have one title.
job() {
	local title=$1 limit=$2
	shift 2
	list "$title" tests timeout -k 5 "$limit" "$@"
}

# Lists a command that passes or fails as a whole: title, command.
check() {
	local title=$1
	shift
	list "$title" whole "$@"
}

list() { # title, kind, command
	titles+=("$1") kinds+=("$2")
	shift 2
	commands+=("$(printf '%q ' "$@")")
}

# Adds to a title: passed, failed, skipped, a remark.
count() {
	if [ -z "${passed[$1]:-}" ]; then
		order+=("$1")
		passed[$1]=0 failed[$1]=0 skipped[$1]=0 notes[$1]=''
	fi
	passed[$1]=$((passed[$1] + $2))
	failed[$1]=$((failed[$1] + $3))
	skipped[$1]=$((skipped[$1] + $4))
	if [ -n "${5:-}" ]; then notes[$1]+="${notes[$1]:+; }$5"; fi
}

line() { # title
	printf '%-22s %4d passed, %d failed, %d skipped, %d s%s\n' "$1" "${passed[$1]}" \
		"${failed[$1]}" "${skipped[$1]}" "${took[$1]:-0}" "${notes[$1]:+ (${notes[$1]})}"
}

# Counts what a cmocka program has left, by its own summary lines; a crash or a time-out is a failure.
tally_tests() { # title, log, exit status, command
	local p f s
	read -r p f s < <(awk '
		/^\[  PASSED  \] [0-9]+ test/ { p += $4 }
		/^\[  FAILED  \] [0-9]+ test/ { f += $4 }
		/^\[  SKIPPED \] [0-9]+ test/ { s += $4 }
		END { print p + 0, f + 0, s + 0 }' "$2")
	if [ "$f" = 0 ] && { [ "$3" != 0 ] || [ $((p + s)) = 0 ]; }; then
		f=1
		echo "$1: exit status $3, and no failed test counted: $4"
	fi
	if [ "$f" != 0 ]; then
		echo "$1: $4"
		# What each failed test said; a crash says what it has to at the end.
		grep -aE -B 12 '^\[  FAILED  \] [a-z0-9_]+$' "$2" |
			grep -avE '^\[( RUN  |       OK )' | head -n 200 || true
		tail -n 20 "$2"
	fi
	count "$1" "$p" "$f" "$s" "$(sed -n 's/^skipped: //p' "$2" | sort | uniq -c |
		awk '{ n = $1; $1 = ""; printf "%s%d:%s", sep, n, $0; sep = "; " }')"
}

# The last line of what the command says is a remark of the summary.
tally_whole() { # title, log, exit status, command
	if [ "$3" = 0 ]; then
		count "$1" 1 0 0 "$(tail -n 1 "$2" | tr -s ' ')"
	else
		echo "$1: exit status $3: $4"
		tail -n 100 "$2"
		count "$1" 0 1 0
	fi
}

# Runs what is listed, says how each title came out when its last job has ended, then all of them
# and the totals. Fails if anything did.
run_jobs() {
	local -A index left since
	local running=0 next=0 pid status i p=0 f=0 s=0
	for i in "${!titles[@]}"; do left[${titles[i]}]=$((${left[${titles[i]}]:-0} + 1)); done
	while [ "$next" -lt ${#titles[@]} ] || [ "$running" -gt 0 ]; do
		if [ "$next" -lt ${#titles[@]} ] && [ "$running" -lt "$(nproc)" ]; then
			bash -c "${commands[next]}" >"$logs/$next.log" 2>&1 </dev/null &
			index[$!]=$next since[$!]=$SECONDS
			next=$((next + 1)) running=$((running + 1))
			continue
		fi
		status=0
		wait -n -p pid || status=$?
		i=${index[$pid]}
		running=$((running - 1))
		took[${titles[i]}]=$((${took[${titles[i]}]:-0} + SECONDS - since[$pid]))
		"tally_${kinds[i]}" "${titles[i]}" "$logs/$i.log" "$status" "${commands[i]}"
		left[${titles[i]}]=$((left[${titles[i]}] - 1))
		if [ "${left[${titles[i]}]}" = 0 ]; then line "${titles[i]}"; fi
	done
	echo
	for i in "${order[@]}"; do
		line "$i"
		p=$((p + passed[$i])) f=$((f + failed[$i])) s=$((s + skipped[$i]))
	done
	echo
	echo "$p passed, $f failed, $s skipped, in $((SECONDS / 60)) minutes"
	[ "$f" = 0 ]
}
