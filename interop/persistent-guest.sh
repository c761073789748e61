#!/bin/bash
# The part of persistent.sh that runs in the guest.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
status=0
case $1 in
durable) opts=nopersistenthandles ;;
*) opts=${1}handles ;;
esac
for m in a b; do mountit /mnt/$m "hard,$opts,echo_interval=5,actimeo=0" || { dmesg | tail -3; exit 1; }; done
mountit /mnt/plain hard,cache=none,actimeo=0,echo_interval=5 || exit 1
grep -o 'resilienthandles\|persistenthandles' /proc/mounts | sort | uniq -c
mkdir /mnt/plain/fio

# When the connection breaks some calls fail that the client should repeat, whatever
# the server is: such a round is only counted.
broken='err=(5|9|11|103|112)/' # EIO, EBADF, EAGAIN, ECONNABORTED, EHOSTDOWN
(
	rounds=0 again=0
	until [ -e "$OUT/over" ]; do
		if fio --name=direct --directory=/mnt/a/fio --size=2m --rw=randrw --bsrange=4k-64k --direct=1 --ioengine=libaio \
			--iodepth=8 --verify=crc32c --verify_fatal=1 --do_verify=1 >/run/fio.log 2>&1; then
			rounds=$((rounds + 1))
		elif grep -q '^verify' /run/fio.log || ! grep -qE "$broken" /run/fio.log; then
			exit 1
		else
			again=$((again + 1))
		fi
		echo "$rounds, broken off by the client: $again" >/run/rounds
	done
) &
fio=$!
if [ "$HOW" = cut ]; then
	(
		until [ -e "$OUT/holding" ]; do sleep 0.2; done
		for ((i = 0; i < TIMES; i++)); do
			sleep $((RANDOM % GAP)).$((RANDOM % 10))
			ss -K dport = 445 >/dev/null
		done
		sleep 5
		touch "$OUT/over"
	) &
fi
"$CHECK" survive -until "$OUT/over" -ready "$OUT/holding" -strict=$STRICT /mnt/a /mnt/b /mnt/plain || status=1
touch "$OUT/over"
wait $fio || { echo 'FAULT: fio failed'; grep -iE 'err|verify|offset' /run/fio.log | head;  status=1; }
echo "fio rounds: $(cat /run/rounds)"
umount /mnt/a /mnt/b || status=1
touch "$OUT/done"
for _ in $(seq 200); do # the probe sees that it gets in now
	[ "$STRICT" = true ] && [ ! -e "$OUT/probed" ] || break
	sleep 0.5
done
umount /mnt/plain || status=1
kernelsays 'has not responded|reconnect|sending data on socket|Close unmatched|cifs_put_smb_ses|Send error|reopen|cifs_setlk failed|Push locks|Serverclose|could not find session|signing key|signature verification returned error = -2' || status=1
exit $status
