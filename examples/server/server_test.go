package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/netlogon"
)

func TestParseFlagsDefaults(t *testing.T) {
	cfg, err := parseFlags(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.shares) != 1 || cfg.shares[0].name != "share" || cfg.shares[0].readOnly || !filepath.IsAbs(cfg.shares[0].path) {
		t.Errorf("shares = %+v", cfg.shares)
	}
	if len(cfg.users) != 1 || !cfg.users[0].generated || len(cfg.users[0].password) != 17 {
		t.Errorf("users = %+v", cfg.users)
	}
	if cfg.listen != ":4445" || cfg.signing != smb.PolicyDefault || cfg.encrypt {
		t.Errorf("config = %+v", cfg)
	}
}

func TestParseFlags(t *testing.T) {
	dir := t.TempDir()
	cfg, err := parseFlags([]string{"-share", "docs=" + dir + ",ro,guest,symlinks,runas,quotas", "-share", "x y=" + dir + ",encrypt,runas=ann,ignoremode,frommode,tomode",
		"-user", "a:b:c", "-user", "d", "-min", "2.1", "-max", "3.1.1", "-signing", "offered", "-snapshots", "Docs=s/%Y"})
	if err != nil {
		t.Fatal(err)
	}
	want := []shareConfig{
		{name: "docs", path: dir, readOnly: true, guest: true, symlinks: true, snapshots: "s/%Y", runAs: asCaller, quotas: true},
		{name: "x y", path: dir, encrypt: true, runAs: "ann", ignoreMode: true, fromMode: true, toMode: true},
	}
	if len(cfg.shares) != 2 || cfg.shares[0] != want[0] || cfg.shares[1] != want[1] {
		t.Errorf("shares = %+v", cfg.shares)
	}
	if cfg.users[0] != (userConfig{name: "a", password: "b:c"}) || cfg.users[1].name != "d" || !cfg.users[1].generated {
		t.Errorf("users = %+v", cfg.users)
	}
	if cfg.min != smb.Dialect210 || cfg.max != smb.Dialect311 || cfg.signing != smb.Offered {
		t.Errorf("config = %+v", cfg)
	}
}

// TestBadFlags wants one line that says what to do, and exit status 2.
func TestBadFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-nosuch"}, "-help lists the flags"},
		{[]string{dir}, "-share name=path"},
		{[]string{"-share", "docs"}, "want name=path"},
		{[]string{"-dfs", "docs/=//a/b"}, "want share/path=//server/share"},
		{[]string{"-dfs", "docs/x=//a/b"}, `about a share "docs"`},
		{[]string{"-share", "docs=" + dir, "-dfs", "Docs/x=//a"}, `want \\server\share`},
		{[]string{"-share", "docs=" + dir, "-dfs", "docs/x=//a/b", "-dfs", "docs/x=//a/b"}, "already"},
		{[]string{"-share", "=" + dir}, "want name=path"},
		{[]string{"-share", "a/b=" + dir}, "want name=path"},
		{[]string{"-share", "ipc$=" + dir}, "the server's own"},
		{[]string{"-share", "docs=" + dir + ",rw"}, "there are ro, encrypt, guest"},
		{[]string{"-share", "docs=" + dir, "-share", "DOCS=" + dir}, "already"},
		{[]string{"-share", "docs=" + dir + "/nosuch"}, "make it, or correct -share"},
		{[]string{"-share", "docs=" + file}, "is a file"},
		{[]string{"-user", ":x"}, "want name"},
		{[]string{"-user", "x:"}, "leave the colon out"},
		{[]string{"-user", "x:y", "-user", "X:z"}, "already"},
		{[]string{"-user", `DOM\ann:x`}, "say ann"},
		{[]string{"-admin", "DOM/ann"}, "say ann"},
		{[]string{"-user", `ann\:x`}, "leave it out"},
		{[]string{"-min", "1.0"}, "want 2.0.2"},
		{[]string{"-min", "3.0", "-max", "2.1"}, "-min is newer"},
		{[]string{"-encrypt", "-max", "2.1"}, "raise -max"},
		{[]string{"-signing", "off"}, "required or offered"},
		{[]string{"-backend", "tape"}, "os and mem"},
		{[]string{"-domain", "EXAMPLE"}, "-machine-password-file"},
		{[]string{"-domain", "EXAMPLE", "-keytab", "k", "-machine", "FILES"}, "-machine-password-file"},
		{[]string{"-domain", "EXAMPLE", "-machine-password-file", "f", "-keytab", "k", "-machine-password-renew", "1h"}, "-machine-password-renew"},
		{[]string{"-machine-password-renew", "1h"}, "-machine-password-renew"},
		{[]string{"-domain", "EXAMPLE,e.com", "-machine-password-file", "f", "-machine-password-renew", "-1h"}, "as in 720h"},
		{[]string{"-domain", "EXAMPLE", "-machine-password-file", "f"}, "-domain EXAMPLE,example.com"},
		{[]string{"-domain", "EXAMPLE", "-keytab", "k"}, "-domain EXAMPLE,example.com"},
		{[]string{"-domain", ",example.com"}, "as in EXAMPLE,example.com"},
		{[]string{"-machine", "FILES"}, "of no use without -domain"},
		{[]string{"-addshares", file}, "is a file"},
		{[]string{"-addshares", dir + "/nosuch"}, "make it, or correct -addshares"},
		{[]string{"-status", "-1s"}, "as in 10s"},
		{[]string{"-name", "a/b"}, "is no name"},
		{[]string{"-name", "my files"}, "is no name"},
		{[]string{"-name", ".example.com"}, "is no name"},
		{[]string{"-share", "x=" + dir + ",guest,encrypt"}, "leave out guest or encrypt"},
		{[]string{"-share", "x=" + dir + ",guest", "-encrypt"}, "leave out guest or encrypt"},
	} {
		_, err := parseFlags(tt.args)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", tt.args, err, tt.want)
		}
	}
	if code := quietly(t, func() int { return run([]string{"-nosuch"}) }); code != 2 {
		t.Errorf("exit status %d, want 2", code)
	}
}

// TestMissingFiles wants to be told what to do about files that aren't there.
func TestMissingFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-ksmbdpwd", missing}, "make it with server user add -ksmbdpwd " + missing + " NAME"},
		{[]string{"-smbpasswd", missing}, "make it with server user add -smbpasswd " + missing + " NAME"},
		{[]string{"-groups", missing}, "make it, with lines such as"},
		{[]string{"-handles", filepath.Join(missing, "handles")}, "there is no directory"},
		{[]string{"-domain", "EXAMPLE,example.com", "-machine-password-file", missing}, "there is no file"},
	} {
		cfg, err := parseFlags(append(tt.args, "-backend", "mem"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = newServer(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
	if err := explainDir("/d", &os.PathError{Op: "open", Path: "/d", Err: os.ErrPermission}); !strings.Contains(err.Error(), "as a user who may") {
		t.Error(err)
	}
}

// TestHelp wants a name for the value of each flag.
func TestHelp(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	was := os.Stdout
	os.Stdout = out
	code := run([]string{"-help"})
	os.Stdout = was
	text, err := os.ReadFile(out.Name())
	if code != 0 || err != nil || !strings.Contains(string(text), "-admin name[:password]") {
		t.Errorf("%d, %v, %s", code, err, text)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "  -") && strings.HasSuffix(line, " value\n") {
			t.Errorf("a value has no name: %q", line)
		}
	}
}

func TestDomainFlags(t *testing.T) {
	cfg, err := parseFlags([]string{"-domain", "EXAMPLE,example.com", "-machine", "FILES", "-machine-password-file", "f",
		"-domain-controller", "dc1", "-domain-controller", "dc2=10.0.0.2:49152"})
	if err != nil {
		t.Fatal(err)
	}
	d := cfg.domain
	if d.name != "EXAMPLE" || d.dnsName != "example.com" || d.computer != "FILES" || d.passwordFile != "f" || len(d.controllers) != 2 ||
		d.controllers[1] != (netlogon.Controller{Name: "dc2", Addr: "10.0.0.2:49152"}) {
		t.Errorf("%+v", d)
	}
	if len(cfg.users) != 0 {
		t.Errorf("users = %+v", cfg.users)
	}
	// With tickets only, no controller is asked.
	cfg, err = parseFlags([]string{"-domain", "EXAMPLE,example.com", "-keytab", "k"})
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.domain.told(); got != (smb.Domain{Name: "EXAMPLE", DNSName: "example.com"}) {
		t.Errorf("clients are told %+v", got)
	}
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = net.Listen("tcp", l.Addr().String())
	text := explainListen(l.Addr().String(), err).Error()
	if !strings.Contains(text, "taken") || !strings.Contains(text, "-listen") {
		t.Errorf("%q doesn't say what to do", text)
	}
	code := quietly(t, func() int {
		return run([]string{"-backend", "mem", "-listen", l.Addr().String(), "-user", "a:b"})
	})
	if code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
}

func TestBanner(t *testing.T) {
	cfg, err := parseFlags([]string{"-backend", "mem", "-share", "docs=", "-user", "alice"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	printBanner(&b, cfg, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4445})
	for _, want := range []string{
		"listening on 192.0.2.7:4445\n",
		"user alice, password " + cfg.users[0].password + "\n",
		`net use Z: \\192.0.2.7\docs * /TCPPORT:4445 /USER:alice`,
		"open smb://alice@192.0.2.7:4445/docs\n",
		"mount -t cifs //192.0.2.7/docs /mnt -o port=4445,user=alice,vers=3.1.1,",
		"smbclient //192.0.2.7/docs -p 4445 -U alice\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the banner lacks %q:\n%s", want, b.String())
		}
	}
}

// A password that was given is not printed.
func TestBannerHidesPasswords(t *testing.T) {
	cfg, err := parseFlags([]string{"-backend", "mem", "-user", "alice:hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	printBanner(&b, cfg, &net.TCPAddr{IP: net.IPv4zero, Port: 4445})
	if strings.Contains(b.String(), "hunter2") {
		t.Errorf("the banner shows the password:\n%s", b.String())
	}
}

func TestNewPassword(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		p := newPassword()
		if len(p) != 17 || seen[p] || strings.ContainsAny(p, "01lo") {
			t.Fatalf("password %q", p)
		}
		seen[p] = true
	}
}

// quietly calls f with standard error thrown away.
func quietly(t *testing.T, f func() int) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = old }()
	done := make(chan struct{})
	go func() { io.Copy(io.Discard, r); close(done) }()
	code := f()
	w.Close()
	<-done
	return code
}
