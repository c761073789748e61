package smb_test

import (
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/memfs"
)

// Mistakes that make a server useless, or another than was meant, are told at once.
func TestMisconfigured(t *testing.T) {
	fsys := &memfs.FS{}
	for want, s := range map[string]*smb.Server{
		"Signing is 77":      {Signing: 77},
		"Encryption is 99":   {Encryption: 99},
		"no dialect is left": {MinDialect: smb.Dialect311, MaxDialect: smb.Dialect210},
		"is nil":             {Mechanisms: []smb.Mechanism{nil}},
		`share "s" is nil`:   {Shares: smb.Shares{"s": nil}},
		"has no storage":     {Shares: smb.Shares{"s": {}}},
		`"" can't be`:        {Shares: smb.Shares{"": {FS: fsys}}},
		`"a/b" can't be`:     {Shares: smb.Shares{"a/b": {FS: fsys}}},
		`"ipc$" can't be`:    {Shares: smb.Shares{"ipc$": {FS: fsys}}},
	} {
		s.Logger, s.Addr = quiet(), "127.0.0.1:0"
		if err := s.ListenAndServe(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		s.Close()
	}
}

// A guest has no key, so a share that is to be encrypted isn't for him.
func TestEncryptedShareRefusesGuests(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		m := ntlm.New(accounts())
		m.Guest = true
		s.Mechanisms = []smb.Mechanism{m}
		s.Shares.(smb.Shares)["secret"] = &smb.Share{FS: &memfs.FS{}, Encrypt: true}
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	_, st := c.SessionSetup("nobody", "")
	want(t, "logon as guest", st, ok)
	_, st = c.TreeConnect("secret")
	want(t, "TREE_CONNECT", st, smb2.StatusAccessDenied)
}
