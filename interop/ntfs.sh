#!/bin/bash
# A client of the Linux kernel uses what NTFS has and cifs.ko shows: descriptors, modes and
# owners that are kept in them, extended attributes, links in files, compression, holes,
# clones, snapshots, notification, and all that smbinfo asks for.
#
#   interop/ntfs.sh [KERNEL...]   default: 6.12
#
# Emulated it takes two minutes per kernel. For the variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
KERNEL_ARGS="-admin root:Passw0rd -snapshots share=.snapshots/@GMT-%Y.%m.%d-%H.%M.%S ${KERNEL_ARGS:-}"
prepare
status=0
for k in "${kernels[@]}"; do
	rm -rf "${SHARE_DIR:?}"/* "$SHARE_DIR"/.snapshots
	mkdir -p "$SHARE_DIR/.snapshots/@GMT-2026.01.02-03.04.05"
	echo earlier >"$SHARE_DIR/.snapshots/@GMT-2026.01.02-03.04.05/file"
	echo now >"$SHARE_DIR/file"
	guest --kernel "$k" --timeout 1200 --rw "$SHARE_DIR" --env "SHARE=$SHARE_DIR" \
		--serve "$server" -- bash "$here/ntfs-guest.sh" "$k" || status=1
done
exit $status
