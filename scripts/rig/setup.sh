#!/usr/bin/env bash
# setup.sh: makes this machine ready for amd.sh and intel.sh. It installs the missing packages with
# apt-get (as root or through sudo; it says which) and puts a kernel with KVM into the cache of the
# user who runs it. With nothing missing it does nothing. For Debian 12; docs/rig.md names others.
usage='setup.sh [--check]    (--check only says what is missing, with exit status 1 if anything is)'
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Kernels that boot without firmware or disk and come in small packages: Debian's, Ubuntu's.
kernels=(linux-image-cloud-amd64 linux-image-virtual)
modules=(irqbypass ccp kvm kvm-amd kvm-intel)

# Sets packages to those that are missing, and says each; likewise the kernel, which "there" tells.
list_missing() {
	local need
	packages=() there=yes
	for need in "${rig_needs_all[@]}" "${rig_needs_amd[@]}" "${rig_needs_intel[@]}" \
		strip=binutils; do
		if ! rig_has "${need%%=*}"; then
			echo "missing: ${need%%=*} (package ${need#*=})"
			packages+=("${need#*=}")
		fi
	done
	if ! rig_kernel >/dev/null; then
		echo "missing: a kernel with KVM in $rig_cache"
		there=no
	fi
}

# as_root COMMAND...: runs it as root, with no questions asked by a package's scripts.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

# refresh: fetches the package lists, once.
refreshed=no
refresh() {
	[ $refreshed = no ] || return
	refreshed=yes
	echo "fetching the package lists"
	as_root apt-get -qq update
}

# twice COMMAND...: once more with fresh package lists when it fails; old lists name packages that
# the servers have no longer.
twice() {
	"$@" || { refresh && "$@"; }
}

# Prints the release of the kernel that this distribution has now.
newest_release() {
	local name
	for name in "${kernels[@]}"; do
		apt-cache depends "$name" 2>/dev/null | awk '
			$1 == "Depends:" && sub(/^linux-image-/, "", $2) && !found++ { print $2 }
			END { exit !found }' && return
	done
	return 1
}

# add_module NAME FROM TO: NAME.ko out of an unpacked package, uncompressed and without its
# signature, whose check would cost seconds of every boot. One that is built in has no file.
add_module() {
	local file to=$3/$1.ko
	file=$(find "$2" -name "$1.ko*" -print -quit)
	case $file in
	'') return ;;
	*.ko) cp "$file" "$to" ;;
	*.xz) xz -dc "$file" >"$to" ;;
	*.zst) zstd -dcq "$file" >"$to" ;;
	esac
	strip --strip-debug "$to"
}

# Puts the kernel and KVM's modules into the cache, out of packages that lie in the cache already
# or else come from apt. Nothing of it is installed as this machine's kernel.
fetch_kernel() {
	local new package deb name
	new=$(mktemp -d "$rig_cache/new.XXXXXX")
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$new'" EXIT
	mkdir "$new/root" "$new/kernel"
	# Ubuntu has the modules in a package of their own.
	for package in "linux-image-$release" "linux-modules-$release"; do
		deb=$(find "$rig_cache" -maxdepth 1 -name "${package}_*.deb" -print -quit)
		if [ -z "$deb" ]; then
			apt-cache show "$package" >/dev/null 2>&1 || continue
			(cd "$new" && twice apt-get -qq -o APT::Sandbox::User=root download "$package")
			deb=$(echo "$new/$package"_*.deb)
		fi
		dpkg -x "$deb" "$new/root"
	done
	install -m 644 "$new/root/boot/vmlinuz-$release" "$new/kernel/vmlinuz"
	for name in "${modules[@]}"; do
		add_module "$name" "$new/root" "$new/kernel"
	done
	mv -T "$new/kernel" "$rig_cache/kernel-$release"
}

case $#/${1-} in
0/ | 1/--check) ;;
*) rig_die 2 "usage: $usage" ;;
esac
list_missing
if [ ${#packages[@]} = 0 ] && [ $there = yes ]; then
	echo "nothing is missing"
	exit 0
fi
[ $# = 0 ] || exit 1

if [ $there = no ]; then
	newest_release >/dev/null || refresh
	release=$(newest_release) || rig_die 1 "apt knows none of: ${kernels[*]}"
	case $release in *-generic) rig_has zstd || packages+=(zstd) ;; esac
fi
if [ ${#packages[@]} -gt 0 ]; then
	echo "installing: ${packages[*]}"
	apt-cache show "${packages[@]}" >/dev/null 2>&1 || refresh
	twice as_root apt-get -qq -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends "${packages[@]}" >/dev/null
fi
if [ $there = no ]; then
	echo "fetching the kernel $release into $rig_cache"
	mkdir -p "$rig_cache"
	exec 9>"$rig_cache/lock"
	flock 9
	# Another setup may have fetched it while this one waited for the lock.
	rig_kernel >/dev/null || fetch_kernel
fi
list_missing
[ ${#packages[@]} = 0 ] && [ $there = yes ] || exit 1
echo "ready"
