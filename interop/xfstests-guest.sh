#!/bin/bash
# The part of xfstests.sh that runs in the guest.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
getent passwd fsgqa >/dev/null || useradd -m fsgqa
getent passwd 123456-fsgqa >/dev/null || useradd -m --badname 123456-fsgqa 2>/dev/null || useradd -m --force-badname 123456-fsgqa
getent passwd fsgqa2 >/dev/null || useradd -m fsgqa2
mkdir -p /mnt/test /mnt/scratch
mountit /mnt/test noperm && umount /mnt/test # the server is there
options="vers=3.1.1,user=root,pass=Passw0rd,mfsymlinks,noperm${OPTS:+,$OPTS}"
cat >/run/local.config <<-C
	export FSTYP=cifs
	export TEST_DEV=//$HOST/share TEST_DIR=/mnt/test
	export SCRATCH_DEV=//$HOST/scratch SCRATCH_MNT=/mnt/scratch
	export TEST_FS_MOUNT_OPTS="-o $options" MOUNT_OPTIONS="-o $options"
	export RESULT_BASE=$OUT/results
C
cd "$XFSTESTS" || exit 2
status=0
for t in "$@"; do
	HOST_OPTIONS=/run/local.config timeout -k 10 "${LIMIT:-600}" ./check "$t" >/run/check.log 2>&1
	rc=$?
	if grep -q '\[not run\]\|Not run: ' /run/check.log; then
		echo "$t: not run: $(cat "$OUT/results/$t.notrun" 2>/dev/null | head -1)"
	elif [ $rc = 0 ]; then
		echo "$t: pass $(grep -o '[0-9]*s$' /run/check.log | tail -1)"
	else
		echo "$t: FAIL ($rc)"
		cp /run/check.log "$OUT/$(echo "$t" | tr / -).log"
		status=1
		umount -l /mnt/scratch /mnt/test 2>/dev/null
	fi
done
kernelsays || status=1
exit $status
