#!/bin/bash
# Two clients of the Linux kernel, each with its own cache, change the same files
# and directories at the same time; each must see what the other did.
#
#   interop/coherence.sh [DURATION [FLAGS]]   30m unless given; FLAGS go to kernelcheck
#
# The two clients are two mounts with nosharesock: each has its own connection,
# client GUID, leases, page cache and names. Attributes without a lease are asked
# for again each time (actimeo=0), so that what a client shows is old only if the
# server let it be. CLOSETIMEO=3 has the clients keep closed files open for that
# many seconds, as they do by default, and so uses leases of handles more.
#
# kernelcheck goes round what the kernels themselves do wrong: they don't believe
# that a file got shorter that they have open for writing; 6.12 writes through its
# cache when it has no lease (-flush), and may keep a file open whose lease was
# broken, which is seen as "seen late". Samba 4.17 fails here with 6.12, since it
# can't break a lease within a compound; with 6.1 (SMBVM_KERNEL=6.1) it passes.
#
# For the variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
prepare
guest --timeout 7200 --serve "$server" -- bash "$here/coherence-guest.sh" "${1:-30m}" "${@:2}"
