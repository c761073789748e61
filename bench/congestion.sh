#!/bin/bash
# Runs a command in a network of its own, with nothing but loopback, where TCP uses the given congestion control.
# What the machine does otherwise stays as it is. Needs root.
#
#   bench/congestion.sh reno go run ./bench -rounds 1 -modes off
#
# With bbr TCP sends at a pace, by a timer, on loopback too: that costs the server that sends several times as much
# as the rest. Most machines have cubic, reno's successor, which a network of its own may not be allowed to use.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
exec unshare --net bash -c '
	ip link set lo up
	echo "$1" >/proc/sys/net/ipv4/tcp_congestion_control || { echo "may use: $(cat /proc/sys/net/ipv4/tcp_allowed_congestion_control)" >&2; exit 2; }
	shift
	exec "$@"' congestion "$@"
