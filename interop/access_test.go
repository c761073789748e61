package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/internal/harness"
)

// TestLogon tries who gets in, and who doesn't.
func TestLogon(t *testing.T) {
	s := start(t)
	for _, tt := range []struct{ name, user, status string }{
		{"right", userName + "%" + password, ""},
		{"second user", user2Name + "%" + password, ""},
		{"other case", "ALICE%" + password, ""},
		{"domain", `WORKGROUP\` + userName + "%" + password, ""},
		{"other domain", `ELSEWHERE\` + userName + "%" + password, ""},
		{"at", userName + "@example.com%" + password, ""},
		{"wrong password", userName + "%wrong", "NT_STATUS_LOGON_FAILURE"},
		{"password in other case", userName + "%correct-horse9", "NT_STATUS_LOGON_FAILURE"},
		{"empty password", userName + "%", "NT_STATUS_LOGON_FAILURE"},
		{"unknown user", "mallory%" + password, "NT_STATUS_LOGON_FAILURE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newSmbclient(t, s.Port)
			c.user = tt.user
			if tt.status == "" {
				c.do(t, "ls")
				return
			}
			c.fail(t, "share", tt.status, "-c", "ls")
		})
	}
	t.Run("anonymous", func(t *testing.T) {
		c := newSmbclient(t, s.Port)
		c.user = ""
		c.fail(t, "share", "NT_STATUS_", "-c", "ls")
	})
}

// TestGuest lets guests into the share that says so, and nowhere else.
func TestGuest(t *testing.T) {
	open, closed := shareDir(t), shareDir(t)
	shares := []harness.Share{{Name: "open", Dir: open, Options: []string{"guest"}}, {Name: "closed", Dir: closed}}
	guest := func(t *testing.T, port int) *smbclient {
		c := newSmbclient(t, port)
		c.user = "nobody-known%x"
		return c
	}
	t.Run("offered", func(t *testing.T) {
		s := startWith(t, shares, "-signing", "offered")
		c := guest(t, s.Port)
		out, err := c.run(t, "open", "-c", "mkdir by-guest; ls")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		wantText(t, out, "by-guest")
		wantExists(t, filepath.Join(open, "by-guest"), true)
		c.fail(t, "closed", "NT_STATUS_ACCESS_DENIED", "-c", "ls")
		// A wrong password of somebody known is no guest, [MS-NLMP] aside:
		// else nobody would notice a typing error.
		c.user = userName + "%wrong"
		c.fail(t, "open", "NT_STATUS_LOGON_FAILURE", "-c", "ls")
		c.user = userName + "%" + password
		if out, err := c.run(t, "closed", "-c", "ls"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("client that wants protection", func(t *testing.T) {
		s := startWith(t, shares, "-signing", "offered")
		for _, protection := range []string{"sign", "encrypt"} {
			c := guest(t, s.Port)
			c.protection = protection
			c.fail(t, "open", "NT_STATUS_", "-c", "ls")
		}
	})
}

// TestShareOptions tries read-only and encrypted shares.
func TestShareOptions(t *testing.T) {
	dir := shareDir(t)
	sum := writeRandom(t, filepath.Join(dir, "file"), 1000)
	s := startWith(t, []harness.Share{
		{Name: "readonly", Dir: dir, Options: []string{"ro"}},
		{Name: "secret", Dir: dir, Options: []string{"encrypt"}},
	})
	t.Run("ro", func(t *testing.T) {
		c := newSmbclient(t, s.Port)
		local := filepath.Join(t.TempDir(), "back")
		if out, err := c.run(t, "readonly", "-c", "get file "+local); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if fileSum(t, local) != sum {
			t.Error("get: the file differs")
		}
		for _, cmd := range []string{"put /etc/passwd file", "put /etc/passwd new", "del file", "rename file other", "mkdir new"} {
			out, _ := c.run(t, "readonly", "-c", cmd)
			wantText(t, out, "NT_STATUS_")
		}
		if fileSum(t, filepath.Join(dir, "file")) != sum {
			t.Error("the file on the read-only share was changed")
		}
		wantExists(t, filepath.Join(dir, "new"), false)
	})
	t.Run("encrypt", func(t *testing.T) {
		c := newSmbclient(t, s.Port)
		if out, err := c.run(t, "secret", "-c", "get file /dev/null"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		c.dialect = "SMB2_10"
		c.fail(t, "secret", "NT_STATUS_ACCESS_DENIED", "-c", "ls")
	})
}

// TestDialectBounds tries -min, -max and -encrypt.
func TestDialectBounds(t *testing.T) {
	if peerIsSamba() {
		t.Skip("flags of the example server")
	}
	for _, tt := range []struct {
		name    string
		args    []string
		dialect string
		ok      bool
	}{
		{"min refuses older", []string{"-min", "3.0"}, "SMB2_10", false},
		{"min speaks its own", []string{"-min", "3.0"}, "SMB3_00", true},
		{"max refuses newer", []string{"-max", "2.1"}, "SMB3_11", false},
		{"max bounds a client that can do both", []string{"-max", "2.1"}, "", true},
		{"only 2.0.2", []string{"-max", "2.0.2"}, "", true},
		{"encrypt refuses who can't", []string{"-encrypt"}, "SMB2_10", false},
		{"encrypt", []string{"-encrypt"}, "SMB3_00", true},
		{"encrypt with 3.1.1", []string{"-encrypt"}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.args...)
			c := newSmbclient(t, s.Port)
			c.dialect = tt.dialect
			if tt.ok {
				c.do(t, "ls")
				return
			}
			c.fail(t, "share", "NT_STATUS_", "-c", "ls")
		})
	}
}

// TestSmbpasswd logs a user of an smbpasswd file on.
func TestSmbpasswd(t *testing.T) {
	if peerIsSamba() {
		t.Skip("a flag of the example server")
	}
	// The NT hash of "password".
	const line = "carol:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:8846F7EAEE8FB117AD06BDD830B7586C:[U          ]:LCT-00000000:\n"
	file := filepath.Join(t.TempDir(), "smbpasswd")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "-smbpasswd", file)
	c := newSmbclient(t, s.Port)
	c.user = "carol%password"
	c.do(t, "ls")
	c.user = "carol%Password"
	c.fail(t, "share", "NT_STATUS_LOGON_FAILURE", "-c", "ls")
	c.user = userName + "%" + password
	c.do(t, "ls")
}
