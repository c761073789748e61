#!/bin/bash
# A client of the Linux kernel uses what NTFS has and cifs.ko shows: descriptors, modes and
# owners that are kept in them, extended attributes, links in files, compression, holes,
# clones, snapshots, notification, and all that smbinfo asks for.
#
#   interop/ntfs.sh [KERNEL...]   default: 6.12
#
# What is served is on btrfs where mkfs.btrfs is installed and a file can be mounted; without it
# the client is shown that blocks can't be shared nor compressed. Emulated it takes two
# minutes per kernel on a quiet machine, nine on a busy one. STEPS="xattr smbinfo" runs these
# two alone. For the other variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
KERNEL_ARGS="-admin root:Passw0rd -snapshots share=.snapshots/@GMT-%Y.%m.%d-%H.%M.%S ${KERNEL_ARGS:-}"
prepare
btrfs=0
truncate -s 512M "$work/btrfs"
if mkfs.btrfs -q "$work/btrfs" >/dev/null 2>&1 && mount -o loop "$work/btrfs" "$SHARE_DIR" 2>/dev/null; then
	trap 'umount -l "$SHARE_DIR"; rm -rf "$SHARE_DIR" "$work"' EXIT
	chmod 777 "$SHARE_DIR"
	btrfs=1
fi
status=0
for k in "${kernels[@]}"; do
	rm -rf "${SHARE_DIR:?}"/* "$SHARE_DIR"/.snapshots
	mkdir -p "$SHARE_DIR/.snapshots/@GMT-2026.01.02-03.04.05"
	echo earlier >"$SHARE_DIR/.snapshots/@GMT-2026.01.02-03.04.05/file"
	echo now >"$SHARE_DIR/file"
	guest --kernel "$k" --timeout 1200 --env "BTRFS=$btrfs" --env "STEPS=${STEPS:-}" \
		--serve "$server" -- bash "$here/ntfs-guest.sh" "$k" || status=1
done
exit $status
