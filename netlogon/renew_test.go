package netlogon

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// renewal is a machine whose password is in a file, and its controller.
type renewal struct {
	t    *testing.T
	dc   *fakeDC
	a    *Accounts
	path string
}

func newRenewal(t *testing.T) *renewal {
	t.Helper()
	r := &renewal{t: t, dc: newFakeDC(), path: filepath.Join(t.TempDir(), "password")}
	if err := os.WriteFile(r.path, []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	return r
}

// start begins anew with what is in the files.
func (r *renewal) start() {
	r.t.Helper()
	if r.a != nil {
		r.a.Close()
	}
	a, err := New(Config{Domain: "EXAMPLE", DNSDomain: "example.com", Computer: "FILES", PasswordFile: r.path,
		Controllers: []Controller{{Name: "dc"}}, Dial: r.dc.dial})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { a.Close() })
	r.a = a
}

// logon wants a logon to work.
func (r *renewal) logon(when string) {
	r.t.Helper()
	if _, err := r.a.Authenticate(r.t.Context(), newTestAttempt()); err != nil {
		r.t.Errorf("logon %s: %v", when, err)
	}
}

// files returns the password, and the one that is to follow.
func (r *renewal) files() (password, next string) {
	r.t.Helper()
	password, err := readPassword(r.path)
	if err != nil {
		r.t.Error(err)
	}
	next, _ = readPassword(r.path + ".new")
	return password, next
}

func TestRenew(t *testing.T) {
	r := newRenewal(t)
	r.logon("before")
	last := testPassword
	for range 3 {
		if err := r.a.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		password, next := r.files()
		if password == last || len(password) < 40 || next != "" || r.dc.secret != ntlm.HashOf(password) {
			t.Errorf("the files have %q and %q, the controller was given %q", password, next, r.dc.set)
		}
		last = password
		r.logon("afterwards")
	}
	if r.dc.sessions != 1 {
		t.Errorf("%d channels were set up", r.dc.sessions)
	}
	r.dc.restart()
	r.logon("after a restart of the controller")
	r.start()
	r.logon("after a restart")
	list, err := os.ReadDir(filepath.Dir(r.path))
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if info, err := os.Stat(r.path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// TestRenewFails has changes of the password go wrong: neither of the two passwords is
// lost, and the next try finishes it.
func TestRenewFails(t *testing.T) {
	for name, tc := range map[string]struct {
		wrong func(*fakeDC)
		want  error
	}{
		"refused":     {func(dc *fakeDC) { dc.setStatus = smb2.StatusWrongPassword }, nil},
		"answer lost": {func(dc *fakeDC) { dc.setLost = true }, nil},
		"forged":      {func(dc *fakeDC) { dc.setForged = true }, errTampered},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRenewal(t)
			r.dc.change(func() { tc.wrong(r.dc) })
			err := r.a.Renew(t.Context())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatal(err)
			}
			password, next := r.files()
			if password != testPassword || next == "" || strings.Contains(err.Error(), next) {
				t.Errorf("the files have %q and %q; %v", password, next, err)
			}
			r.logon("afterwards")
			r.dc.restart()
			r.start()
			r.logon("after a restart")
			r.dc.change(func() { r.dc.setStatus, r.dc.setLost, r.dc.setForged = 0, false, false })
			if err := r.a.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			if password, none := r.files(); password != next || none != "" || !slices.Equal(r.dc.set, []string{next, next}) {
				t.Errorf("the files have %q and %q, the controller was given %q", password, none, r.dc.set)
			}
			r.logon("when it is done")
		})
	}
}

// TestRenewBefore looks at what ends a change before anything is changed.
func TestRenewBefore(t *testing.T) {
	if err := newAccounts(t, newFakeDC()).Renew(t.Context()); !errors.Is(err, errNoPasswordFile) {
		t.Error(err)
	}
	r := newRenewal(t)
	r.dc.flags &^= negPasswordSet2
	if err := r.a.Renew(t.Context()); !errors.Is(err, errNoPasswordSet) {
		t.Error(err)
	}
	if _, next := r.files(); next != "" {
		t.Error("there is a new password")
	}
	r = newRenewal(t)
	for _, bad := range []string{"\n", strings.Repeat("x", trustPasswordLen/2+1)} {
		if err := os.WriteFile(r.path+".new", []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.a.Renew(t.Context()); err == nil || len(r.dc.set) > 0 {
			t.Errorf("%d octets: %v", len(bad), err)
		}
	}
	if _, err := New(Config{Domain: "EXAMPLE", Computer: "FILES", Secret: Password("x"), PasswordFile: "y"}); err == nil {
		t.Error("two passwords")
	}
}
