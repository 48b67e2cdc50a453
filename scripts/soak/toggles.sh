#!/usr/bin/env bash
# toggles.sh [N]: pagelab and the guest that watches its registers, with a change of mode each
# millisecond, wherever that finds the guest, until there were N changes (default 100,000): in each
# strategy, from either mode. What the guest says must be what it says when none comes.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.."

goal=${1:-100000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What a guest says, but for what it has of the processor, which on kvm_pvm depends on the mode at
# that moment (docs/hosts.md): pagelab turns SMEP and SMAP on where it finds that SYSCALL arrives in
# ring 0, and CPUID says in shadow mode whether the host has pages of 1 GiB.
run() { # name of the output, options...
	local to="$work/$1" status=0
	shift
	timeout 300 build/penumbra run --timeout=280 --stats --shadow-mem=4M "$@" 2>"$to.err" \
		>"$to.out" || status=$?
	if [ "$status" != 0 ]; then
		echo "exit status $status: penumbra run $*"
		tail -n 60 "$to.err"
		exit 1
	fi
	sed 's/ smep=.* smap=.*//; s/\(skipped  level=3\): .*/\1/' "$to.out" >"$to"
}

changes=0 runs=0
while [ "$changes" -lt "$goal" ]; do
	for guest in 'build/guest/pagelab.elf -- all' \
		'build/tests/guests/state.elf -- rounds=100 spins=3000'; do
		read -ra words <<<"$guest"
		run still --toggle-every=1000000000 "${words[@]}"
		for strategy in unsync wp vtlb; do
			for mode in hw shadow; do
				run moved --mmu=$mode --shadow-strategy=$strategy --toggle-every=1ms "${words[@]}"
				cmp -s "$work/still" "$work/moved" || {
					echo "$strategy, from $mode: the guest says something else: $guest"
					diff "$work/still" "$work/moved" | head -n 20
					exit 1
				}
				changes=$((changes + $(sed -n 's/^mode changes *//p' "$work/moved.err")))
				runs=$((runs + 1))
			done
		done
	done
done
echo "$changes changes of mode in $runs runs; the guests say the same in all"
