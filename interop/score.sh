#!/bin/bash
# Runs smbtorture against the example server through the scoreboard smbscore,
# which is kept outside this repository (SMBSCORE, default ../shared/torture).
#
#   interop/score.sh                         everything, result in /tmp/score.tsv
#   interop/score.sh --gate tier1-core.txt   the tests of a list; fails unless all pass
#   interop/score.sh --only 'smb2\.lock'     further arguments go to smbscore
#
# SCORE_WORKERS (2), SCORE_OUT (/tmp/score.tsv), SCORE_ARGS (flags of the server, default
# "-signing offered": many tests can't run on a connection that has to be signed),
# SCORE_LOG (/tmp/score-server.log)
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
score=${SMBSCORE:-$top/../shared/torture/smbscore}
lists=$(dirname "$score")
workers=${SCORE_WORKERS:-2}
out=${SCORE_OUT:-/tmp/score.tsv}
log=${SCORE_LOG:-/tmp/score-server.log}

[ -x "$score" ] || { echo "score.sh: no smbscore at $score: name it with SMBSCORE" >&2; exit 2; }

# A list may be named without its directory.
args=()
while [ $# -gt 0 ]; do
	case $1 in
	--gate) args+=(--gate); shift
		[ $# -gt 0 ] || { echo "score.sh: --gate wants a file" >&2; exit 2; }
		if [ -e "$1" ]; then args+=("$1"); else args+=("$lists/$1"); fi ;;
	*) args+=("$1") ;;
	esac
	shift
done

tmp=$(mktemp -d /dev/shm/smb-score.XXXXXX)
server=
finish() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT

(cd "$top" && go build -o "$tmp/server" ./examples/server)
flags=()
for ((w = 1; w <= workers; w++)); do
	mkdir -p "$tmp/share/$w"
	flags+=(-share "test$w=$tmp/share/$w")
done
# shellcheck disable=SC2086
"$tmp/server" -listen 127.0.0.1:0 -user torture:torture-pw -user torture2:torture-pw \
	"${flags[@]}" ${SCORE_ARGS:--signing offered} >"$tmp/banner" 2>"$log" &
server=$!
port=
for _ in $(seq 100); do
	port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$tmp/banner")
	[ -n "$port" ] && break
	kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
	sleep 0.1
done

status=0
"$score" -p "$port" -s 'test{w}' -u torture -P torture-pw --user2 torture2%torture-pw -j "$workers" \
	--reset "find '$tmp/share/{w}' -mindepth 1 -delete; setfattr -x user.DOSATTRIB '$tmp/share/{w}'" \
	-o "$out" "${args[@]}" || status=$?
if ! kill -0 "$server" 2>/dev/null; then
	echo "score.sh: the server is gone; the end of $log:" >&2
	tail -30 "$log" >&2
	status=1
fi
echo "score.sh: results in $out, the server's log in $log" >&2
exit "$status"
