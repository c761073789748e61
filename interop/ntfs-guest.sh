#!/bin/bash
# The part of ntfs.sh that runs in the guest. $BTRFS is 1 where what the server serves can
# share blocks and compress; $STEPS are the steps to run, all if it is empty.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
kernel=$1
m=/mnt/ntfs
before_step() { [ "$1" = mount ] || remount >/dev/null 2>&1; }

# remount mounts the share anew, so that what is compared comes from the server and not
# from the client's cache. An administrator may do all.
remount() {
	umount $m
	mountit $m "${1:-noperm}"
}

administrate() {
	umount $m
	mount -t cifs "//$HOST/share" $m -o "vers=3.1.1,user=root,pass=Passw0rd,nosharesock,${1:-noperm}"
}

is() { # what, got, want
	[ "$2" = "$3" ] && return 0
	echo "$1 is $2, want $3"
	return 1
}

# fails runs what must not succeed: -e doesn't count what stands after a "!".
fails() {
	if "$@"; then
		echo "it succeeds: $*"
		return 1
	fi
}

descriptor() {
	local sid=S-1-5-21-1-2-3-1004
	echo x >$m/acl
	getcifsacl -r $m/acl | grep -q '^OWNER:S-1-'
	setcifsacl -a "ACL:$sid:ALLOWED/0x0/READ" $m/acl
	getcifsacl -r $m/acl | grep -q "^ACL:$sid:0x0/0x0/0x12.*"
	setcifsacl -M "ACL:$sid:ALLOWED/0x0/FULL" $m/acl
	getcifsacl -r $m/acl | grep -q "^ACL:$sid:0x0/0x0/0x1f01ff"
	setcifsacl -a "ACL:$sid:DENIED/0x0/D" $m/acl
	setcifsacl -D "ACL:$sid:ALLOWED/0x0/FULL" $m/acl
	administrate
	getcifsacl -r $m/acl >/run/acl
	grep -q "^ACL:$sid:0x1/0x0/0x10000" /run/acl
	fails grep "$sid.*0x1f01ff" /run/acl
	setcifsacl -o "$sid" $m/acl
	setcifsacl -g S-1-5-32-544 $m/acl
	administrate
	is owner "$(getcifsacl -r $m/acl | grep ^OWNER)" "OWNER:$sid"
	is group "$(getcifsacl -r $m/acl | grep ^GROUP)" GROUP:S-1-5-32-544
	setcifsacl -S "ACL:S-1-1-0:ALLOWED/0x0/READ" $m/acl
	is 'number of entries' "$(getcifsacl -r $m/acl | grep -c ^ACL)" 1
	mkdir $m/acldir
	setcifsacl -a "ACL:$sid:ALLOWED/OI|CI/FULL" $m/acldir
	mkdir $m/acldir/sub
	echo x >$m/acldir/sub/f
	getcifsacl -r $m/acldir/sub/f | grep -q "^ACL:$sid:0x0/.*/0x1f01ff"
	is 'number of descriptors' "$(getcifsacl -R $m/acldir | grep -c '^OWNER')" 3
	rm -r $m/acldir
	remount
}

cifsacl() {
	local mode
	remount cifsacl
	: >$m/mode
	for mode in 640 600 755 444 660; do
		chmod $mode $m/mode
		umount $m
		mountit $m cifsacl
		is "chmod $mode" "$(stat -c %a $m/mode)" $mode
	done
	chmod 660 $m/mode
	echo x >>$m/mode
	rm $m/mode
	remount
}

modefromsid() {
	local mode
	remount modefromsid
	for mode in 640 600 755 444 666 711; do
		mkdir -m $mode $m/d$mode
		: >$m/f$mode
		chmod $mode $m/f$mode
	done
	getcifsacl -r $m/f640 | grep -q S-1-5-88-3-
	umount $m
	mountit $m modefromsid
	for mode in 640 600 755 444 666 711; do
		is "mkdir -m $mode" "$(stat -c %a $m/d$mode)" $mode
		is "chmod $mode" "$(stat -c %a $m/f$mode)" $mode
	done
	rm -rf $m/[df][0-9]*
	remount
}

idsfromsid() {
	administrate idsfromsid,cifsacl
	echo x >$m/owned
	chown 1234:2345 $m/owned
	administrate idsfromsid,cifsacl
	is owner "$(stat -c '%u %g' $m/owned)" '1234 2345'
	getcifsacl -r $m/owned | grep -q '^OWNER:S-1-5-88-1-1234'
	rm $m/owned
	remount
}

attributes() {
	echo x >$m/xattr
	setfattr -n user.one -v first $m/xattr
	setfattr -n user.two -v "$(printf %1000s z)" $m/xattr
	is value "$(getfattr --only-values -n user.ONE $m/xattr 2>/dev/null || getfattr --only-values -n user.one $m/xattr)" first
	is count "$(getfattr -d $m/xattr | grep -ic '^user\.\(one\|two\)')" 2
	remount
	is count "$(getfattr -d $m/xattr | grep -ic '^user\.\(one\|two\)')" 2
	setfattr -x user.one $m/xattr
	fails getfattr -n user.one $m/xattr
	fails setfattr -n user.big -v "$(head -c 66000 /dev/zero | tr '\0' z)" $m/xattr
	getfattr -e hex -n user.cifs.dosattrib $m/xattr | grep -q 0x20000000
	setfattr -n user.cifs.dosattrib -v 0x22000000 $m/xattr # hidden, archive
	remount
	is 'DOS attributes' "$(getfattr -e hex -n user.cifs.dosattrib $m/xattr | grep -o '0x.*')" 0x22000000
	getfattr -e hex -n user.cifs.creationtime $m/xattr | grep -q =0x
	rm $m/xattr
}

mfsymlinks() {
	remount mfsymlinks
	echo there >$m/there
	ln -s there $m/link
	umount $m
	mountit $m mfsymlinks
	is target "$(readlink $m/link)" there
	is 'through it' "$(cat $m/link)" there
	mv $m/link $m/other
	is 'renamed' "$(readlink $m/other)" there
	rm $m/other $m/there
	remount
}

# The flags of lsattr and chattr. The client can't take one away.
flags() {
	echo x >$m/flags
	flag '^-*$'
	fails chattr +c $m/flags # it opens for reading, which isn't enough for FSCTL_SET_COMPRESSION
	flag '^-*$'
	if [ "$BTRFS" = 1 ]; then
		compress
		flag '^-*c-*$'
		remount
		flag '^-*c-*$'
	else
		fails compress
		flag '^-*$'
	fi
	rm $m/flags
}

# compress is chattr +c by a handle that may write.
compress() {
	python3 -c 'import fcntl, os, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDWR), 0x40086602, b"\x04" + bytes(7))' $m/flags
}

flag() {
	lsattr $m/flags | cut -d ' ' -f 1 | grep -e "$1"
}

# Each sub-command of smbinfo. It reports success even if it has none.
smbinfos() {
	local c number='[1-9][0-9]*'
	asked=
	head -c 5000 /dev/zero >$m/info
	setfattr -n user.one -v first $m/info
	told fileaccessinfo 'flags: 0x00020080' # with which the client opens it
	told filealigninfo 'File alignment: 0x'
	told fileallinfo 'Creation Time: 20' 'End Of File: 5000' "Index Number: $number" "EA Size: $number" 'flags: 0x00020080'
	told filebasicinfo 'Creation Time: 20' 'Last Change Time: 20' 'File Attributes: 0x00000020'
	told fileeainfo "EA Size: $number"
	told filefsfullsizeinfo "Total Allocation Units: $number" "Bytes Per Sector: $number"
	told fileinternalinfo "Index Number: $number"
	told filemodeinfo 'Mode: 0x'
	told filepositioninfo 'Current Byte Offset: 0'
	told filestandardinfo 'End Of File: 5000' 'Number of Links: 1' 'Delete Pending: 0'
	told filestreaminfo 'Size: 5000 bytes'
	told fsctl-getobjid 'Object-ID: [0-9a-f]{8}-' 'Birth-Volume-ID: [0-9a-f]{8}-'
	told secdesc 'Owner: S-1-' 'DACL:' 'SID: S-1-'
	told list-snapshots 'Number of snapshots: 1 .*returned: 1' '1\) GMT:@GMT-2026.01.02-03.04.05'
	told getcompression 'Compression: 0 .NONE'
	refused quota # which is what a server without quotas answers
	if [ "$BTRFS" = 1 ]; then
		asked+=' setcompression '
		for c in lznt1 no default no; do
			is "setcompression $c" "$(smbinfo setcompression $c $m/info)" ''
			case $c in no) told getcompression 'Compression: 0' ;; *) told getcompression 'Compression: 2 .LZNT1' ;; esac
		done
	else
		refused setcompression lznt1
		is "setcompression no" "$(smbinfo setcompression no $m/info)" ''
	fi
	remount noperm,seal
	told keys 'ServerIn +Key:( [0-9a-f]{2}){16}' 'ServerOut key:( [0-9a-f]{2}){16}'
	for c in $(smbinfo --help | grep -o '{.*}' | head -1 | tr '{,}' '   '); do
		is "asked for $c" "$(grep -c " $c " <<<"$asked")" 1
	done
	rm $m/info
}

told() { # sub-command, patterns
	asked+=" $1 "
	smbinfo "$1" $m/info | tee /run/info
	fails grep -i failed /run/info
	shift
	local p
	for p in "$@"; do
		grep -Eq "$p" /run/info
	done
}

refused() { # arguments of smbinfo
	asked+=" $1 "
	smbinfo "$@" $m/info | tee /run/info
	grep -q 'Errno 95' /run/info
}

holes() {
	cd $m
	fallocate -l 1M holes
	is size "$(stat -c %s holes)" 1048576
	head -c 1M /dev/urandom >holes
	fallocate -p -o 65536 -l 131072 holes
	is 'a hole' "$(tail -c +65537 holes | head -c 131072 | tr -d '\0' | wc -c)" 0
	fallocate -z -o 0 -l 4096 holes
	is 'zeros' "$(head -c 4096 holes | tr -d '\0' | wc -c)" 0
	filefrag -v holes | grep -q 'extent'
	python3 - <<-'PY'
		import os
		f = os.open('holes', os.O_RDONLY)
		print(os.lseek(f, 65536, os.SEEK_HOLE), os.lseek(f, 65536, os.SEEK_DATA))
		assert os.lseek(f, 65536, os.SEEK_HOLE) == 65536
		assert os.lseek(f, 65536, os.SEEK_DATA) == 196608
	PY
	head -c 1M /dev/urandom >source
	cp --reflink=auto source copy
	cmp source copy
	if [ "$BTRFS" = 1 ]; then
		cp --reflink=always source clone
		cmp source clone
	else
		fails cp --reflink=always source clone
	fi
	rm -f clone
	python3 - <<-'PY'
		import os
		s, d = os.open('source', os.O_RDONLY), os.open('ranges', os.O_RDWR | os.O_CREAT)
		n = os.copy_file_range(s, d, 500000, 1000, 0)
		assert n > 0, n
		os.lseek(s, 1000, 0)
		assert os.pread(d, n, 0) == os.read(s, n)
	PY
	# Ranges are moved within a file.
	printf 'abcdefgh%4088s' x >moved
	printf 'ABCDEFGH%4088s' y >>moved
	fallocate -c -o 0 -l 4096 moved
	is 'what moved down' "$(head -c 8 moved) $(stat -c %s moved)" 'ABCDEFGH 4096'
	fallocate -i -o 0 -l 4096 moved
	is 'what moved up' "$(tail -c +4097 moved | head -c 8) $(stat -c %s moved)" 'ABCDEFGH 8192'
	is 'what it left' "$(head -c 4096 moved | tr -d '\0' | wc -c)" 0
	rm holes source copy ranges moved
	cd /
}

snapshots() {
	smbinfo list-snapshots $m/file | grep -q '@GMT-2026.01.02-03.04.05'
	remount snapshot=@GMT-2026.01.02-03.04.05
	is 'then' "$(cat $m/file)" earlier
	fails touch $m/new
	remount
	is 'now' "$(cat $m/file)" now
}

# Changes of another mount, by the control code that asks for them; inotify itself
# isn't served by the client.
notification() {
	mountit /mnt/other noperm
	mkdir $m/watched
	python3 - $m/watched >/run/notified 2>&1 <<-'PY' &
		import fcntl, os, struct, sys
		d = os.open(sys.argv[1], os.O_RDONLY)
		NOTIFY = 1 << 30 | 5 << 16 | 0xcf << 8 | 9
		fcntl.ioctl(d, NOTIFY, struct.pack('<IB', 0x17, 1))
		print('told')
	PY
	sleep 3
	echo x >/mnt/other/watched/new
	wait $!
	is answer "$(cat /run/notified)" told
	python3 - $m/watched >/run/notified 2>&1 <<-'PY' &
		import fcntl, os, struct, sys
		d = os.open(sys.argv[1], os.O_RDONLY)
		INFO = 3 << 30 | 9 << 16 | 0xcf << 8 | 11
		b = bytearray(struct.pack('<IBI', 0x17, 0, 4000) + bytes(4000))
		fcntl.ioctl(d, INFO, b)
		n = struct.unpack_from('<I', b, 5)[0]
		print(b[9:9 + n].decode('utf-16-le', 'replace'))
	PY
	sleep 3
	rm /mnt/other/watched/new
	wait $!
	grep -aq new /run/notified
	umount /mnt/other
	rm -r $m/watched
}

step mount mountit $m noperm
[ $failed = 0 ] || exit 1
dmesg | sort -u >/run/dmesg.old # the first tries may have come too early
step getcifsacl descriptor
step cifsacl cifsacl
step modefromsid modefromsid
step idsfromsid idsfromsid
step xattr attributes
step mfsymlinks mfsymlinks
step lsattr flags
step smbinfo smbinfos
step holes holes
step snapshots snapshots
step notify notification
umount $m
step dmesg kernelsays 'getting sec desc' # of who may not see audit entries
exit $failed
