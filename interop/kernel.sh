#!/bin/bash
# Drives the Linux kernel's SMB client against the example server, in a small VM.
#
#   interop/kernel.sh                   all cells, prints a table, fails unless all pass
#   interop/kernel.sh 3.1.1 seal        some cells: 2.0 2.1 3.0 3.0.2 3.1.1 ntlmsspi seal
#
# It needs smbvm, which is kept outside this repository (SMBVM, default
# ../shared/vm/smbvm), set up once with `smbvm setup`. Emulated it takes about
# an hour for all cells. Variables:
#
#   KERNEL_OUT=DIR     where results.tsv and the logs go (default: a new one in /tmp)
#   KERNEL_FILES=5000  files of the source tree that is copied
#   KERNEL_MANY=20000  entries of the directory that is listed
#   KERNEL_NET=tap     or user: slower, needs no network namespace
#   KERNEL_SERVER=CMD  another server, which must listen on $SMBVM_BIND:4455 and serve
#                      $SHARE_DIR as "share" to user smbtest, password Passw0rd
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
smbvm=${SMBVM:-$top/../shared/vm/smbvm}
files=${KERNEL_FILES:-5000}
many=${KERNEL_MANY:-20000}
net=${KERNEL_NET:-tap}
cells=("$@")
[ $# -gt 0 ] || cells=(2.0 2.1 3.0 3.0.2 3.1.1 ntlmsspi seal)

[ -x "$smbvm" ] || { echo "kernel.sh: no smbvm at $smbvm: name it with SMBVM" >&2; exit 2; }
out=${KERNEL_OUT:-$(mktemp -d /tmp/smb-kernel.XXXXXX)}
mkdir -p "$out"
out=$(readlink -f "$out")
: >"$out/results.tsv"
SHARE_DIR=$(mktemp -d /dev/shm/smb-kernel.XXXXXX)
export SHARE_DIR
work=$(mktemp -d /tmp/smb-kernel-work.XXXXXX) # on the disk: the guest sees it
trap 'rm -rf "$SHARE_DIR" "$work"' EXIT

# The tree to copy: files of Go's own source, as many as asked for.
goroot=$(go env GOROOT)
mkdir "$work/tree"
(cd "$goroot/src" && find . -type f ! -name '*.zip' | sort | sed -n "1,${files}p" |
	tar cf - --no-recursion -T - | tar xf - -C "$work/tree")
have=$(find "$work/tree" -type f | wc -l)
[ "$have" = "$files" ] || { echo "kernel.sh: only $have files for the tree" >&2; exit 1; }
mkdir "$SHARE_DIR/many"
(cd "$SHARE_DIR/many" && seq -f 'entry number %g.txt' "$many" | xargs -d '\n' touch)

server=${KERNEL_SERVER:-}
if [ -z "$server" ]; then
	(cd "$top" && CGO_ENABLED=0 go build -o "$work/server" ./examples/server)
	server="exec $work/server -listen \$SMBVM_BIND:4455 -share share=$SHARE_DIR -user smbtest:Passw0rd >$out/banner 2>$out/server.log"
fi
echo "kernel.sh: results and logs in $out" >&2
status=0
"$smbvm" run --net "$net" --mem 6144 --timeout 14400 --log "$out/dmesg" --rw "$out" --serve "$server" \
	--env "OUT=$out" --env "TREE=$work/tree" --env "MANY=$many" -- bash "$here/kernel-guest.sh" "${cells[@]}" || status=$?

awk -F'\t' '
	{ if (!($1 in seen)) { seen[$1] = 1; cells[++n] = $1 }
	  if (!($2 in step)) { step[$2] = 1; steps[++k] = $2 }
	  r[$1, $2] = $3 " " $4 "s"; if ($3 != "pass") { bad++; print $1 ": " $2 ": " $5 > "/dev/stderr" } }
	END { printf "%-10s", "vers"; for (j = 1; j <= k; j++) printf "%-12s", steps[j]; print ""
	  for (i = 1; i <= n; i++) { printf "%-10s", cells[i]
	    for (j = 1; j <= k; j++) printf "%-12s", ((cells[i], steps[j]) in r) ? r[cells[i], steps[j]] : "-"; print "" }
	  exit bad > 0 || n == 0 }' "$out/results.tsv" || status=1
exit "$status"
