#!/bin/bash
# The tests of quotas that the kernel keeps, of package osfs and with Samba's smbcquotas, in a
# virtual machine: the kernels of many machines can't count for users.
#
#   interop/quota.sh [KERNEL...]   default: 6.12
#
# Emulated it takes three minutes per kernel on a quiet machine. RUN=NAME runs the tests that are
# called so alone. For the other variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
kernels=("$@")
[ $# -gt 0 ] || kernels=(6.12)
prepare
for package in vfs/osfs interop; do
	(cd "$top" && CGO_ENABLED=0 go test -c -o "$work/${package##*/}.test" "./$package")
done
tests="-test.v -test.run '${RUN:-Quota|quota}'"
status=0
for k in "${kernels[@]}"; do
	"$smbvm" run --kernel "$k" --net none --mem 2048 --timeout 1200 --log "$out/$k-dmesg" \
		--env "SMB_INTEROP_BINARY=$work/server" --env TMPDIR=/run/quota -- \
		"mkdir /run/quota && mount -t tmpfs quota /run/quota && modprobe -a loop ext4 xfs quota_v2 &&
		$work/osfs.test $tests && $work/interop.test $tests" >"$out/$k" 2>&1 || status=1
	grep -E '^ *--- (PASS|FAIL)|^[A-Z]|_test.go' "$out/$k" | grep -v 'not about quotas' | sed "s/^/$k: /"
	if grep -q 'SKIPPED, NOT TESTED' "$out/$k"; then status=1; fi
done
exit $status
