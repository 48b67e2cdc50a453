#!/usr/bin/env bash
#SBATCH --job-name=penumbra-fuzz
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=512M
#SBATCH --time=04:00:00
#SBATCH --signal=B:INT@60
#SBATCH --output=penumbra-fuzz-%A-%a.log
#
# slurm.sh: a campaign of penumbra fuzz as an array job, one shard a task.
#
#     sbatch --array=0-63 scripts/fleet/slurm.sh
#     penumbra fuzz merge found/*.json
#
# The array begins at 0 and has no gaps. All tasks write into the same directory, which all nodes
# see. A shard that is done is left alone, so that the job may be submitted again; one that comes to
# its time limit keeps what it has. From the environment:
#
#     PENUMBRA         the program (default: the one in PATH)
#     PENUMBRA_SEED    of the campaign (default 1)
#     PENUMBRA_STEPS   of the whole campaign, in each mode (default 10000000)
#     PENUMBRA_HOSTS   the modes (default: all)
#     PENUMBRA_OUT     the directory (default: found, where the job was submitted)
set -euo pipefail

penumbra=${PENUMBRA:-penumbra}
seed=${PENUMBRA_SEED:-1}
out=${PENUMBRA_OUT:-found}
shard=${SLURM_ARRAY_TASK_ID:?not a task of an array: sbatch --array=0-N}
shards=${SLURM_ARRAY_TASK_COUNT:?}

if [ "${SLURM_ARRAY_TASK_MIN:-0}" != 0 ] || [ "$shard" -ge "$shards" ]; then
	echo "slurm.sh: the array must be 0-N, without gaps" >&2
	exit 125
fi
result=$out/seed-$seed-shard-$shard-of-$shards.json
if grep -qs '"stopped": false' "$result"; then
	echo "shard $shard of $shards: done already"
	exit 0
fi
mkdir -p "$out"
# In the shell's place, so that the signal before the time limit comes to it.
exec "$penumbra" fuzz --seed="$seed" --steps="${PENUMBRA_STEPS:-10000000}" \
	${PENUMBRA_HOSTS:+--hosts="$PENUMBRA_HOSTS"} --shard="$shard/$shards" --out="$out"
