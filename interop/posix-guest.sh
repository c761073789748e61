#!/bin/bash
# The part of posix.sh that runs in the guest. $SHARE is what the server serves, as the
# machine sees it.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
kernel=$1
m=/mnt/posix

mountposix() {
	mountit $m "posix,nomapposix${1:+,$1}"
	grep -q " $m .*posix" /proc/mounts
}

# What is compared must come from the server, not from the client's cache.
remount() {
	umount $m
	mountposix "${1:-}"
}

is() { # what, got, want
	[ "$2" = "$3" ] && return 0
	echo "$1 is $2, want $3"
	return 1
}

modes() {
	local mode
	is 'mode' "$(stat -c %a $m/local)" 640
	# Kernel 6.1 knows owners from listings only.
	[ "$kernel" = 6.1 ] || is owner "$(stat -c '%u %g' $m/local)" "$(stat -c '%u %g' "$SHARE/local")"
	is 'mode of a directory' "$(stat -c %a $m/team)" 2775
	ls -ln $m | grep -q "^-rw-r----- 1 $(stat -c '%u *%g' "$SHARE/local") .*local"
	for mode in 700 640 604 777; do
		mkdir -m $mode $m/dir$mode
		(umask $(printf %o $((0777 & ~0$mode))) && : >$m/file$mode)
		remount
		is "mkdir -m $mode" "$(stat -c %a $m/dir$mode "$SHARE/dir$mode" | tr '\n' ' ')" "$mode $mode "
		is "file with $mode" "$(stat -c %a $m/file$mode)" "$(printf %o $((0666 & 0$mode)))"
	done
}

# Kernel 6.1 has chmod only with modefromsid.
chmods() {
	local mode
	for mode in 600 755 444 1777; do
		chmod $mode $m/dir700
		is "chmod $mode" "$(stat -c %a $m/dir700)" $mode
		is "chmod $mode on disk" "$(stat -c %a "$SHARE/dir700")" $mode
	done
	chmod 4711 $m/file700
	is 'chmod 4711 on disk' "$(stat -c %a "$SHARE/file700")" 711
	chmod 444 $m/file700
	echo x >$m/file700 # as root may
	rm $m/file700
}

chmodsid() {
	remount modefromsid
	chmod 750 $m/dir777
	remount
	is 'chmod 750' "$(stat -c %a $m/dir777)" 750
}

chowns() {
	remount idsfromsid
	! chown 4711 $m/local
	remount
	ls -ln $m | grep -q "^-rw-r----- 1 $(stat -c '%u *%g' "$SHARE/local") .*local"
}

names() {
	local n list=('a:b' 'a*b' 'a?b' 'a<b' 'a>b' 'a|b' 'a"b' 'a\b' 'dot.' 'space ' ' ' '...' a A CON 'ä')
	mkdir $m/names
	for n in "${list[@]}"; do
		echo "$n" >"$m/names/$n"
	done
	remount
	for n in "${list[@]}"; do
		is "content of '$n'" "$(cat "$m/names/$n")" "$n"
		is "on disk '$n'" "$(cat "$SHARE/names/$n")" "$n"
	done
	is count "$(ls -A $m/names | wc -l)" ${#list[@]}
	mv $m/names/a $m/names/A
	is 'A after mv a A' "$(cat $m/names/A)" a
	[ ! -e $m/names/a ]
	rm -r $m/names
}

unlink() {
	echo old >$m/open
	exec 5<$m/open
	rm $m/open
	! ls $m | grep -qx open
	[ ! -e "$SHARE/open" ]
	is 'what is open' "$(cat <&5)" old
	exec 5<&-
	# As long as the client has a handle it finds the name by that, and would
	# empty the old file to make a new one.
	remount
	[ ! -e $m/open ]
	echo new >$m/open
	remount
	is 'what has the name' "$(cat $m/open)" new
}

renameover() {
	echo old >$m/target
	echo new >$m/source
	exec 5<$m/target
	mv $m/source $m/target
	is 'on disk' "$(cat "$SHARE/target")" new
	is 'what is open' "$(cat <&5)" old
	exec 5<&-
	remount
	is 'what has the name' "$(cat $m/target)" new
	mkdir -p $m/one/sub $m/two
	exec 6>$m/one/sub/f
	mv -T $m/one $m/two
	echo late >&6
	exec 6>&-
	is 'what is open below' "$(cat $m/two/sub/f)" late
	rm -r $m/two
}

hardlink() {
	echo x >$m/h1
	ln $m/h1 $m/h2
	is links "$(stat -c %h $m/h1)" 2
	is inode "$(stat -c %i $m/h1)" "$(stat -c %i $m/h2)"
	rm $m/h1
	is 'links left' "$(stat -c %h "$SHARE/h2")" 1
}

symlinks() {
	is 'a link of the machine' "$(readlink $m/link)" team/there
	echo there >$m/team/there
	is 'through it' "$(cat $m/link)" there
	[ "$kernel" != 6.1 ] || return 0 # it can't make any
	ln -s team/there $m/mine
	ln -s ../mine $m/team/up
	remount
	is target "$(readlink $m/mine)" team/there
	is 'on disk' "$(readlink "$SHARE/mine")" team/there
	is 'through two' "$(cat $m/team/up)" there
	ls -l $m | grep -q '^lrwxrwxrwx .* mine -> team/there$'
}

special() {
	mkfifo $m/fifo
	mknod $m/null c 1 3
	mknod $m/loop b 7 1
	remount
	is types "$(stat -c %F $m/fifo $m/null $m/loop | tr '\n' ,)" 'fifo,character special file,block special file,'
	ls -l $m >/run/list
	grep -q '^p.* fifo$' /run/list
	grep -q '^c.* 1, *3 .* null$' /run/list
	is 'on disk' "$(stat -c %F "$SHARE/null")" 'regular empty file'
	rm $m/fifo $m/null $m/loop
}

locks() {
	echo 0123456789 >$m/locked
	python3 - $m/locked $kernel <<-'PY'
		import fcntl, os, sys
		def other(cmd, off, n):
		    pid = os.fork()
		    if pid == 0:
		        f = open(sys.argv[1], 'r+b')
		        try:
		            fcntl.lockf(f, cmd | fcntl.LOCK_NB, n, off)
		            os._exit(0)
		        except OSError:
		            os._exit(1)
		    return os.waitpid(pid, 0)[1] == 0
		f = open(sys.argv[1], 'r+b')
		fcntl.lockf(f, fcntl.LOCK_EX, 4, 0)
		assert not other(fcntl.LOCK_EX, 3, 2)
		assert other(fcntl.LOCK_EX, 4, 2)
		if sys.argv[2] == '6.1':
		    sys.exit() # that client doesn't let itself read
		g = open(sys.argv[1], 'rb')
		assert g.read(4) == b'0123', 'a lock keeps from reading'
		fcntl.lockf(f, fcntl.LOCK_UN)
		assert other(fcntl.LOCK_EX, 0, 4)
	PY
}

volume() {
	is 'blocks, their size, inodes' "$(stat -f -c '%b %S %c' $m)" "$STATFS"
	[ "$(stat -f -c %d $m)" -gt 0 ]
}

# A tree of the client's comes back as it was.
tree() {
	local i list='%M %s %l %P\n'
	mkdir /run/tree
	for i in $(seq 100); do
		mkdir -p /run/tree/$((i % 10))
		echo $i >/run/tree/$((i % 10))/file$i
		chmod $(printf %o $((0600 | i * 7 % 0200))) /run/tree/$((i % 10))/file$i
		ln -s ../$((i % 10))/file$i /run/tree/$((i % 10))/link$i
	done
	cp -r --preserve=mode,links /run/tree $m/tree
	remount
	# In this order: the client doesn't ask for the modes of what it has open.
	diff <(cd /run/tree && find . -mindepth 1 ! -type d -printf "$list" | sort) <(cd $m/tree && find . -mindepth 1 ! -type d -printf "$list" | sort)
	diff -r /run/tree $m/tree
	rm -r $m/tree
	[ ! -e $m/tree ]
}

step mount mountposix
[ $failed = 0 ] || exit 1
step modes modes
[ "$kernel" = 6.1 ] || step chmod chmods
step modefromsid chmodsid
step chown chowns
step names names
step unlink unlink
step renameover renameover
step hardlink hardlink
step symlink symlinks
[ "$kernel" = 6.1 ] || step special special
step locks locks
step volume volume
[ "$kernel" = 6.1 ] || step tree tree
step umount umount $m
step dmesg kernelsays "POSIX Extensions are experimental"
exit $failed
