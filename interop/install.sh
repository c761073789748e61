#!/bin/bash
# Installs the clients that the tests in interop/ drive, on Debian or Ubuntu.
# Does nothing when they are there. Needs root, or sudo without a password.
set -euo pipefail

# samba-testsuite has smbtorture; attr has setfattr; the libraries are for ksmbd.adduser;
# samba, samba-ad-provision, samba-dsdb-modules and python3-samba make a domain controller,
# the packages of krb5 a KDC, for hosts and at times that are not the machine's. .ci/run has
# qemu-user-static run what is in arm64's assembly.
packages=(smbclient samba-testsuite samba-common-bin samba samba-ad-provision samba-dsdb-modules python3-samba
	python3-impacket attr libglib2.0-0 libnl-genl-3-200 krb5-kdc krb5-admin-server krb5-user libnss-wrapper faketime
	qemu-user-static)
programs=(smbclient smbtorture testparm setfattr ksmbd.adduser samba samba-tool krb5kdc kadmin.local kinit faketime
	qemu-aarch64-static)

missing=
for p in "${programs[@]}"; do
	command -v "$p" >/dev/null || missing=$p
done
/usr/bin/python3 -c 'import impacket' 2>/dev/null || missing=impacket
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "interop/install.sh: $missing is missing, and this is not Debian: install ${packages[*]} yourself" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then sudo="sudo -n"; fi
export DEBIAN_FRONTEND=noninteractive
# The tests start what they need themselves, some of it on port 445: the services of the
# packages stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
	trap '$sudo rm -f "$policy"' EXIT
fi
$sudo apt-get update -q
$sudo apt-get install -q -y --no-install-recommends "${packages[@]}"

# ksmbd-tools would take the place of the package samba, if that is there: of it only the
# program is installed, which goes by the name that it is called by.
if ! command -v ksmbd.adduser >/dev/null; then
	dir=$(mktemp -d)
	(cd "$dir" && apt-get download -q ksmbd-tools && dpkg -x ksmbd-tools_*.deb .)
	$sudo install "$dir/usr/libexec/ksmbd.tools" /usr/local/sbin/ksmbd.adduser
	rm -rf "$dir"
fi
