package smb_test

import (
	"encoding/binary"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// sessionCommands are those that need a session, with what they do here.
func sessionCommands(id smb2.FileID) map[smb2.Command]smbtest.Body {
	m := bodies(id)
	delete(m, smb2.CommandNegotiate)
	delete(m, smb2.CommandSessionSetup)
	delete(m, smb2.CommandCancel)
	delete(m, smb2.CommandEcho)
	return m
}

// "Required" is looked at with every request, whatever the dialect and the
// command.
func TestUnsignedRefused(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		id := r.open(c, "f")
		before := dump(t, r.fs)
		for cmd, body := range sessionCommands(id) {
			e := c.Req(cmd, body)
			e.Unsigned = true
			want(t, "unsigned "+cmd.String(), c.DoElem(e).Status, smb2.StatusAccessDenied)
		}
		e := c.SetupReq(&smbtest.Logon{}, []byte("x"), c.Session.ID)
		e.Unsigned = true
		want(t, "unsigned SESSION_SETUP", c.DoElem(e).Status, smb2.StatusAccessDenied)
		unchanged(t, "an unsigned request", r.fs, before)
		want(t, "CLOSE", c.CloseFile(id), ok)
	})
}

func TestBadSignature(t *testing.T) {
	for _, policy := range []smb.Policy{smb.Required, smb.Offered} {
		r := newRig(t, func(s *smb.Server) { s.Signing = policy })
		eachDialect(t, func(t *testing.T, d smb.Dialect) {
			c := r.logon(d)
			id := r.open(c, "f")
			before := dump(t, r.fs)
			for cmd, body := range sessionCommands(id) {
				for _, at := range []int{15, 48, 63, 64} { // credits, signature, body
					if at == 64 && cmd == smb2.CommandEcho {
						continue
					}
					e := c.Req(cmd, body)
					e.Tamper = func(msg []byte) { msg[at] ^= 1 }
					want(t, cmd.String()+" with a bad signature", c.DoElem(e).Status, smb2.StatusAccessDenied)
				}
			}
			unchanged(t, "a request with a bad signature", r.fs, before)
			want(t, "CLOSE", c.CloseFile(id), ok)
		})
	}
}

// A signed request gets a signed reply, also when signing is only offered, and
// also when the request fails.
func TestRepliesAreSigned(t *testing.T) {
	for _, policy := range []smb.Policy{smb.Required, smb.Offered} {
		r := newRig(t, func(s *smb.Server) { s.Signing = policy })
		eachDialect(t, func(t *testing.T, d smb.Dialect) {
			c := r.logon(d)
			id := r.open(c, "f")
			for cmd, body := range sessionCommands(id) {
				if cmd == smb2.CommandLogoff || cmd == smb2.CommandTreeDisconnect {
					continue
				}
				rep := c.Do(cmd, body)
				if rep.Flags&smb2.FlagSigned == 0 || rep.BadSig {
					t.Errorf("%v: %v, signed %v, bad %v", cmd, rep.Status, rep.Flags&smb2.FlagSigned != 0, rep.BadSig)
				}
			}
			for _, cmd := range []smb2.Command{smb2.CommandTreeDisconnect, smb2.CommandLogoff} {
				rep := c.Do(cmd, bodies(id)[cmd])
				if rep.Status != ok || rep.Flags&smb2.FlagSigned == 0 || rep.BadSig {
					t.Errorf("%v: %v, signed %v, bad %v", cmd, rep.Status, rep.Flags&smb2.FlagSigned != 0, rep.BadSig)
				}
			}
		})
	}
}

// At 3.1.1 a TREE_CONNECT that nothing protects ends the connection: it is what
// proves that nobody tampered with NEGOTIATE. [MS-SMB2] 3.3.5.7
func TestUnsignedTreeConnectDrops(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Signing = smb.Offered })
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		e := c.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\s`})
		e.Unsigned = true
		if d == smb.Dialect311 {
			c.Send(e)
			dropped(t, "TREE_CONNECT", c)
			return
		}
		want(t, "TREE_CONNECT", c.DoElem(e).Status, ok)
	})
}

func TestUnencryptedRefused(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Encryption = smb.Required })
	for _, d := range []smb.Dialect{smb.Dialect300, smb.Dialect302, smb.Dialect311} {
		t.Run(d.String(), func(t *testing.T) {
			c := r.logon(d)
			if !c.Session.Seal {
				t.Fatal("the server doesn't ask for encryption")
			}
			id := r.open(c, "f")
			before := dump(t, r.fs)
			for cmd, body := range sessionCommands(id) {
				c.Session.Seal = false
				rep := c.Do(cmd, body)
				want(t, "unencrypted "+cmd.String(), rep.Status, smb2.StatusAccessDenied)
				c.Session.Seal = true
			}
			unchanged(t, "an unencrypted request", r.fs, before)
			want(t, "CLOSE", c.CloseFile(id), ok)
		})
	}
}

func TestUnencryptedShareRefused(t *testing.T) {
	r := newRig(t, nil)
	for _, d := range []smb.Dialect{smb.Dialect300, smb.Dialect302, smb.Dialect311} {
		t.Run(d.String(), func(t *testing.T) {
			c := r.dialect(d, smbtest.NegotiateOptions{})
			r.setup(c, "ann", password)
			resp, st := c.TreeConnect("enc")
			want(t, "TREE_CONNECT", st, ok)
			if resp.ShareFlags&smb2.ShareEncryptData == 0 {
				t.Error("the share doesn't ask for encryption")
			}
			c.Session.Seal = true
			id := r.open(c, "f")
			for cmd, body := range sessionCommands(id) {
				if cmd == smb2.CommandTreeConnect || cmd == smb2.CommandLogoff {
					continue
				}
				c.Session.Seal = false
				want(t, "unencrypted "+cmd.String(), c.Do(cmd, body).Status, smb2.StatusAccessDenied)
				c.Session.Seal = true
			}
			want(t, "CLOSE", c.CloseFile(id), ok)
		})
	}
	for _, d := range []smb.Dialect{smb.Dialect202, smb.Dialect210} {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		_, st := c.TreeConnect("enc")
		want(t, "TREE_CONNECT", st, smb2.StatusAccessDenied)
	}
}

// Whatever is wrong with a transform ends the connection. [MS-SMB2] 3.3.5.2.1.1
func TestBadTransform(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		name string
		edit func(c *smbtest.Client, b []byte) []byte
	}{
		{"tag", func(_ *smbtest.Client, b []byte) []byte { b[4] ^= 1; return b }},
		{"nonce", func(_ *smbtest.Client, b []byte) []byte { b[20] ^= 1; return b }},
		{"ciphertext", func(_ *smbtest.Client, b []byte) []byte { b[60] ^= 1; return b }},
		{"size too large", func(_ *smbtest.Client, b []byte) []byte { b[36]++; return b }},
		{"size too small", func(_ *smbtest.Client, b []byte) []byte { b[36]--; return b }},
		{"size huge", func(_ *smbtest.Client, b []byte) []byte { binary.LittleEndian.PutUint32(b[36:], 1<<31); return b }},
		{"flags", func(_ *smbtest.Client, b []byte) []byte { b[42] = 0; return b }},
		{"unknown session", func(_ *smbtest.Client, b []byte) []byte { b[44] ^= 1; return b }},
		{"no session", func(_ *smbtest.Client, b []byte) []byte { clear(b[44:52]); return b }},
		{"header only", func(_ *smbtest.Client, b []byte) []byte { return b[:smb2.TransformHeaderSize] }},
		{"part of a header", func(_ *smbtest.Client, b []byte) []byte { return b[:30] }},
		{"nested", func(c *smbtest.Client, b []byte) []byte {
			return c.SealWith(c.Session, append(make([]byte, smb2.TransformHeaderSize), b...))
		}},
		{"message cut off", func(c *smbtest.Client, _ []byte) []byte {
			return c.SealWith(c.Session, append(make([]byte, smb2.TransformHeaderSize), 0xFE, 'S', 'M', 'B'))
		}},
		{"SMB1 within", func(c *smbtest.Client, _ []byte) []byte {
			return c.SealWith(c.Session, append(make([]byte, smb2.TransformHeaderSize), append([]byte("\xFFSMB"), make([]byte, 100)...)...))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.logon(smb.Dialect311)
			c.Session.Seal = true
			alive(t, c)
			c.SendFrame(tt.edit(c, c.Build(c.Req(smb2.CommandEcho, smb2.EchoRequest{}))))
			dropped(t, "ECHO", c)
		})
	}
}

// A transform header for a session without keys, or at a dialect without
// encryption.
func TestTransformWithoutKeys(t *testing.T) {
	r := newRig(t, nil)
	frame := func(id uint64) []byte {
		b := make([]byte, smb2.TransformHeaderSize+100)
		smb2.TransformHeader{OriginalMessageSize: 100, Flags: 1, SessionID: id}.Put(b)
		return b
	}
	t.Run("before NEGOTIATE", func(t *testing.T) {
		c := r.dial()
		c.SendFrame(frame(1))
		dropped(t, "frame", c)
	})
	t.Run("2.1", func(t *testing.T) {
		c := r.logon(smb.Dialect210)
		c.SendFrame(frame(c.Session.ID))
		dropped(t, "frame", c)
	})
	t.Run("during logon", func(t *testing.T) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		_, id := c.LogonFirst(&smbtest.Logon{User: "ann", Password: password})
		c.SendFrame(frame(id))
		dropped(t, "frame", c)
	})
}

// What is encrypted under one session can't act for another of the same
// connection. [MS-SMB2] 3.3.5.2.9
func TestEncryptedForAnotherSession(t *testing.T) {
	r := newRig(t, nil)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, "s")
	ann, annTree := c.Session, c.Tree
	put(t, r.fs, "f", "secret")
	r.setup(c, "bob", password+"!")
	bob := c.Session
	r.tree(c, "s")
	bob.Seal = true
	e := c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
	e.SessionID, e.TreeID = ann.ID, annTree
	c.Send(e)
	dropped(t, "CREATE", c)
}

// Ids of another user are as good as none.
func TestSwappedIDs(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "secret")
	ann, bob := r.as("ann", password), r.as("bob", password+"!")
	id := r.open(ann, "f")
	for cmd, body := range sessionCommands(id) {
		switch cmd {
		case smb2.CommandLogoff, smb2.CommandTreeConnect, smb2.CommandTreeDisconnect, smb2.CommandCreate, smb2.CommandOplockBreak:
			continue
		}
		want(t, cmd.String()+" with the FileId of another", bob.Do(cmd, body).Status, smb2.StatusFileClosed)
	}
	t.Run("half of a FileId", func(t *testing.T) {
		own := r.open(ann, "g")
		for _, x := range []smb2.FileID{{Persistent: own.Persistent, Volatile: id.Volatile}, {Persistent: id.Persistent, Volatile: own.Volatile}} {
			_, st := ann.Read(x, 0, 10)
			want(t, "READ", st, smb2.StatusFileClosed)
		}
	})
	t.Run("FileId on another tree", func(t *testing.T) {
		first := ann.Tree
		r.tree(ann, "ro")
		_, st := ann.Read(id, 0, 10)
		want(t, "READ", st, smb2.StatusFileClosed)
		ann.Tree = first
	})
	t.Run("SessionId", func(t *testing.T) {
		e := bob.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 10})
		e.SessionID, e.TreeID = ann.Session.ID, ann.Tree
		e.Unsigned = true
		want(t, "READ", bob.DoElem(e).Status, smb2.StatusUserSessionDeleted)
	})
	t.Run("TreeId", func(t *testing.T) {
		e := bob.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
		e.TreeID += 1000
		want(t, "CREATE", bob.DoElem(e).Status, smb2.StatusNetworkNameDeleted)
	})
	t.Run("resume key", func(t *testing.T) {
		key, st := ann.Ioctl(id, smb2.FsctlSrvRequestResumeKey, nil, 32)
		want(t, "RESUME_KEY", st, ok)
		mine := r.open(bob, "copy")
		req := smb2.SrvCopychunkCopy{Chunks: []smb2.SrvCopychunk{{Length: 6}}}
		copy(req.SourceKey[:], key)
		_, st = bob.Ioctl(mine, smb2.FsctlSrvCopychunk, req.Append(nil), 12)
		want(t, "COPYCHUNK", st, smb2.StatusObjectNameNotFound)
	})
	data, st := ann.Read(id, 0, 10)
	if st != ok || string(data) != "secret" {
		t.Errorf("ann reads %q, %v", data, st)
	}
}

// Many sessions on one connection don't see each other's trees and files.
func TestSwappedIDsOnOneConnection(t *testing.T) {
	r := newRig(t, nil)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	r.tree(c, "s")
	id := r.open(c, "f")
	r.setup(c, "bob", password+"!")
	c.Tree = 1 // what ann's first tree is called
	_, st := c.Read(id, 0, 1)
	want(t, "READ on the tree of another session", st, smb2.StatusNetworkNameDeleted)
	r.tree(c, "s")
	_, st = c.Read(id, 0, 1)
	want(t, "READ with the FileId of another session", st, smb2.StatusFileClosed)
}
