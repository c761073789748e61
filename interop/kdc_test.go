package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the realm of the MIT KDC is called, and the host that is the server under test.
const (
	kdcRealm = "KDC.TEST"
	kdcHost  = "smbserver.kdc.test"
)

// kdc is MIT's KDC of a realm of its own. The users of the tests are in it, and the
// service cifs/smbserver.kdc.test.
type kdc struct {
	dir     string
	addr    string
	keytab  string // of the service
	enctype string
	shift   string // of its clock, for faketime; empty: none
}

// kdcOptions are what differs from one to the next.
type kdcOptions struct {
	enctype string // of all keys; empty: AES-256 with SHA-1
	shift   string // of the clock, as in "-1h"
	life    string // of tickets; empty: ten hours
}

const kdcConf = `[kdcdefaults]
	kdc_listen = %[2]s
	kdc_tcp_listen = %[2]s
[realms]
	` + kdcRealm + ` = {
		database_name = %[1]s/principal
		key_stash_file = %[1]s/stash
		max_life = %[4]s
		supported_enctypes = %[3]s:normal
		master_key_type = aes256-cts-hmac-sha1-96
	}
[logging]
	kdc = FILE:%[1]s/kdc.log
`

const kdcClientConf = `[libdefaults]
	default_realm = ` + kdcRealm + `
	dns_lookup_kdc = false
	dns_lookup_realm = false
	rdns = false
	dns_canonicalize_hostname = false
	clockskew = 5
	allow_weak_crypto = true
	permitted_enctypes = %[2]s
[realms]
	` + kdcRealm + ` = {
		kdc = %[1]s
	}
[domain_realm]
	.kdc.test = ` + kdcRealm + `
`

// startKDC runs one until the test ends.
func startKDC(t *testing.T, o kdcOptions) *kdc {
	t.Helper()
	for _, p := range []string{"krb5kdc", "kdb5_util", "kadmin.local", "kinit"} {
		need(t, p)
	}
	if o.shift != "" {
		need(t, "faketime")
	}
	if o.enctype == "" {
		o.enctype = "aes256-cts-hmac-sha1-96"
	}
	if o.life == "" {
		o.life = "10h"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &kdc{dir: t.TempDir(), addr: l.Addr().String(), enctype: o.enctype, shift: o.shift}
	l.Close()
	k.keytab = filepath.Join(k.dir, "keytab")
	for name, text := range map[string]string{
		"kdc.conf":  fmt.Sprintf(kdcConf, k.dir, k.addr, o.enctype, o.life),
		"krb5.conf": fmt.Sprintf(kdcClientConf, k.addr, o.enctype),
		"hosts":     "127.0.0.1 " + kdcHost + " smbserver\n",
	} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.must(t, "kdb5_util", "create", "-s", "-P", "Master-Key9", "-r", kdcRealm)
	for _, q := range []string{
		"addprinc -pw " + password + " " + userName, "addprinc -pw " + password + " " + user2Name,
		"addprinc -pw " + password + " " + userName + "/admin",
		"addprinc -randkey cifs/" + kdcHost, "ktadd -k " + k.keytab + " cifs/" + kdcHost,
		"ktadd -norandkey -k " + k.users() + " " + userName + " " + userName + "/admin",
	} {
		k.must(t, "kadmin.local", "-r", kdcRealm, "-q", q)
	}
	k.start(t)
	return k
}

// start runs the KDC itself.
func (k *kdc) start(t *testing.T) {
	t.Helper()
	args := k.line("krb5kdc", "-n", "-r", kdcRealm)
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	until(t, "the KDC listens", func() bool {
		c, err := net.Dial("tcp", k.addr)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// users is a keytab with the users' own keys, so that nobody types a password.
func (k *kdc) users() string { return filepath.Join(k.dir, "users.keytab") }

// line makes a program run as a part of the realm, at the realm's time.
func (k *kdc) line(name string, args ...string) []string {
	return k.lineAt(k.shift, name, args...)
}

func (k *kdc) lineAt(shift, name string, args ...string) []string {
	line := []string{"env", "KRB5_CONFIG=" + k.dir + "/krb5.conf", "KRB5_KDC_PROFILE=" + k.dir + "/kdc.conf",
		"KRB5CCNAME=FILE:" + k.dir + "/ccache", "NSS_WRAPPER_HOSTS=" + k.dir + "/hosts", "LD_PRELOAD=libnss_wrapper.so"}
	if shift != "" {
		line = append(line, "faketime", "-f", shift)
	}
	return append(append(line, name), args...)
}

func (k *kdc) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	line := k.line(name, args...)
	out, err := command(t, 30*time.Second, line[0], line[1:]...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(append([]string{name}, args...), " "), err, tail(out, 10))
	}
	return out
}

// ticket gets a ticket for the service, and so forgets those that were there.
func (k *kdc) ticket(t *testing.T, principal string) {
	t.Helper()
	k.must(t, "kinit", "-k", "-t", k.users(), principal)
	k.must(t, "kvno", "-q", "cifs/"+kdcHost)
}
