#!/usr/bin/env bash
# amd.sh: runs a program on a real kvm_amd, inside QEMU's TCG emulation of a processor with SVM.
# It needs neither /dev/kvm nor root. See docs/rig.md.
usage='amd.sh [npt=1|0] [cpu=EPYC] [mem=1024] [timeout=120] [icount=0|1] [kvmargs="NAME=VALUE..."]
  [with=PATH]... [env=NAME=VALUE]... [verbose=1] -- PROGRAM [ARG]...'
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

declare -A opt=([npt]=1 [cpu]=EPYC [mem]=1024 [timeout]=120 [icount]=0 [kvmargs]='')
rig_options "$@"
rig_begin "${rig_needs_all[@]}" "${rig_needs_amd[@]}"
rig_base
rig_job kvm_amd npt "${opt[kvmargs]}"
cat "$base" "$work/job.cpio" >"$work/initrd"

# One virtual nanosecond for one instruction: the clock inside then counts instructions.
count=()
[ "${opt[icount]}" = 0 ] || count=(-icount 'shift=0,sleep=off')

# One thread for all virtual processors: with several, kernel text that is being patched is now
# and then run stale, and the machine hangs.
rig_run qemu-system-x86_64 -accel tcg,thread=single "${count[@]}" \
	-M q35 -cpu "${opt[cpu]}" -smp 1 -m "${opt[mem]}" \
	-nodefaults -no-user-config -display none -no-reboot \
	-kernel "$kernel/vmlinuz" -initrd "$work/initrd" -append "$(rig_append)" \
	-serial file:/dev/fd/3 -serial "file:$work/console"
