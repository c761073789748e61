#!/bin/bash
# Runs Debian's smbd in the foreground as the reference of the kernel's tests: on
# port 445 of $SMBVM_BIND, with $SHARE_DIR as "share". Its state is in the
# directory $1, and stays there for a restart. SMBD_ADDRS may name more addresses,
# SMBD_SCRATCH the directory of a second share, "scratch".
set -euo pipefail
dir=$1
mkdir -p "$dir"/{private,ncalrpc,wb}
interfaces=
for a in $SMBVM_BIND ${SMBD_ADDRS:-}; do
	interfaces+=" \"$a;speed=1000000000,capability=RSS\""
done
cat >"$dir/smb.conf" <<CONF
[global]
	netbios name = PEER
	server role = standalone server
	interfaces = $interfaces
	bind interfaces only = yes
	smb ports = 445
	disable netbios = yes
	server min protocol = SMB2_02
	server multi channel support = yes
	smb2 leases = yes
	map to guest = never
	username map = $dir/users
	private dir = $dir/private
	pid directory = $dir
	lock directory = $dir
	state directory = $dir
	cache directory = $dir
	ncalrpc dir = $dir/ncalrpc
	winbindd socket directory = $dir/wb
	usershare path =
	log file = $dir/log
	passdb backend = tdbsam
	load printers = no
	printing = bsd
	printcap name = /dev/null
	disable spoolss = yes
	strict sync = yes
[share]
	path = $SHARE_DIR
	read only = no
	admin users = root
	durable handles = yes
	kernel share modes = no
	kernel oplocks = no
	posix locking = no
CONF
[ -z "${SMBD_SCRATCH:-}" ] || printf '[scratch]\n\tcopy = share\n\tpath = %s\n' "$SMBD_SCRATCH" >>"$dir/smb.conf"
echo 'root = smbtest' >"$dir/users"
[ -e "$dir/private/passdb.tdb" ] ||
	printf 'Passw0rd\nPassw0rd\n' | smbpasswd -c "$dir/smb.conf" -a -s root
exec smbd --foreground --no-process-group -s "$dir/smb.conf" --debug-stdout
