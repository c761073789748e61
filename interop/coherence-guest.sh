#!/bin/bash
# The part of coherence.sh that runs in the guest.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
mountit /mnt/a actimeo=0,closetimeo=${CLOSETIMEO:-0} || exit 1
mountit /mnt/b actimeo=0,closetimeo=${CLOSETIMEO:-0} || exit 1
mountit /mnt/plain actimeo=0,cache=none || exit 1
status=0
flush=
case $(uname -r) in 6.[1-9].*) ;; *) flush=-flush ;; esac
"$CHECK" coherence -for "$1" -linger "${CLOSETIMEO:-0}s" $flush "${@:2}" /mnt/a /mnt/b /mnt/plain || status=1
grep -E 'Capabilities|Dialect|Lease|leas' /proc/fs/cifs/DebugData | sort | uniq -c
umount /mnt/a /mnt/b /mnt/plain || status=1
kernelsays || status=1
exit $status
