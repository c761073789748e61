package interop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmbd/smb/internal/harness"
)

// smbclient runs Samba's client with the ticket that ticket got, at a time.
func (k *kdc) smbclient(t *testing.T, port int, shift string, args ...string) (string, error) {
	t.Helper()
	line := k.lineAt(shift, "smbclient", append([]string{"//" + kdcHost + "/share", "-s", clientConf(t), "-p", strconv.Itoa(port),
		"--use-kerberos=required", "--use-krb5-ccache=" + k.dir + "/ccache"}, args...)...)
	return command(t, 30*time.Second, line[0], line[1:]...)
}

// wantLog waits for the server's log to say something: it comes through a pipe, and so
// maybe after the client is done.
func wantLog(t *testing.T, s *harness.Server, text string) {
	t.Helper()
	until(t, "the log says "+text, func() bool { return strings.Contains(s.Log(), text) })
}

// TestKerberos logs on with tickets of each kind, and works on files.
func TestKerberos(t *testing.T) {
	for _, enctype := range []string{"aes128-cts-hmac-sha1-96", "aes128-cts-hmac-sha256-128", "aes256-cts-hmac-sha384-192"} {
		t.Run(enctype, func(t *testing.T) {
			k := startKDC(t, kdcOptions{enctype: enctype})
			s := start(t, "-keytab", k.keytab, "-spn", "cifs/"+kdcHost)
			k.ticket(t, userName)
			if out, err := k.smbclient(t, s.Port, "", "-c", "mkdir "+enctype); err != nil {
				t.Errorf("%v\n%s", err, tail(out, 10))
			}
		})
	}
	k := startKDC(t, kdcOptions{})
	s := start(t, "-keytab", k.keytab)
	k.ticket(t, userName)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("by ticket\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("matrix", func(t *testing.T) {
		matrix(t, func(t *testing.T, dialect, protection string) {
			name := dialect + protection
			out, err := k.smbclient(t, s.Port, "", "-m", dialect, "--option=client min protocol="+dialect,
				"--client-protection="+protection, "-c", "put "+file+" "+name+"; get "+name+" -")
			if err != nil || !strings.Contains(out, "by ticket") {
				t.Errorf("%v\n%s", err, tail(out, 10))
			}
		})
	})
	wantLog(t, s.Server, kdcRealm+`\`+userName)
	// Who has no ticket still has a password.
	newSmbclient(t, s.Port).do(t, "ls")
}

// kerberosFailures are logons that must fail, with what the log is to say.
var kerberosFailures = []struct {
	name  string
	realm kdcOptions
	who   string
	shift string                          // of the client's clock, instead of the realm's
	spoil func(t *testing.T, path string) // changes the server's keytab
	flags []string
	log   string
}{
	{name: "expired ticket", realm: kdcOptions{shift: "-1h", life: "10m"}, log: "ticket has ended: it ended 50m"},
	{name: "server's clock behind", realm: kdcOptions{shift: "+10m"}, log: "so the server's clock is behind that of the KDC: set it by NTP"},
	{name: "wrong keytab", spoil: func(t *testing.T, path string) {
		change(t, path, func(b []byte) []byte { b[len(b)-10] ^= 1; return b })
	}, log: "of which the keytab has kvno 2: export the keytab again"},
	{name: "wrong realm", spoil: func(t *testing.T, path string) {
		change(t, path, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(kdcRealm), []byte("OLD.TEST")) })
	}, log: "smbserver.kdc.test@KDC.TEST\\\": keytab has no key for the ticket: it needs one of kvno 2 and etype 18 (aes256-cts-hmac-sha1-96): export the keytab again"},
	{name: "other service", flags: []string{"-spn", "cifs/other.kdc.test"}, log: "ticket is for another service: the server takes tickets for [cifs/other.kdc.test]"},
	{name: "instance", who: userName + "/admin", log: "alice/admin@KDC.TEST"},
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, f(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKerberosFailures(t *testing.T) {
	for _, tc := range kerberosFailures {
		t.Run(tc.name, func(t *testing.T) {
			k := startKDC(t, tc.realm)
			if tc.who == "" {
				tc.who = userName
			}
			k.ticket(t, tc.who)
			if tc.spoil != nil {
				tc.spoil(t, k.keytab)
			}
			s := start(t, append([]string{"-keytab", k.keytab}, tc.flags...)...)
			out, err := k.smbclient(t, s.Port, k.shift, "-c", "ls")
			if err == nil || !strings.Contains(out, "NT_STATUS_") {
				t.Errorf("%v\n%s", err, tail(out, 10))
			}
			wantLog(t, s.Server, tc.log)
		})
	}
}

// TestKerberosSkew has a client whose clock is ten minutes ahead. It is told the time, and
// gets in at the second try.
func TestKerberosSkew(t *testing.T) {
	need(t, "faketime")
	k := startKDC(t, kdcOptions{})
	s := start(t, "-keytab", k.keytab)
	k.ticket(t, userName)
	out, err := k.smbclient(t, s.Port, "+10m", "-c", "ls")
	if err != nil {
		t.Errorf("%v\n%s", err, tail(out, 10))
	}
	wantLog(t, s.Server, " is 10m") // and a second, if the machine is busy
	wantLog(t, s.Server, "s ahead of the server's")
	wantLog(t, s.Server, `msg="smb: logon"`)
}

// TestKerberosReplay sends what a client sent once more.
func TestKerberosReplay(t *testing.T) {
	k := startKDC(t, kdcOptions{})
	s := start(t, "-keytab", k.keytab)
	k.ticket(t, userName)
	r := record(t, s.Addr())
	if out, err := k.smbclient(t, r.port, "", "-c", "ls"); err != nil {
		t.Fatalf("%v\n%s", err, tail(out, 10))
	}
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(r.logon())
	wantLog(t, s.Server, "authenticator was used before")
	if n := strings.Count(s.Log(), `msg="smb: logon"`); n != 1 {
		t.Errorf("%d logons", n)
	}
}

// TestSmbtortureKerberos runs the tests of the list that want a ticket. Some do little but
// wait for theirs to end: they run at once, beside the others.
func TestSmbtortureKerberos(t *testing.T) {
	need(t, "smbtorture")
	k := startKDC(t, kdcOptions{})
	var tests []tortureTest
	var shares []harness.Share
	for _, text := range readLines(t, "testdata/smbtorture.txt") {
		if x := parseTortureTest(text); x.kerberos {
			tests = append(tests, x)
			shares = append(shares, harness.Share{Name: fmt.Sprintf("test%d", len(tests)), Dir: shareDir(t)})
		}
	}
	s := startWith(t, shares, "-signing", "offered", "-keytab", k.keytab)
	run := func(i int) string {
		line := tests[i].line(t, "//"+kdcHost+"/"+shares[i].Name, s.Port, "-U", userName+"@"+kdcRealm+"%"+password,
			"--realm="+kdcRealm, "--use-kerberos=required")
		line = k.line(line[0], line[1:]...)
		out, err := command(t, 90*time.Second, line[0], line[1:]...)
		return tortureResult(out, err)
	}
	results := make([]chan string, len(tests))
	for i, x := range tests {
		results[i] = make(chan string, 1)
		if strings.Contains(x.name, "expire") {
			go func() { results[i] <- run(i) }()
		}
	}
	for i, x := range tests {
		if !strings.Contains(x.name, "expire") {
			results[i] <- run(i)
		}
	}
	for i, x := range tests {
		t.Run(x.name, func(t *testing.T) {
			if reason := <-results[i]; reason != "" {
				t.Error(reason)
			}
		})
	}
}

// recorder keeps what the client of its first connection sends.
type recorder struct {
	port int
	mu   sync.Mutex
	b    bytes.Buffer
}

func record(t *testing.T, target string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &recorder{port: l.Addr().(*net.TCPAddr).Port}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		s, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer s.Close()
		go io.Copy(c, s)
		io.Copy(s, io.TeeReader(c, r))
	}()
	return r
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

// logon returns the frames up to the first SESSION_SETUP.
func (r *recorder) logon() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.b.Bytes()
	for n := 0; len(b) >= n+4+64; {
		head := b[n+4:]
		n += 4 + int(binary.BigEndian.Uint32(b[n:]))
		if head[0] == 0xfe && head[12] == 1 && len(b) >= n {
			return bytes.Clone(b[:n])
		}
	}
	return nil
}
