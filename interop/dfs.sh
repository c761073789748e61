#!/bin/bash
# A client of the Linux kernel mounts the root of a DFS namespace, and goes from there to
# other servers: over links, past a target that is dead, to the next when one dies.
#
#   interop/dfs.sh [KERNEL...]   default: 6.12
#
# All servers are in the guest, since the kernel looks for targets on port 445. Emulated
# it takes two minutes per kernel. For the variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
prepare
status=0
for k in "${kernels[@]}"; do
	guest --kernel "$k" --timeout 1200 --env "SERVER=$work/server" --env "ARGS=${KERNEL_ARGS:-}" \
		-- bash "$here/dfs-guest.sh" "$k" || status=1
done
exit $status
