#!/bin/bash
# A client of the Linux kernel mounts a share with the option posix, and finds there what
# programs of the machine have left, and they what it made: modes, owners, names,
# links, special files, and files that are removed and replaced while they are open.
#
#   interop/posix.sh [KERNEL...]   default: 6.12; 6.1 can do less, and those steps are left out
#
# Emulated it takes two minutes per kernel. For the variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
KERNEL_ARGS="-posix ${KERNEL_ARGS:-}"
SHARE_OPTIONS=,symlinks
prepare
status=0
for k in "${kernels[@]}"; do
	rm -rf "${SHARE_DIR:?}"/*
	echo local >"$SHARE_DIR/local"
	chmod 640 "$SHARE_DIR/local"
	[ "$(id -u)" != 0 ] || chown 1000:1001 "$SHARE_DIR/local"
	mkdir -m 2775 "$SHARE_DIR/team"
	ln -s team/there "$SHARE_DIR/link"
	guest --kernel "$k" --timeout 1200 --rw "$SHARE_DIR" --env "SHARE=$SHARE_DIR" --env "STATFS=$(stat -f -c '%b %S %c' "$SHARE_DIR")" \
		--serve "$server" -- bash "$here/posix-guest.sh" "$k" || status=1
done
exit $status
