#!/bin/bash
# The Linux kernel's client logs on with Kerberos tickets: with its helper cifs.upcall, to
# a server and an MIT KDC that run beside it in a small VM.
#
#   interop/krb5.sh [KERNEL...]   default: 6.12
#
# Emulated it takes a minute per kernel. For the variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
for p in krb5kdc kinit cifs.upcall request-key; do
	command -v $p >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v $p >/dev/null || die "$p is missing: apt-get install krb5-kdc krb5-admin-server krb5-user cifs-utils keyutils"
done
prepare
status=0
for k in "${kernels[@]}"; do
	"$smbvm" run --kernel "$k" --mem 1024 --timeout 600 --log "$out/dmesg" --rw "$out" --env "OUT=$out" --env "SERVER=$work/server" -- \
		bash "$here/krb5-guest.sh" "$k" 2>&1 | tee "$out/output" || status=1
done
exit $status
