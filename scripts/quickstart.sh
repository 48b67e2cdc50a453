#!/usr/bin/env bash
# quickstart.sh: installs what is missing, builds build/, runs the demo. Where this machine has no
# usable /dev/kvm, the demo runs in the amd rig: a real kvm_amd on an emulated processor.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."

scripts/deps.sh build
echo 'building build/'
scripts/build.sh release

if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	exec build/penumbra demo
fi
build/penumbra doctor || true
echo
echo 'No usable /dev/kvm here: the demo runs in the amd rig (docs/rig.md).'
scripts/rig/setup.sh
exec scripts/rig/amd.sh npt=1 with=build/guest -- build/penumbra demo
