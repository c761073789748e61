package smb

import (
	"context"
	"testing"

	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// meanwhile is a server with a session that is being set up, whose requests must be signed then.
type meanwhile struct {
	t      *testing.T
	srv    *Server
	signer *signing.Signer
	id     *identity
}

func newMeanwhile(t *testing.T) *meanwhile {
	m := &meanwhile{t: t, srv: &Server{Name: "server", Mechanisms: []Mechanism{}}}
	m.srv.init()
	t.Cleanup(func() { m.srv.Close() })
	var err error
	if m.signer, err = signing.NewSigner(signing.AESCMAC, make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	caller := &vfs.Caller{Name: "ann"}
	m.id = &identity{caller: caller, token: caller.Token(), signing: true}
	return m
}

// conn is a connection of which nothing is read.
func (m *meanwhile) conn() *conn {
	c := &conn{srv: m.srv, ip: "192.0.2.1", channels: make(map[uint64]*channel), log: m.srv.log}
	c.ctx, c.stop = context.WithCancelCause(m.t.Context())
	c.room.L = &c.mu
	c.params = negotiated{dialect: Dialect311, signAlg: signing.AESCMAC}
	c.negotiated.Store(true)
	return c
}

// lets reports whether a request gets at the session that came before the logon was complete, and
// whose signature was looked at then.
func (m *meanwhile) lets(c *conn, se uint64, flags smb2.Flags, complete func()) bool {
	m.t.Helper()
	h := smb2.Header{Command: smb2.CommandLogoff, SessionID: se, Flags: flags}
	r := &request{ch: &chain{c: c}, c: c, hdr: h, msg: append(h.Append(nil), make([]byte, 48)...)}
	r.inherit()
	if r.verify(&reply{}) != nil {
		return false
	}
	complete()
	return r.findSession() == nil
}

// A request that isn't signed has nothing of a session whose requests must be, also if the connection gets bound to that
// session just after the signature was looked for.
func TestUnsignedWhileBound(t *testing.T) {
	m := newMeanwhile(t)
	x, err := m.conn().newSession()
	if err != nil {
		t.Fatal(err)
	}
	x.se.keys.Store(&sessionKeys{signer: m.signer})
	x.signer.Store(m.signer)
	x.se.identity.Store(m.id)
	c := m.conn()
	if m.lets(c, x.se.id, 0, func() {
		if _, err := x.se.addChannel(c, m.signer); err != nil {
			t.Fatal(err)
		}
	}) {
		t.Error("a request that isn't signed is let in")
	}
}

// The same with the logon itself, of which the session's keys come first.
func TestUnsignedWhileEstablished(t *testing.T) {
	for name, flags := range map[string]smb2.Flags{"not signed": 0, "signed with something": smb2.FlagSigned} {
		m := newMeanwhile(t)
		c := m.conn()
		x, err := c.newSession()
		if err != nil {
			t.Fatal(err)
		}
		x.se.keys.Store(&sessionKeys{signer: m.signer})
		if m.lets(c, x.se.id, flags, func() {
			x.signer.Store(m.signer)
			x.se.identity.Store(m.id)
		}) {
			t.Errorf("a request is let in that is %s", name)
		}
	}
}
