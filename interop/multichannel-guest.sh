#!/bin/bash
# The part of multichannel.sh that runs in the guest.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
seconds=$1 want=$2 m=/mnt/many status=0

# channels prints local and remote address of the client's connections.
channels() { ss -Htn state established "dport = 445" | awk '{print $3, $4}' | sort -k2; }
count() { channels | wc -l; }
extra() { awk '/Extra Channels:/ {n += $3} END {print n + 0}' /proc/fs/cifs/DebugData; }
fault() { echo "FAULT: $*"; status=1; }

# soon CONDITION: within a minute.
soon() {
	local i
	for i in $(seq 120); do
		eval "$1" && return 0
		sleep 0.5
	done
	return 1
}

mountit $m "multichannel,max_channels=$want,echo_interval=4,actimeo=0" || exit 1
soon '[ "$(count)" -ge $want ]' || fault "the client made $(count) channels, not $want"
echo "channels: $(count), DebugData says $(extra) extra:"
channels
grep -iE 'interface|speed|Capabilities|IPv4' /proc/fs/cifs/DebugData | head -20

# Does each channel carry data? At most half a minute of copying shows.
head -c 8M /dev/urandom >/run/data
for i in 1 2 3 4; do cp /run/data $m/data$i & done
wait
for i in 1 2 3 4; do dd if=$m/data$i iflag=direct bs=1M status=none | cmp - /run/data || fault "data$i is wrong"; done
ss -Htni state established "dport = 445" | grep -o 'bytes_acked:[0-9]*' | tee /run/carried
while IFS=: read -r _ n; do
	[ "$n" -gt 100000 ] || fault "a channel carried only $n bytes"
done </run/carried

# fio repeats until the time is over; each round verifies.
mkdir $m/fio
end=$(($(date +%s) + seconds))
(
	rounds=0
	while [ "$(date +%s)" -lt $end ]; do
		fio --name=direct --directory=$m/fio --size=8m --rw=randrw --bsrange=4k-256k --direct=1 --ioengine=libaio \
			--iodepth=16 --verify=crc32c --verify_fatal=1 --do_verify=1 >/run/fio.direct 2>&1 || exit 1
		fio --name=cached --directory=$m/fio --size=8m --numjobs=2 --rw=randwrite --bsrange=4k-256k --ioengine=psync \
			--fsync=16 --end_fsync=1 --verify=crc32c --verify_fatal=1 --do_verify=1 >/run/fio.cached 2>&1 || exit 1
		rounds=$((rounds + 1))
		echo $rounds >/run/rounds
	done
) &
fio=$!
cuts=0 holes=0
while kill -0 $fio 2>/dev/null; do
	sleep $((RANDOM % 3 + 1)).$((RANDOM % 10))
	[ "$(date +%s)" -lt $end ] || continue
	mapfile -t list < <(channels)
	[ ${#list[@]} -gt 0 ] || continue
	read -r from to <<<"${list[RANDOM % ${#list[@]}]}"
	if [ $((RANDOM % 8)) = 0 ] && [ "${to%:*}" != "$HOST" ]; then
		ip route add blackhole "${to%:*}"
		sleep $((RANDOM % 15 + 5))
		ip route del blackhole "${to%:*}"
		holes=$((holes + 1))
		soon '[ "$(count)" -ge $want ]' || fault "only $(count) channels a minute after packets to ${to%:*} got lost"
	else
		ss -K src "${from%:*}" sport = "${from##*:}" dport = 445 >/dev/null
		cuts=$((cuts + 1))
		[ $((RANDOM % 2)) = 0 ] || soon '[ "$(count)" -ge $want ]' ||
			fault "only $(count) channels a minute after a cut"
	fi
done
wait $fio || { fault "fio failed"; tail -15 /run/fio.direct /run/fio.cached; }
echo "fio rounds: $(cat /run/rounds), cuts: $cuts, times that packets got lost: $holes"
[ $cuts -ge 3 ] || fault "only $cuts cuts"
soon '[ "$(count)" -ge $want ]' || fault "only $(count) channels at the end"
echo "channels: $(count), DebugData says $(extra) extra"
for i in 1 2 3 4; do dd if=$m/data$i iflag=direct bs=1M status=none | cmp - /run/data || fault "data$i is wrong"; done
umount $m || fault "umount"
kernelsays 'has not responded|reconnect|sending data on socket|Close unmatched|No more channels|cifs_put_smb_ses|successfully opened new channel' || status=1
[ $status = 0 ] && echo 'no faults'
exit $status
