#!/bin/bash
# The part of krb5.sh that runs in the guest, whose root file system is a copy to write on.
set -u
. "$(dirname "$0")/kernel-guest-lib.sh"
kernel=$1
realm=GUEST.TEST
host=files.guest.test
dir=/run/krb5
m=/mnt/krb5
export KRB5_CONFIG=/etc/krb5.conf KRB5_KDC_PROFILE=$dir/kdc.conf

# kdc makes a realm with one user and the server.
kdc() {
	mkdir -p $dir $m
	echo "127.0.0.1 $host localhost" >/etc/hosts
	cat >/etc/krb5.conf <<-C
	[libdefaults]
	 default_realm = $realm
	 dns_lookup_kdc = false
	 rdns = false
	 dns_canonicalize_hostname = false
	 default_ccache_name = FILE:/tmp/krb5cc_%{uid}
	[realms]
	 $realm = {
	  kdc = 127.0.0.1:88
	 }
	[domain_realm]
	 .guest.test = $realm
	C
	cat >$dir/kdc.conf <<-C
	[kdcdefaults]
	 kdc_listen = 127.0.0.1:88
	 kdc_tcp_listen = 127.0.0.1:88
	[realms]
	 $realm = {
	  database_name = $dir/principal
	  key_stash_file = $dir/stash
	  supported_enctypes = aes256-cts-hmac-sha1-96:normal
	 }
	C
	kdb5_util create -s -P "$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' ')" -r $realm
	local q
	for q in "addprinc -pw Passw0rd ann" "addprinc -randkey cifs/$host" "ktadd -k $dir/keytab cifs/$host"; do
		kadmin.local -r $realm -q "$q"
	done
	krb5kdc -r $realm
	mkdir /run/share
	"$SERVER" -listen 127.0.0.1:445 -share share=/run/share -keytab $dir/keytab </dev/null >"$OUT/banner" 2>"$OUT/server.log" &
	sleep 2
	grep -q listening "$OUT/banner"
}

# works mounts with some options, and makes, reads and removes a file.
works() {
	local i
	for i in 1 2 3; do # cifs.upcall may be slower at first than the server waits
		mount -t cifs //$host/share $m -o "vers=3.1.1,$1" && break
	done
	grep -q " $m .*sec=${2:-krb5}" /proc/mounts
	echo "by ticket" >$m/file
	grep -q ticket /run/share/file
	rm $m/file
	umount $m
}

# without says what somebody sees who has no ticket.
without() {
	kdestroy
	! mount -t cifs //$host/share $m -o vers=3.1.1,sec=krb5
}

# expires has the ticket end while the share is mounted. The client gets a new one.
expires() {
	kinit -l 15s ann <<<Passw0rd
	mount -t cifs //$host/share $m -o vers=3.1.1,sec=krb5
	echo before >$m/file
	kinit ann <<<Passw0rd
	sleep 20
	echo after >$m/file
	umount $m
	grep -q after /run/share/file
	[ "$(grep -c 'msg="smb: logon"' "$OUT/server.log")" -ge 2 ]
}

step kdc kdc
step kinit kinit ann <<<Passw0rd
step krb5 works sec=krb5
step krb5i works sec=krb5i krb5i
step seal works sec=krb5,seal
step vers=3.0 works sec=krb5i,vers=3.0 krb5i
step vers=2.1 works sec=krb5i,vers=2.1 krb5i
step expires expires
step no-ticket without
exit $failed
