#!/bin/bash
# The part of persistent.sh that runs beside the guest: starts the server ($SERVER),
# kills it $KILLS times, and has the probe run.
set -u
pid=
trap 'kill -TERM -- -$pid $probe 2>/dev/null; exit 0' TERM INT HUP
start() { setsid bash -c "$SERVER" & pid=$!; }
start
probe=
if [ "$STRICT" = true ]; then
	/usr/bin/python3 "$(dirname "$0")/testdata/share_probe.py" "$SMBVM_BIND" "$OUT" >"$OUT/probe.log" 2>&1 &
	probe=$!
fi
until [ -e "$OUT/holding" ]; do sleep 0.2; done
for ((i = 0; i < KILLS; i++)); do
	sleep $((RANDOM % GAP)).$((RANDOM % 10))
	until kill -KILL -- -$pid 2>/dev/null; do sleep 0.05; done # it may not have begun
	wait $pid 2>/dev/null
	sleep $((RANDOM % 2)).$((RANDOM % 10))
	start
	echo "$(date +%T.%N) killed and started, $((i + 1))" >>"$OUT/kills"
done
[ "$KILLS" = 0 ] || { sleep 10; touch "$OUT/over"; }
while :; do wait $pid; sleep 1; done
