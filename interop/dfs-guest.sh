#!/bin/bash
# The part of dfs.sh that runs in the guest: $SERVER is the program to serve with.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
kernel=$1
root=127.0.0.1 first=127.0.0.2 second=127.0.0.3 nobody=127.0.0.4
m=/mnt/dfs
mkdir -p $m /srv/root/sub /srv/root/hides /srv/data/deep
echo root >/srv/root/here
echo data >/srv/data/there
echo deep >/srv/data/deep/down

# serve HOST SHARES...: starts a server; its id is in $pid.
serve() {
	local host=$1
	shift
	$SERVER -listen "$host:445" -user smbtest:Passw0rd $ARGS "$@" >"$OUT/banner-$host" 2>"$OUT/server-$host.log" &
	pid=$!
}

# mountdfs WHAT OPTIONS
mountdfs() {
	local i
	for i in $(seq 10); do
		mount -t cifs "//$root/$1" $m -o "vers=3.1.1,user=smbtest,pass=Passw0rd,echo_interval=2${2:+,$2}" && return 0
		sleep 0.5
	done
	return 1
}

is() { # what, got, want
	[ "$2" = "$3" ] && return 0
	echo "$1 is $2, want $3"
	return 1
}

links() {
	mountdfs dfs "$1"
	is names "$(ls $m | tr '\n' ' ')" "both here hides sub "
	is kind "$(stat -c %F $m/hides)" directory
	is content "$(cat $m/hides/there)" data
	grep -q "^//$first/data $m/hides cifs" /proc/mounts || grep -qi "$m/hides cifs" /proc/mounts
	is 'content past a dead target' "$(cat $m/sub/two/down)" deep
	echo new >$m/hides/new
	is 'what was written' "$(cat /srv/data/new)" new
	mv $m/here $m/hides/moved # which is another file system
	mv $m/hides/moved $m/here
	is 'what was moved' "$(cat $m/here)" root
	! rmdir $m/hides
	! mv $m/sub $m/sub2
	! mkdir $m/hides
	rm $m/hides/new
	is 'what a link hides' "$(ls /srv/root/hides)" ""
	umount -l $m
}

# A mount of what is behind a link, or of a share that is no root.
below() {
	mountdfs dfs/sub/two ""
	is content "$(cat $m/down)" deep
	umount $m
	mountdfs dfs/hides/deep ""
	is content "$(cat $m/down)" deep
	umount $m
	mountdfs plain ""
	is content "$(cat $m/here)" root
	umount $m
}

failover() {
	mountdfs dfs ""
	is content "$(cat $m/both/there)" data
	kill "$1"
	local i
	for i in $(seq 60); do
		[ "$(cat $m/both/deep/down 2>/dev/null)" = deep ] && break
		sleep 1
	done
	is 'content from the second target' "$(cat $m/both/deep/down)" deep
	umount -l $m
}

serve $second -share data=/srv/data
dying=$pid
serve $first -share data=/srv/data
serve $root -share dfs=/srv/root -share plain=/srv/root \
	-dfs dfs/hides=//$first/data -dfs dfs/sub/two=//$nobody/x,//$first/data/deep -dfs dfs/both=//$second/data,//$first/data
# Not with the option posix: there the kernel puts a slash before names behind a link, which
# smbd refuses, too.
step links links ""
step links-sealed links seal
step below below
step failover failover $dying
# It has no number for what is on another server, and says so.
kernelsays 'server inode numbers|seem to support them|Hardlinks will not|error -111|has not responded|Error connecting to socket' || failed=1
exit $failed
