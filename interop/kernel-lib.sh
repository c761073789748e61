# Sourced by coherence.sh, dfs.sh, multichannel.sh, persistent.sh and posix.sh: what they have
# in common. They put a server into the network namespace of a small VM, on port 445
# of $SMBVM_BIND, and the Linux kernel's client into the VM. Variables:
#
#   KERNEL_OUT=DIR     where results and logs go (default: a new one in /tmp)
#   KERNEL_SERVER=CMD  another server than the example; it must listen on
#                      $SMBVM_BIND:445 and serve $SHARE_DIR as "share" to user
#                      smbtest, password Passw0rd. "smbd" is Debian's Samba.
#   KERNEL_ARGS=ARGS   more arguments for the example server
#   KERNEL_OPTS=OPTS   more mount options
#   SMBVM=PATH         the tool that makes the VM (default ../shared/vm/smbvm)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
smbvm=${SMBVM:-$top/../shared/vm/smbvm}
me=$(basename "$0")

die() { echo "$me: $*" >&2; exit 2; }

# prepare makes the directories and programs; after it $out, $work, $SHARE_DIR and
# $server (a shell line) are set.
prepare() {
	[ -x "$smbvm" ] || die "no smbvm at $smbvm: name it with SMBVM"
	out=${KERNEL_OUT:-$(mktemp -d "/tmp/smb-${me%.sh}.XXXXXX")}
	mkdir -p "$out"
	out=$(readlink -f "$out")
	SHARE_DIR=$(mktemp -d /dev/shm/smb-kernel.XXXXXX)
	chmod 777 "$SHARE_DIR"
	work=$(mktemp -d /tmp/smb-kernel-work.XXXXXX) # on the disk: the guest sees it
	export SHARE_DIR
	trap 'rm -rf "$SHARE_DIR" "$work"' EXIT
	(cd "$top" && CGO_ENABLED=0 go build -o "$work/kernelcheck" ./interop/kernelcheck)
	server=${KERNEL_SERVER:-}
	case $server in
	smbd) server="exec '$here/kernel-smbd.sh' '$work/smbd' >'$out/banner' 2>'$out/server.log'" ;;
	'')
		(cd "$top" && CGO_ENABLED=0 go build -o "$work/server" ./examples/server)
		server="exec '$work/server' -listen ${LISTEN:-\$SMBVM_BIND:445} -share share='$SHARE_DIR'${SHARE_OPTIONS:-} -user smbtest:Passw0rd ${KERNEL_ARGS:-} >'$out/banner' 2>>'$out/server.log'"
		;;
	esac
	echo "$me: results and logs in $out" >&2
}

# guest runs a script in the VM. Before its name: more arguments for smbvm run.
guest() {
	"$smbvm" run --net tap --mem 2048 --log "$out/dmesg" --rw "$out" \
		--env "OUT=$out" --env "CHECK=$work/kernelcheck" --env "OPTS=${KERNEL_OPTS:-}" --env "CLOSETIMEO=${CLOSETIMEO:-0}" "$@" 2>&1 | tee "$out/output"
	return "${PIPESTATUS[0]}"
}
