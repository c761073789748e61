#!/bin/bash
# The part of kernel.sh that runs in the guest, as root. Each step of each cell is
# a line in $OUT/results.tsv: cell, step, pass or FAIL, seconds, why.
set -u
port=4455
m=/mnt/one m2=/mnt/two local=/run/local
mkdir -p $m $m2 $local
mount -t tmpfs -o size=3g local $local
cp -r "$TREE" $local/tree
modprobe cifs
cell='' opts='' failed=0

# step NAME COMMAND...: runs it and writes the result down.
step() {
	local name=$1 t0 t1 why
	shift
	t0=$(date +%s)
	if "$@" >/run/step.log 2>&1; then
		t1=$(date +%s)
		printf '%s\t%s\tpass\t%d\t\n' "$cell" "$name" $((t1 - t0)) >>"$OUT/results.tsv"
		echo "$cell: $name: pass, $((t1 - t0)) s"
		return 0
	fi
	t1=$(date +%s)
	why=$(tail -3 /run/step.log | tr '\n\t' '  ')
	printf '%s\t%s\tFAIL\t%d\t%s\n' "$cell" "$name" $((t1 - t0)) "$why" >>"$OUT/results.tsv"
	echo "$cell: $name: FAIL: $why"
	cp /run/step.log "$OUT/$cell-$name.log"
	failed=1
	return 1
}

mountit() { # where, more options
	mount -t cifs "//$HOST/share" "$1" -o "port=$port,user=smbtest,pass=Passw0rd,$opts${2:+,$2}"
}

# What is compared must come from the server, not from the client's cache.
remount() {
	umount $m && mountit $m
}

copyin() {
	rm -rf $m/tree
	cp -r $local/tree $m/tree && remount && diff -r $local/tree $m/tree
}

copyout() {
	rm -rf $local/back
	cp -r $m/tree $local/back && diff -r $local/tree $local/back && rm -rf $local/back
}

bench() {
	mkdir -p $m/dbench
	dbench -t 20 -c /usr/share/dbench/client.txt -D $m/dbench 4 && rm -rf $m/dbench
}

verify() {
	mkdir -p $m/fio
	fio --name=verify --directory=$m/fio --size=32m --numjobs=2 --rw=randwrite --bsrange=4k-1m \
		--ioengine=psync --end_fsync=1 --verify=crc32c --verify_fatal=1 --do_verify=1 &&
		fio --name=direct --directory=$m/fio --size=16m --rw=randwrite --bsrange=4k-1m --direct=1 \
			--ioengine=libaio --iodepth=8 --verify=crc32c --verify_fatal=1 --do_verify=1 &&
		rm -rf $m/fio
}

# Tries a condition for some seconds: attributes may be cached that long.
soon() {
	local i
	for i in $(seq 20); do
		eval "$1" && return 0
		sleep 0.5
	done
	echo "not within 10 s: $1"
	return 1
}

twomounts() {
	mountit $m2 nosharesock || return 1
	local rc=0
	{
		echo first >$m/shared && soon "grep -qx first $m2/shared" &&
			echo second >>$m2/shared && soon "[ \"\$(wc -l <$m/shared)\" = 2 ]" && soon "grep -qx second $m/shared" &&
			mv $m/shared $m/renamed && soon "[ -e $m2/renamed ]" && soon "[ ! -e $m2/shared ]" &&
			mkdir $m2/dir && soon "[ -d $m/dir ]" && soon "ls $m | grep -qx dir" &&
			truncate -s 100000 $m/renamed && soon "[ \"\$(stat -c %s $m2/renamed)\" = 100000 ]" &&
			rm $m2/renamed && rmdir $m/dir && soon "[ ! -e $m/renamed ]" && soon "[ ! -e $m2/dir ]"
	} || rc=1
	umount $m2 || rc=1
	return $rc
}

dftest() {
	df $m && [ "$(df --output=size $m | tail -1)" -gt 0 ] && [ "$(df --output=avail $m | tail -1)" -gt 0 ]
}

listmany() {
	ls -l $m/many >/run/list && [ "$(grep -c 'entry number' /run/list)" = "$MANY" ] &&
		[ "$(sort -u /run/list | grep -c 'entry number')" = "$MANY" ]
}

# Extended attributes of a file and a directory, read once more from the server.
xattrs() {
	local f=$m/attrs d=$m/attrsdir
	echo x >$f && mkdir $d &&
		setfattr -n user.Author -v Ann $f && setfattr -n user.on -v dir $d &&
		setfattr -n user.Author -v Bob $f && setfattr -n user.large -v "$(head -c 3000 /dev/zero | tr '\0' y)" $f &&
		remount && [ "$(getfattr --only-values -n user.Author $f)" = Bob ] &&
		[ "$(getfattr --only-values -n user.on $d)" = dir ] &&
		[ "$(getfattr --only-values -n user.large $f | wc -c)" = 3000 ] &&
		[ "$(getfattr -d $f | grep -c '^user\.')" = 2 ] &&
		! setfattr -n user.with:colon -v x $f && ! getfattr -n user.none $f &&
		setfattr -x user.large $f && [ "$(getfattr -d $f | grep -c '^user\.')" = 1 ] &&
		rm $f && rmdir $d
}

removetree() {
	rm -r $m/tree && [ ! -e $m/tree ] && remount && [ ! -e $m/tree ]
}

# What the kernel said in this cell, but for what it says on each mount.
kernellog() {
	dmesg >/run/dmesg.new
	comm -13 <(sort -u /run/dmesg.old) <(sort -u /run/dmesg.new) |
		grep -Ei 'cifs|smb|warning|bug|oops|hung|call trace' |
		grep -Ev 'Attempting to mount|less secure dialect|module verification|Netfs|CIFS: enabling forced|Key type cifs' || return 0
	return 1
}

for cell in "$@"; do
	case $cell in
	ntlmsspi) opts=vers=3.1.1,sec=ntlmsspi ;;
	seal) opts=vers=3.1.1,seal ;;
	*) opts=vers=$cell,sec=ntlmssp ;;
	esac
	dmesg >/run/dmesg.old
	step mount mountit $m || { step dmesg kernellog; continue; }
	step copyin copyin
	step copyout copyout
	step dbench bench
	step fio verify
	step twomounts twomounts
	step df dftest
	step list listmany
	step xattrs xattrs
	step delete removetree
	step umount umount $m || umount -l $m
	step dmesg kernellog
done
exit $failed
