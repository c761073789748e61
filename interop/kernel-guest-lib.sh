# Sourced by the scripts that run in the guest, as root.
modprobe cifs
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
dmesg | sort -u >/run/dmesg.old

# mountit WHERE OPTIONS: mounts the share with a connection of its own.
mountit() {
	mkdir -p "$1"
	local i
	for i in $(seq 20); do
		mount -t cifs "//$HOST/share" "$1" -o "vers=3.1.1,user=smbtest,pass=Passw0rd,nosharesock,$2${OPTS:+,$OPTS}" && return 0
		sleep 0.5 # the server may just be starting
	done
	return 1
}

# step NAME COMMAND...: runs a part of the test with kernel $kernel, which fails with the
# first of its commands that does, and says how it went. Afterwards $failed is 1 if any
# part failed. A script may have something done before each: before_step NAME.
# If $STEPS names some, only these are run, and mount and dmesg. Each log is kept.
failed=0
step() {
	local name=$1
	shift
	case " mount dmesg ${STEPS:-$name} " in *" $name "*) ;; *) return ;; esac
	before_step "$name"
	# Not in a condition, where -e counts for nothing.
	(set -ex; "$@") >/run/step.log 2>&1
	local rc=$?
	cp /run/step.log "$OUT/$kernel-$name.log"
	if [ $rc = 0 ]; then
		echo "$kernel: $name: pass"
		return
	fi
	echo "$kernel: $name: FAIL: $(tail -3 /run/step.log | tr '\n\t' '  ')"
	failed=1
}
before_step() { :; }

# kernelsays prints what the kernel complained of; what matches $1 is expected.
kernelsays() {
	dmesg | sort -u >/run/dmesg.new
	! comm -13 /run/dmesg.old /run/dmesg.new |
		grep -Ei 'cifs|smb|warning|bug|oops|hung|call trace' |
		grep -Eiv "Attempting to mount|cifs_mount failed|module verification|Netfs|Key type cifs${1:+|$1}"
}
