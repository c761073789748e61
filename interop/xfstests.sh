#!/bin/bash
# Runs xfstests on a mount of the Linux kernel's client: the tests that ksmbd's CI runs, or
# those that are named. xfstests is to be found, built, in $XFSTESTS (/opt/xfstests); its
# README says how.
#
#   interop/xfstests.sh [TEST...]          such as generic/001
#   KERNEL=6.1 interop/xfstests.sh ...     default: 6.12
#   LIMIT=400 interop/xfstests.sh ...      seconds that a test may take; default: 600
#   SHORT=1 interop/xfstests.sh ...        long tests do a tenth of what they do
#
# With KERNEL_SERVER=smbd it shows which tests Debian's smbd passes. Emulated all of them take
# some two hours. For the other variables see kernel-lib.sh.
set -euo pipefail
. "$(dirname "$0")/kernel-lib.sh"
tests=("$@")
if [ $# = 0 ]; then
	tests=(cifs/001)
	for n in 001 002 005 006 007 008 010 011 013 014 023 024 028 029 030 032 033 036 037 043 044 045 046 051 069 070 071 \
		072 074 080 084 086 091 095 098 100 103 109 113 117 124 125 129 130 132 133 135 141 169 198 207 208 210 211 212 214 \
		215 221 225 228 236 239 241 245 246 247 248 249 257 258 263 308 309 310 313 315 316 323 337 339 340 344 345 346 349 \
		350 354 360 377 391 393 394 406 412 420 428 430 431 432 433 436 437 438 439 443 445 446 448 451 452 454 460 461 464 \
		465 469 504 523 524 528 532 533 539 565 567 568 599; do
		tests+=("generic/$n")
	done
fi
xfstests=${XFSTESTS:-/opt/xfstests}
[ -x "$xfstests/check" ] && [ -x "$xfstests/ltp/fsstress" ] || die "no xfstests, built, in $xfstests: name it with XFSTESTS"
KERNEL_ARGS="-admin root:Passw0rd ${KERNEL_ARGS:-}"
prepare
mkdir -p "$work/scratch"
chmod 777 "$work/scratch"
case ${KERNEL_SERVER:-} in
'') server="${server/ -user / -share scratch=$work/scratch -user }" ;;
smbd) server="export SMBD_SCRATCH='$work/scratch'; $server" ;;
esac
guest --kernel "${KERNEL:-6.12}" --timeout 18000 --env "XFSTESTS=$xfstests" --env "LIMIT=${LIMIT:-}" --env "SHORT=${SHORT:-}" \
	--serve "$server" -- bash "$here/xfstests-guest.sh" "${tests[@]}"
