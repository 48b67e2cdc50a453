#!/usr/bin/env bash
# test.sh: tries the fleet's scripts with build/penumbra. The array job runs on a Slurm of one node,
# started here for that (Debian: slurm-wlm, munge; as root); where that cannot be, its tasks are run
# one after another without Slurm, and it says so. The Kubernetes manifest is read and looked at, not run.
set -uo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.."

shards=3
dir=$(mktemp -d /tmp/penumbra-fleet-XXXXXX)
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	for file in "$dir"/*.pid; do [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null; done
	sleep 0.5
	rm -rf "$dir"
}
trap cleanup EXIT
export PENUMBRA=$PWD/build/penumbra PENUMBRA_STEPS=3000 PENUMBRA_HOSTS=hw,shadow:unsync
export PENUMBRA_SEED=3 PENUMBRA_OUT=$dir/found

# Waits up to $1 seconds until the rest succeeds.
await() {
	local left=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((left--)) -gt 0 ] || return 1
		sleep 0.2
	done
}

start_slurm() {
	local host
	for program in munged slurmctld slurmd sbatch; do
		command -v "$program" >/dev/null || { echo "$program is not installed"; return 1; }
	done
	[ "$(id -u)" = 0 ] || { echo 'not root'; return 1; }
	host=$(hostname -s)
	chmod 755 "$dir"
	mkdir -p "$dir/state" "$dir/spool"
	head -c 1024 /dev/urandom >"$dir/munge.key" && chmod 400 "$dir/munge.key"
	munged --force --foreground --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
		--pid-file="$dir/munged.pid" --seed-file="$dir/munge.seed" \
		--log-file="$dir/munge.log" >"$dir/munged.out" 2>&1 &
	pids+=($!)
	await 5 test -S "$dir/munge.socket" || { echo "munged: $(tail -n 1 "$dir/munged.out")"; return 1; }
	cat >"$dir/slurm.conf" <<CONF
ClusterName=penumbra
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1024 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
	export SLURM_CONF=$dir/slurm.conf
	slurmctld -D -f "$SLURM_CONF" >"$dir/slurmctld.out" 2>&1 &
	pids+=($!)
	slurmd -D -f "$SLURM_CONF" >"$dir/slurmd.out" 2>&1 &
	pids+=($!)
	await 20 sh -c 'sinfo -h -o %t | grep -qx idle' || {
		echo "no idle node: $(tail -n 1 "$dir/slurmctld.out") $(tail -n 1 "$dir/slurmd.out")"
		return 1
	}
}

run_slurm() {
	sbatch --wait --array=0-$((shards - 1)) --mem=0 --output="$dir/task-%a.log" \
		scripts/fleet/slurm.sh
}

run_dry() {
	for ((i = 0; i < shards; i++)); do
		SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=$shards SLURM_ARRAY_TASK_MIN=0 \
			scripts/fleet/slurm.sh >"$dir/task-$i.log" 2>&1 || return
	done
}

failed=0
fail() {
	echo "FAILED: $*"
	cat "$dir"/task-*.log 2>/dev/null
	failed=1
}

if why=$(start_slurm 2>&1; code=$?; declare -p pids >"$dir/pids"; exit $code); then
	. "$dir/pids"
	export SLURM_CONF=$dir/slurm.conf
	how='Slurm of one node'
	run=run_slurm
else
	[ -f "$dir/pids" ] && . "$dir/pids"
	how="dry run, without Slurm ($why)"
	run=run_dry
fi
echo "array job: $how"
$run || fail 'the array job'
"$PENUMBRA" fuzz merge "$PENUMBRA_OUT"/*.json >"$dir/merged" || fail "merge: status $?"
grep -q "$shards of $shards shards, 3 of 3 programs" "$dir/merged" || fail 'merge: not all shards'
# Once more: nothing is left to do.
$run || fail 'the array job, again'
for ((i = 0; i < shards; i++)); do
	grep -qx "shard $i of $shards: done already" "$dir/task-$i.log" || fail "shard $i was run twice"
done

if command -v kubectl >/dev/null && kubectl apply --dry-run=client -f scripts/fleet/k8s.yaml >/dev/null 2>&1; then
	echo 'manifest: kubectl apply --dry-run=client takes it'
elif python3 -c 'import yaml' 2>/dev/null; then
	python3 scripts/fleet/check_k8s.py scripts/fleet/k8s.yaml || fail 'manifest'
	echo 'manifest: read, fields checked; no kubectl here'
else
	echo 'manifest: not looked at: neither kubectl nor python3-yaml here'
fi
exit $failed
