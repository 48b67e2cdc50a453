#!/usr/bin/env bash
# intel.sh: runs a program on a real kvm_intel, inside Bochs's emulation of a processor with VMX.
# It needs neither /dev/kvm nor root. See docs/rig.md.
usage='intel.sh [ept=1|0] [cpu=corei7_haswell_4770] [mem=1024] [timeout=180]
  [with=PATH]... [env=NAME=VALUE]... [verbose=1] -- PROGRAM [ARG]...'
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

declare -A opt=([ept]=1 [cpu]=corei7_haswell_4770 [mem]=1024 [timeout]=180)
rig_options "$@"
rig_begin "${rig_needs_all[@]}" "${rig_needs_intel[@]}"
rig_base
rig_job kvm_intel ept ''

# Bochs's own BIOS boots fastest, but in Ubuntu's package it faults before it has booted anything.
bios=/usr/share/bochs/BIOS-bochs-latest
! grep -q '^ID=ubuntu$' /etc/os-release || bios=/usr/share/seabios/bios.bin

# Bochs boots from a CD. Its display is a curses screen on a pseudo-terminal that Bochs opens for
# itself: no terminal is needed here, and nothing listens on the network.
cat >"$work/isolinux.cfg" <<END
default rig
prompt 0
noescape 1
label rig
	kernel vmlinuz
	append initrd=base,job $(rig_append)
END
xorriso -as mkisofs -quiet -o "$work/rig.iso" -b isolinux.bin -c boot.cat \
	-no-emul-boot -boot-load-size 4 -boot-info-table -graft-points \
	isolinux.bin=/usr/lib/ISOLINUX/isolinux.bin \
	ldlinux.c32=/usr/lib/syslinux/modules/bios/ldlinux.c32 \
	isolinux.cfg="$work/isolinux.cfg" vmlinuz="$kernel/vmlinuz" \
	base="$base" job="$work/job.cpio" 2>"$work/xorriso" ||
	rig_die 125 "xorriso cannot make the CD: $(tail -n 1 "$work/xorriso")"

# The restart of a dying kernel must end Bochs, so a triple fault is fatal and not a reset.
# clock: sync=none lets virtual time run as fast as the instructions do.
cat >"$work/bochsrc" <<END
display_library: term
cpu: model=${opt[cpu]}, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
megs: ${opt[mem]}
clock: sync=none, time0=utc
romimage: file=$bios
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=rig.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=/dev/fd/3
com2: enabled=1, mode=file, dev=console
log: bochs
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
mouse: enabled=0
END

# Debian's Bochs stops in its debugger before the first instruction; c lets it go on.
echo c >"$work/debugger"
cd "$work"
TERM=vt100 rig_run bochs -q -f bochsrc -rc debugger
