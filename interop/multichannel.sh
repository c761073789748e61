#!/bin/bash
# A client of the Linux kernel with four channels to one share runs fio, which
# verifies what it wrote, while one channel after the other is cut: its TCP
# connection is reset, or all packets to one of the server's addresses get lost.
# fio must end without an error, and all channels must be back.
#
#   interop/multichannel.sh [SECONDS [CHANNELS]]   default: 120 s, 4 channels
#
# The server has four addresses, and must tell the client of them. For the
# variables see kernel-lib.sh; the example server gets "-listen :445".
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
LISTEN=${LISTEN:-:445}
prepare
addrs='10.77.0.11 10.77.0.12 10.77.0.13'
export SMBD_ADDRS=$addrs
guest --timeout 3600 --env "ADDRS=$addrs" \
	--serve "for a in $addrs; do ip addr add \$a/24 dev tap0; done; $server" \
	-- bash "$here/multichannel-guest.sh" "${1:-120}" "${2:-4}"
