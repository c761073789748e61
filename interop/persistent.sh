#!/bin/bash
# A client of the Linux kernel keeps files open and locked, writes, and runs fio
# with verification, while the server is killed and started again, or the TCP
# connections are cut, at random moments. No acknowledged write may get lost, no
# lock, no handle; nobody else may be let in; each handle must be back in a minute.
#
#   interop/persistent.sh [MODE [HOW [TIMES]]]
#
#   MODE   persistent (default), resilient or durable: the client's handles
#   HOW    kill (default) or cut
#   TIMES  how often (default 100), at random times of up to GAP (5) seconds
#
# Resilient handles don't survive the server, and durable ones last only as long as
# no other client breaks their lease, as a lock does: there the test is about the
# data alone. Where it is about more, another client, on the host, tries to open a
# held file so that nobody else may have it open: that must never work. For the
# variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
mode=${1:-persistent} how=${2:-kill} times=${3:-100}
[ "$mode" != persistent ] || KERNEL_ARGS="-handles \$OUT/handles.db ${KERNEL_ARGS:-}"
prepare
rm -f "$out"/{holding,over,done,probed,probe.log,kills,handles.db}
export OUT=$out SERVER=$server KILLS=0
[ "$how" != kill ] || KILLS=$times
strict=false
case $mode-$how in persistent-* | resilient-cut) strict=true ;; esac
export STRICT=$strict GAP=${GAP:-5}
status=0
guest --timeout 14400 --env "STRICT=$strict" --env "HOW=$how" --env "GAP=$GAP" --env "TIMES=$times" --serve "exec '$here/persistent-serve.sh'" \
	-- bash "$here/persistent-guest.sh" "$mode" || status=1
if [ $strict = true ]; then
	tail -n 3 "$out/probe.log"
	grep -q '^FAULT' "$out/probe.log" && status=1
	grep -q '^probed' "$out/probe.log" || { echo 'FAULT: the probe did not end as it should'; status=1; }
fi
exit $status
