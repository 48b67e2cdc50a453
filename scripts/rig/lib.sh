# shellcheck shell=bash disable=SC2034,SC2154,SC2004 # variables are shared; opt is associative
# lib.sh: what amd.sh and intel.sh share; setup.sh takes the list of needs from it.
# A run is made of the base archive (busybox, KVM's modules, init: built once, cached), the job
# archive (the program, what it needs, what to do: built for each run) and the verdict that init
# writes to the second serial port. The program's output is all that the first port carries.
set -eEuo pipefail

rig_dir=${BASH_SOURCE[0]%/*}
rig_cache=${PENUMBRA_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/penumbra-rig}
rig_me=${0##*/}

# What must be on this machine, as probe=package. A probe is a command or a file.
rig_needs_all=(busybox=busybox-static)
rig_needs_amd=(qemu-system-x86_64=qemu-system-x86)
rig_needs_intel=(
	bochs=bochs
	/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so=bochs-term
	/usr/share/bochs/BIOS-bochs-latest=bochsbios
	/usr/share/seabios/bios.bin=seabios
	/usr/share/vgabios/vgabios.bin=vgabios
	/usr/lib/ISOLINUX/isolinux.bin=isolinux
	/usr/lib/syslinux/modules/bios/ldlinux.c32=syslinux-common
	xorriso=xorriso
)

rig_die() {
	local status=$1
	shift
	echo "$rig_me: $*" >&2
	exit "$status"
}

# rig_has PROBE: is it there? The busybox that is carried must be the static one.
rig_has() {
	case $1 in
	busybox)
		command -v busybox >/dev/null || return 1
		case $(ldd "$(command -v busybox)" 2>&1) in *'=>'*) return 1 ;; esac
		;;
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# Prints the directory of the newest kernel in the cache; fails when there is none.
rig_kernel() {
	local newest
	newest=$(printf '%s\n' "$rig_cache"/kernel-* | sort -V | tail -n 1)
	[ -e "$newest/vmlinuz" ] && echo "$newest"
}

# rig_options ARGS...: reads NAME=VALUE words up to --, then the program's command line. The array
# opt holds the names that the caller knows, with their defaults.
rig_options() {
	local name value
	env=() with=() verbose=${PENUMBRA_RIG_VERBOSE:-0}
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		name=${1%%=*} value=${1#*=}
		case $name in
		with) [[ $1 = with=?* ]] && with+=("$value") ;;
		env) [[ $value =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] && env+=("$value") ;;
		verbose) [[ $value =~ ^[01]$ ]] && verbose=$value ;;
		npt | ept | icount) [[ -v opt[$name] && $value =~ ^[01]$ ]] && opt[$name]=$value ;;
		mem | timeout) [[ $value =~ ^[1-9][0-9]*$ ]] && opt[$name]=$value ;;
		cpu | kvmargs) [[ -v opt[$name] && $1 = *=* ]] && opt[$name]=$value ;;
		*) false ;;
		esac || rig_usage "$1"
		shift
	done
	[ $# -gt 1 ] || rig_usage "no program is given after --"
	shift
	argv=("$@")
}

rig_usage() {
	rig_die 126 "cannot use: $1
usage: $usage"
}

# rig_begin NEEDS...: checks that all is there; makes the run's directory, which goes at the end.
rig_begin() {
	local need
	for need in "$@"; do
		rig_has "${need%%=*}" || rig_die 126 "${need%%=*} is not on this machine;" \
			"$rig_dir/setup.sh installs it (package ${need#*=})"
	done
	kernel=$(rig_kernel) || rig_die 126 "no kernel with KVM is in $rig_cache;" \
		"$rig_dir/setup.sh fetches one"
	work=$(mktemp -d "${TMPDIR:-/tmp}/penumbra-rig.XXXXXX")
	emulator='' keep=${PENUMBRA_RIG_KEEP:-0}
	trap rig_end EXIT
	trap 'keep=1; rig_die 125 "a step of the rig itself failed: $BASH_COMMAND"' ERR
	trap 'exit 143' HUP INT TERM
}

rig_end() {
	local status=$?
	trap - ERR
	[ -z "$emulator" ] || ! kill "$emulator" 2>/dev/null || wait "$emulator" || true
	[ "$keep" = 1 ] || rm -rf "$work"
	[ "$keep" = 0 ] || echo "$rig_me: kept $work" >&2
	exit "$status"
}

# Sets base to the base archive of this kernel, this init and this busybox, and builds it when the
# cache does not have it. The rename at the end is what other runs see; the lock saves double work.
rig_base() {
	local busybox key new
	busybox=$(command -v busybox)
	key=$(cat "$rig_dir/init" "$rig_dir/lib.sh" "$busybox" | sha256sum)
	base=$rig_cache/base-${kernel##*/kernel-}-${key:0:16}.cpio
	[ ! -e "$base" ] || return 0
	exec 9>"$rig_cache/lock"
	flock 9
	if [ ! -e "$base" ]; then
		new=$work/base
		mkdir -p "$new"/{bin,usr,modules,proc,sys,dev,tmp,rig}
		ln -s bin "$new/sbin"
		ln -s ../bin "$new/usr/bin"
		install -m 755 "$busybox" "$new/bin/busybox"
		install -m 755 "$rig_dir/init" "$new/init"
		cp "$kernel"/*.ko "$new/modules/"
		rig_archive "$new" "$base.new"
		mv "$base.new" "$base"
		find "$rig_cache" -maxdepth 1 -name 'base-*' -mtime +7 -delete
	fi
	exec 9>&-
}

# rig_archive DIR FILE: DIR's contents as an initramfs archive, owned by root.
rig_archive() {
	(cd "$1" && find . -mindepth 1 -print0 | busybox cpio -0 -o -H newc -R 0:0 2>/dev/null) >"$2"
}

# rig_quote WORD: the word so quoted that a shell reads it back unchanged.
rig_quote() {
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

# rig_carry PATH: puts a copy of a file or a directory into the job, symbolic links followed: under
# /rig at the same relative path, or by its last name when PATH is absolute. The program then finds
# it by the same words as here, which no path that goes up allows.
rig_carry() {
	local to=$1
	[ -e "$1" ] || rig_die 126 "no such file or directory: $1"
	case /$1/ in
	*/../*) rig_die 126 "$1 cannot be carried: give a path without .." ;;
	//*) to=$(basename -- "$1") ;;
	esac
	mkdir -p "$(dirname -- "$stage/rig/$to")"
	cp -RLT --preserve=mode,timestamps -- "$1" "$stage/rig/$to" || rig_die 126 "cannot copy $1"
}

# Adds the shared libraries and the program interpreter of all that the job carries, each at its
# own path, and the cache by which ld.so finds them. ldd looks at the copies, so a library that is
# found beside the program ($ORIGIN) counts only when it is carried too.
rig_libraries() {
	local kind path
	while read -r kind path; do
		[ "$kind" = lib ] || rig_die 126 "$path, which the program needs, is not on this machine"
		case $path in "$stage"/*) continue ;; esac
		mkdir -p "$stage${path%/*}" "$stage/etc"
		cp -L "$path" "$stage$path"
		cp /etc/ld.so.cache "$stage/etc/"
	done < <(
		{ LC_ALL=C grep -rlaZ -m 1 $'^\x7fELF' "$stage/rig" || true; } |
			{ xargs -0 -r -n 1 ldd 2>/dev/null || true; } |
			awk '/=> not found/ { print "lost", $1 } /=> \// { print "lib", $3 }
				/^\t\// { print "lib", $1 }' | sort -u
	)
}

# rig_job VENDOR SWITCH KVMARGS: makes the job archive, $work/job.cpio. /job is what init reads.
rig_job() {
	local word program=${argv[0]}
	stage=$work/stage
	mkdir -p "$stage/rig"
	if [ -f "$program" ]; then
		rig_carry "$program"
		case $program in
		/*) argv[0]=./$(basename -- "$program") ;;
		*/*) ;;
		*) argv[0]=./$program ;;
		esac
	else
		# A bare name that is no file here is busybox's inside.
		case $program in */* | '') rig_die 126 "no such program: $program" ;; esac
	fi
	for word in "${with[@]}"; do
		rig_carry "$word"
	done
	rig_libraries
	token=rig-$(od -An -N 12 -t x4 /dev/urandom | tr -d ' ')
	{
		echo "token=$token vendor=$1 switch=$2 wanted=${opt[$2]} verbose=$verbose"
		echo "kvmargs=$(rig_quote "$3")"
		echo 'program() {'
		for word in "${env[@]}"; do
			echo "export ${word%%=*}=$(rig_quote "${word#*=}")"
		done
		printf exec
		for word in "${argv[@]}"; do
			printf ' %s' "$(rig_quote "$word")"
		done
		printf '\n}\n'
	} >"$stage/job"
	rig_archive "$stage" "$work/job.cpio"
}

# Options for every kernel here. They leave out what costs time and shows nothing: certificates,
# tests of ciphers, guards against the leaks of an emulated processor. A dying kernel restarts by a
# triple fault, at which both emulators end.
rig_append() {
	echo "console=ttyS1,115200 panic=-1 reboot=triple mitigations=off nokaslr" \
		"random.trust_cpu=on cryptomgr.notests" \
		"initcall_blacklist=load_system_certificate_list" \
		"$([ "$verbose" = 1 ] || echo quiet)"
}

# rig_run COMMAND...: runs the emulator within the time limit, passes the program's output on as it
# comes, and exits with the program's status. The emulator opens its first serial port as /dev/fd/3
# and its second one as $work/console. Descriptor 3 is a pipe because a regular file would be cut
# to nothing by being opened; with SIGPIPE ignored a reader who leaves early ends no run. What ends
# an emulator is SIGKILL: Bochs takes no notice of SIGTERM.
rig_run() {
	local ended=0 passer verdict why start=$SECONDS
	: >"$work/console"
	exec 3> >(exec cat)
	passer=$!
	trap '' PIPE
	timeout --foreground -s KILL -k 1 "${opt[timeout]}" "$@" </dev/null >"$work/emulator" 2>&1 &
	emulator=$!
	exec 3>&-
	[ "$verbose" = 0 ] || tail -c +1 -f --pid="$emulator" "$work/console" >&2 &
	wait "$emulator" || ended=$?
	emulator=''
	wait "$passer" || true
	verdict=$(tr -d '\r' <"$work/console" | sed -n "s/.*$token //p" | tail -n 1)
	case $verdict in
	"status "*) exit "${verdict#status }" ;;
	"refused "*) rig_die 126 "${verdict#refused }" ;;
	esac
	[ "$ended" != 137 ] || [ $((SECONDS - start)) -lt "${opt[timeout]}" ] ||
		rig_die 124 "the time limit of ${opt[timeout]} s is over"
	keep=1
	rm -rf "$work"/{stage,*.cpio,initrd,rig.iso}
	why=$(grep -ahm 1 -e 'Kernel panic' -e '>>PANIC<<' "$work/console" "$work/emulator" |
		tr -d '\r' | head -n 1) || why=$(tail -n 1 "$work/emulator")
	rig_die 125 "no status came back (emulator's status $ended): $why"
}
