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

# shorten has the tests that don't end while they are emulated do less of the same, a tenth
# or so. What they check stays. What it writes is gone with the guest.
shorten() (
	cd tests/generic || exit 2
	sed -i 's/^count=1000$/count=100/' 013
	sed -i 's/-lt 1000 /-lt 100 /' 043 044 045 046
	sed -i 's/^\(OUTER\|INNER\)_LOOPS=.*/\1_LOOPS=10/' 072
	sed -i 's/numloops=10/numloops=2/; s/`expr \([13]\)0 /`expr \1 /' 074
	sed -i 's/ 10485760/ 1048576/; s/ 31457280/ 3145728/' 074.out
	sed -i 's/-N 10000/-N 1000/' 091 091.out 263 263.out
	sed -i 's/^DEPTH=5/DEPTH=3/' 100
	sed -i 's/-i \([0-9]*\)00 /-i \10 /' 129
	sed -i 's/512m/64m/' 133
	sed -i 's/^loops=500/loops=50/' 247
	sed -i 's/testfile 256/testfile 32/; s/268435456/33554432/' 344 344.out 345 345.out
	sed -i 's/^num_extents=1024/num_extents=128/' 391
)
[ -z "${SHORT:-}" ] || shorten

# watch ends a test that takes more than $LIMIT seconds. Its start is in the kernel's log.
watch() {
	local at name now
	while sleep 10; do
		read -r at name < <(dmesg | sed -n 's/^\[ *\([0-9]*\)\..*run fstests \([^ ]*\) at.*/\1 \2/p' | tail -1)
		read -r now _ </proc/uptime
		[ -n "${at:-}" ] && [ $((${now%.*} - at)) -gt "${LIMIT:-600}" ] || continue
		echo "$name" >>/run/timeouts
		pkill -9 -f "^/bin/bash .*/tests/$name\$"
		fuser -s -k -9 -M -m /mnt/test
		fuser -s -k -9 -M -m /mnt/scratch
	done
}
: >/run/timeouts
watch &
watcher=$!

# One call for all tests: before the first one it does about as much as a test.
status=0
while read -r t says; do
	case $says in
	*'[not run]'*) echo "$t: not run: ${says#*\[not run\]}" ;;
	*' - '* | '- '* | *'[failed'*)
		status=1
		if grep -q "^$t\$" /run/timeouts; then
			echo "$t: TIMEOUT"
		else
			echo "$t: FAIL: $says"
		fi
		;;
	*) echo "$t: pass: $says" ;;
	esac
done < <(HOST_OPTIONS=/run/local.config ./check --exact-order "$@" 2>&1 | tee "$OUT/check.log" |
	grep --line-buffered -E "^($(IFS='|' && echo "$*")) ")
kill $watcher
kernelsays || status=1
exit $status
