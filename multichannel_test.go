package smb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// bind makes another connection a channel of c's session, with the tree of c.
func (r *rig) bind(c *smbtest.Client, m byte) *smbtest.Client {
	r.t.Helper()
	n := r.channel(c.Dialect, m)
	want(r.t, "binding", n.Bind(c.Session, "ann", password), ok)
	n.Tree = c.Tree
	return n
}

// Requests come in on any channel, each signed with the channel's own key.
func TestChannels(t *testing.T) {
	for _, d := range []smb.Dialect{smb.Dialect300, smb.Dialect302, smb.Dialect311} {
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a := r.caching(d, 1)
				if a.Server.Capabilities&smb2.CapMultiChannel == 0 {
					t.Fatal("the capability isn't there")
				}
				b := r.bind(a, 1)
				id := r.open(a, "f")
				_, st := b.Write(id, 0, []byte("over b"))
				want(t, "WRITE", st, ok)
				got, st := a.Read(id, 0, 100)
				if st != ok || string(got) != "over b" {
					t.Errorf("READ: %v, %q", st, got)
				}
				// A reply goes where the request came from, signed as that
				// channel signs; Parse has checked it.
				for _, c := range []*smbtest.Client{a, b} {
					e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
					if rep := c.DoElem(e); rep.Flags&smb2.FlagSigned == 0 || rep.BadSig {
						t.Error("an ECHO is not signed as it should be")
					}
				}
				// The key of one channel isn't that of another.
				e := b.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
				e.Flags |= smb2.FlagSigned
				e.Unsigned = true
				e.Tamper = func(msg []byte) { a.Session.Signer.Sign(msg) }
				want(t, "FLUSH with the key of another channel", b.DoElem(e).Status, smb2.StatusAccessDenied)
				list := sessionsOf(r)
				if len(list) != 1 {
					t.Fatalf("%d sessions", len(list))
				}
				// Trees and opens made on b are a's too.
				r.tree(b, "ro")
				a.Tree = b.Tree
				_, st = a.Create(smbtest.CreateReq("f", smb2.Open))
				want(t, "CREATE on the tree of another channel", st, smb2.StatusAccessDenied)
			})
		})
	}
}

func sessionsOf(r *rig) (list []smb.SessionInfo) {
	for se := range r.srv.Sessions() {
		list = append(list, se)
	}
	return list
}

// All channels encrypt with the keys of the session, with nonces that no two share.
func TestChannelsEncrypt(t *testing.T) {
	for _, d := range []smb.Dialect{smb.Dialect300, smb.Dialect311} {
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, func(s *smb.Server) { s.Encryption = smb.Required }, func(t *testing.T, r *rig) {
				a := r.caching(d, 1)
				b := r.bind(a, 1)
				if !b.Session.Seal {
					t.Fatal("not encrypted")
				}
				id := r.open(a, "f")
				for range 5 {
					_, st := b.Write(id, 0, []byte("x"))
					want(t, "WRITE", st, ok)
					_, st = a.Write(id, 0, []byte("x"))
					want(t, "WRITE", st, ok)
				}
				plain := *b.Session
				plain.Seal = false
				e := b.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
				b.Adopt(&plain)
				want(t, "FLUSH in the clear", b.DoElem(e).Status, smb2.StatusAccessDenied)
			})
		})
	}
}

// stuckReads makes the READs of a file called "stuck" wait for release, and returns how to send one as each of some further
// users on a connection.
func stuckReads(s *smb.Server) (send func(r *rig, c *smbtest.Client, users int), release func()) {
	gate := make(chan struct{})
	all := accounts()
	sh := s.Shares.(smb.Shares)["s"]
	sh.FS = faultfs.New(sh.FS, func(op faultfs.Op) error {
		if op.Kind == faultfs.Read && op.Name == "stuck" {
			<-gate
		}
		return nil
	})
	for i := range 10 {
		all[fmt.Sprint("user", i)] = ntlm.User{Password: password}
	}
	s.Mechanisms = []smb.Mechanism{ntlm.New(all)}
	return func(r *rig, c *smbtest.Client, users int) {
		session, tree := c.Session, c.Tree
		for i := range users {
			r.setup(c, fmt.Sprint("user", i), password)
			r.tree(c, "s")
			id := r.open(c, "stuck")
			_, st := c.Write(id, 0, []byte("x"))
			want(r.t, "WRITE", st, ok)
			c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1}))
			synctest.Wait()
		}
		c.Session, c.Tree = session, tree
	}, func() { close(gate) }
}

// A break that was lost with a channel is repeated on another, also when requests of other sessions are stuck that
// had the first one, too.
func TestChannelLostBesideStuck(t *testing.T) {
	var stick func(*rig, *smbtest.Client, int)
	var release func()
	bubble(t, func(s *smb.Server) { stick, release = stuckReads(s) }, func(t *testing.T, r *rig) {
		defer release()
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		b.Timeout = 5 * time.Second
		r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		stick(r, a, 10)
		defer a.Hold()()
		alive(t, a) // the one frame that is still read
		startOpen(r.as("bob", password+"!"), smbtest.CreateReq("f", smb2.Open))
		a.Close()
		leaseBroken(t, b, leaseKey(1), leaseRWH, leaseRH, 2)
	})
}

// Nor do those keep the other sessions of a lost connection from ending.
func TestConnectionLostBesideStuck(t *testing.T) {
	var stick func(*rig, *smbtest.Client, int)
	var release func()
	bubble(t, func(s *smb.Server) { stick, release = stuckReads(s) }, func(t *testing.T, r *rig) {
		defer release()
		c := r.caching(smb.Dialect311, 1)
		stick(r, c, 10)
		req := smbtest.CreateReq("f", smb2.OpenIf)
		req.ShareAccess = 0
		r.create(c, req)
		c.Close()
		time.Sleep(time.Second)
		r.create(r.as("bob", password+"!"), req)
	})
}

// The loss of a channel ends neither the session, nor its opens, nor its locks.
func TestChannelLost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		id := r.open(a, "f")
		want(t, "LOCK", a.Lock(id, 0, 1, exclusiveNow), ok)
		a.Close()
		time.Sleep(time.Second)
		_, st := b.Write(id, 0, []byte("x"))
		want(t, "WRITE", st, ok)
		other := r.as("bob", password+"!")
		oid := r.open(other, "f")
		want(t, "LOCK of another", other.Lock(oid, 0, 1, exclusiveNow), smb2.StatusLockNotGranted)
		// And a third connection can join.
		c := r.bind(b, 1)
		b.Close()
		time.Sleep(time.Second)
		want(t, "CLOSE", c.CloseFile(id), ok)
		c.Close()
		time.Sleep(time.Second)
		if n := len(sessionsOf(r)); n != 1 {
			t.Errorf("%d sessions are left, want that of bob", n)
		}
	})
}

// What waits for an answer on the channel that is lost is canceled, the rest not.
func TestChannelLostWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		holder := r.as("bob", password+"!")
		held := r.open(holder, "f")
		want(t, "LOCK", holder.Lock(held, 0, 10, exclusiveNow), ok)
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		id := r.open(a, "f")
		start(a, smb2.CommandLock, smbtest.LockReq(id, 0, 1, smb2.LockExclusive))
		mid := start(b, smb2.CommandLock, smbtest.LockReq(id, 5, 1, smb2.LockExclusive))
		a.Close()
		time.Sleep(time.Second)
		want(t, "UNLOCK", holder.Lock(held, 0, 10, smb2.LockUnlock), ok)
		want(t, "LOCK on the channel that lives", b.Wait(mid).Status, ok)
		want(t, "LOCK of what the lost one waited for", holder.Lock(held, 0, 1, exclusiveNow), ok)
	})
}

// LOGOFF on one channel ends the session on all.
func TestChannelLogoff(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		id := r.open(b, "f")
		want(t, "LOGOFF", b.Logoff(), ok)
		e := a.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
		want(t, "FLUSH", a.DoElem(e).Status, smb2.StatusUserSessionDeleted)
		if n := len(sessionsOf(r)) + len(opensOf(r)); n != 0 {
			t.Errorf("%d sessions and opens are left", n)
		}
		// Both connections can be used again.
		for _, c := range []*smbtest.Client{a, b} {
			r.setup(c, "ann", password)
			r.tree(c, "s")
			r.open(c, "f")
		}
	})
}

// A later logon that names the session ends it on all of its channels.
func TestChannelsPreviousSession(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		old := a.Session.ID
		c := r.channel(smb.Dialect311, 1)
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: old})
		want(t, "logon", st, ok)
		for _, x := range []*smbtest.Client{a, b} {
			e := x.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\s`})
			want(t, "TREE_CONNECT", x.DoElem(e).Status, smb2.StatusUserSessionDeleted)
		}
	})
}

// Breaks of oplocks and leases go out on any channel, and on another when that
// is gone.
func TestChannelBreaks(t *testing.T) {
	for _, kind := range []string{"oplock", "lease"} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a := r.caching(smb.Dialect311, 1)
				b := r.bind(a, 1)
				var id smb2.FileID
				if kind == "lease" {
					id, _ = r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
				} else {
					id = r.batch(a, "f")
				}
				a.Close()
				time.Sleep(time.Second)
				other := r.caching(smb.Dialect311, 2)
				mid := startOpen(other, smbtest.CreateReq("f", smb2.Open))
				if kind == "lease" {
					leaseBroken(t, b, leaseKey(1), leaseRWH, leaseRH, 2)
					ackLease(t, b, leaseKey(1), leaseRH)
				} else {
					broken(t, b, id, smb2.OplockLevelII)
					want(t, "acknowledgement", b.AckOplock(id, smb2.OplockLevelII), ok)
				}
				want(t, "CREATE", other.Wait(mid).Status, ok)
			})
		})
	}
}

// A break that is stuck on one channel goes out on another, when the server gives the
// first one up. So does one that needs no answer, or the client would go on reading what
// is in its cache. [MS-SMB2] 3.3.4.7
func TestLeaseBreakOfStuckChannel(t *testing.T) {
	for _, state := range []smb2.LeaseState{leaseR, leaseRH, leaseRWH} {
		t.Run(fmt.Sprint(oplock.State(state)), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a := r.caching(smb.Dialect311, 1)
				b := r.bind(a, 1)
				other := r.caching(smb.Dialect311, 2)
				b.Timeout, other.Timeout = time.Hour, time.Hour
				id := r.open(other, "f")
				if state == leaseRWH {
					want(t, "CLOSE", other.CloseFile(id), ok)
				}
				r.leased(a, "f", smbtest.Lease2(leaseKey(1), state, 0), state)
				release := a.Hold()
				defer release()
				a.Send(a.Req(smb2.CommandEcho, smb2.EchoRequest{}))
				synctest.Wait()
				a.Send(a.Req(smb2.CommandEcho, smb2.EchoRequest{}))
				if state == leaseRWH {
					startOpen(other, smbtest.CreateReq("f", smb2.Open))
					leaseBroken(t, b, leaseKey(1), leaseRWH, leaseRH, 2)
					return
				}
				_, st := other.Write(id, 0, []byte("x"))
				want(t, "WRITE", st, ok)
				leaseBroken(t, b, leaseKey(1), state, 0, 2)
			})
		})
	}
}

// An answer may come on another channel than the break went to.
func TestChannelAck(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		id := r.batch(b, "g")
		other := r.caching(smb.Dialect311, 2)
		for _, name := range []string{"f", "g"} {
			mid := startOpen(other, smbtest.CreateReq(name, smb2.Open))
			from, to := a, b
			x, got := a.TakeBreak()
			if !got {
				from, to = b, a
				x = b.Break()
			}
			_ = from
			if x.Lease != nil {
				ackLease(t, to, leaseKey(1), leaseRH)
			} else {
				want(t, "acknowledgement", to.AckOplock(id, smb2.OplockLevelII), ok)
			}
			want(t, "CREATE", other.Wait(mid).Status, ok)
		}
	})
}

// victim is a session that somebody else wants to get into.
type victim struct {
	r  *rig
	c  *smbtest.Client
	id smb2.FileID
}

func newVictim(r *rig) *victim {
	// Without GMAC: what a change of the algorithm is answered with is another
	// matter.
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{
		ClientGUID: machine(1), Caps: smbtest.CachingCaps, Signing: []uint16{uint16(signing.AESCMAC)},
	})
	r.setup(c, "ann", password)
	r.tree(c, "s")
	v := &victim{r: r, c: c, id: r.open(c, "f")}
	return v
}

// channel is rig.channel with the victim's signing algorithm.
func (v *victim) channel(d smb.Dialect, m byte) *smbtest.Client {
	return v.r.dialect(d, smbtest.NegotiateOptions{
		ClientGUID: machine(m), Caps: smbtest.CachingCaps, Signing: []uint16{uint16(signing.AESCMAC)},
	})
}

// unharmed checks that v is as before: it answers, on its one channel, and can
// still be bound to.
func (v *victim) unharmed(t *testing.T) {
	t.Helper()
	_, st := v.c.Write(v.id, 0, []byte("x"))
	want(t, "WRITE of the victim", st, ok)
	list := sessionsOf(v.r)
	mine := 0
	for _, se := range list {
		if se.ID == v.c.Session.ID {
			mine++
			if se.Caller.Name != "ann" {
				t.Errorf("the victim's session is %q's", se.Caller.Name)
			}
		}
	}
	if mine != 1 {
		t.Errorf("%d sessions have the victim's id", mine)
	}
	n := v.channel(smb.Dialect311, 1)
	want(t, "binding", n.Bind(v.c.Session, "ann", password), ok)
	n.Tree = v.c.Tree
	_, st = n.Write(v.id, 0, []byte("x"))
	want(t, "WRITE on a new channel", st, ok)
	n.Close()
}

// outside checks that c isn't in the session.
func (v *victim) outside(t *testing.T, c *smbtest.Client) {
	t.Helper()
	for _, se := range []*smbtest.Session{v.c.Session, {ID: v.c.Session.ID}} {
		c.Session = se
		e := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: v.id})
		e.TreeID = v.c.Tree
		if !c.Send(e) {
			return
		}
		rep, got := c.Recv()
		if got && rep.Status != smb2.StatusUserSessionDeleted && rep.Status != smb2.StatusAccessDenied {
			t.Errorf("FLUSH of an outsider: %v", rep.Status)
		}
		if !got {
			return
		}
	}
	c.Session = &smbtest.Session{}
}

// A binding that fails changes nothing for the session that it was meant for.
// [MS-SMB2] 3.3.5.5
func TestBindFails(t *testing.T) {
	ann := smbtest.Logon{User: "ann", Password: password}
	for name, x := range map[string]struct {
		dialect smb.Dialect
		machine byte
		logon   smbtest.Logon
		status  smb2.Status
		edit    func(v *victim, l *smbtest.Logon)
	}{
		"unsigned": {logon: ann, status: smb2.StatusInvalidParameter, edit: func(_ *victim, l *smbtest.Logon) { l.Unsigned = true }},
		"wrong key": {logon: ann, status: smb2.StatusAccessDenied, edit: func(v *victim, l *smbtest.Logon) {
			bad := *l.Bind
			bad.Signer, _ = signing.NewSigner(v.c.SignAlg, make([]byte, 16))
			l.Bind = &bad
		}},
		"unknown session": {logon: ann, status: smb2.StatusUserSessionDeleted, edit: func(_ *victim, l *smbtest.Logon) {
			bad := *l.Bind
			bad.ID += 100
			l.Bind = &bad
		}},
		"other dialect":  {dialect: smb.Dialect302, logon: ann, status: smb2.StatusInvalidParameter},
		"2.1":            {dialect: smb.Dialect210, logon: ann, status: smb2.StatusRequestNotAccepted},
		"other client":   {machine: 9, logon: ann, status: smb2.StatusUserSessionDeleted},
		"other user":     {logon: smbtest.Logon{User: "bob", Password: password + "!"}, status: smb2.StatusAccessDenied},
		"wrong password": {logon: smbtest.Logon{User: "ann", Password: "wrong"}, status: smb2.StatusLogonFailure},
		"unknown user":   {logon: smbtest.Logon{User: "eve", Password: "wrong"}, status: smb2.StatusLogonFailure},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				v := newVictim(r)
				d, m := smb.Dialect311, byte(1)
				if x.dialect != 0 {
					// Another client: one client speaks one dialect.
					d = x.dialect
				}
				if x.machine != 0 {
					m = x.machine
				}
				c := v.channel(d, m)
				l := x.logon
				l.Bind = v.c.Session
				if x.edit != nil {
					x.edit(v, &l)
				}
				_, st := c.Logon(&l)
				want(t, "binding", st, x.status)
				v.outside(t, c)
				v.unharmed(t)
				// The connection itself isn't spoiled.
				if x.dialect == 0 {
					c.Session = &smbtest.Session{}
					r.setup(c, "ann", password)
				}
				v.unharmed(t)
			})
		})
	}
}

// One half of a binding, and what may be sent then.
func TestBindHalf(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		v := newVictim(r)
		c := v.channel(smb.Dialect311, 1)
		l := &smbtest.Logon{User: "ann", Password: password, Bind: v.c.Session}
		first, id := c.LogonFirst(l)
		want(t, "binding", first.Status, smb2.StatusMoreProcessingRequired)
		v.outside(t, c)
		v.unharmed(t)
		_, st := c.LogonSecond(l, first, id)
		want(t, "the rest of it", st, ok)
		c.Tree = v.c.Tree
		_, st = c.Write(v.id, 0, []byte("x"))
		want(t, "WRITE", st, ok)

		// Again on the same connection: it's in already.
		_, st = c.Logon(&smbtest.Logon{User: "ann", Password: password, Bind: c.Session})
		if st != smb2.StatusRequestNotAccepted && st != smb2.StatusAccessDenied { // whichever is checked first
			t.Errorf("binding twice: %v", st)
		}
		_, st = c.Write(v.id, 0, []byte("x"))
		want(t, "WRITE", st, ok)
		// Half a binding whose connection ends.
		n := v.channel(smb.Dialect311, 1)
		n.LogonFirst(&smbtest.Logon{User: "ann", Password: password, Bind: v.c.Session})
		n.Close()
		time.Sleep(time.Second)
		v.unharmed(t)
	})
}

// The session ends between the two halves.
func TestBindToEndedSession(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		v := newVictim(r)
		c := v.channel(smb.Dialect311, 1)
		l := &smbtest.Logon{User: "ann", Password: password, Bind: v.c.Session}
		first, id := c.LogonFirst(l)
		want(t, "binding", first.Status, smb2.StatusMoreProcessingRequired)
		want(t, "LOGOFF", v.c.Logoff(), ok)
		_, st := c.LogonSecond(l, first, id)
		want(t, "the rest of it", st, smb2.StatusUserSessionDeleted)
		c.Session = &smbtest.Session{}
		r.setup(c, "ann", password)
	})
}

// Reauthentication on a channel keeps the keys of all of them.
func TestChannelReauthentication(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		id := r.open(a, "f")
		_, st := b.Logon(&smbtest.Logon{User: "ann", Password: password, Again: b.Session})
		want(t, "logon again", st, ok)
		for _, c := range []*smbtest.Client{a, b} {
			_, st = c.Write(id, 0, []byte("x"))
			want(t, "WRITE", st, ok)
		}
	})
}

// A wrong password on a channel ends the session when the answer is due, though the channel was lost meanwhile.
func TestFailedReauthenticationChannelLost(t *testing.T) {
	bubble(t, func(s *smb.Server) { s.Limits.FailedLogonDelay = 2 * time.Second }, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		l := &smbtest.Logon{User: "ann", Password: "wrong", Again: b.Session}
		first, id := b.LogonFirst(l)
		token, _ := b.LogonToken(l, first)
		b.Send(b.SetupReq(l, token, id))
		synctest.Wait()
		b.Close()
		time.Sleep(1900 * time.Millisecond)
		alive(t, a)
		if len(sessionsOf(r)) != 1 {
			t.Error("the session ended too soon")
		}
		time.Sleep(200 * time.Millisecond)
		if len(sessionsOf(r)) != 0 {
			t.Error("the session didn't end")
		}
	})
}

// Whoever saw a signed request can send it again on a connection of his own. If the
// refusal were signed with the session's key, two messages would be signed under one
// MessageId, which gives the key of AES-GMAC away.
func TestForeignRequestNotSigned(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		seen := a.Req(smb2.CommandEcho, smb2.EchoRequest{})
		frame := a.Build(seen)
		a.SendFrame(frame)
		first := a.Wait(seen.MessageID)
		eve := r.channel(smb.Dialect311, 99)
		for eve.NextID < seen.MessageID {
			eve.Do(smb2.CommandEcho, smb2.EchoRequest{})
		}
		eve.Adopt(a.Session)
		eve.SendFrame(frame)
		again, got := eve.Recv()
		if got && again.Flags&smb2.FlagSigned != 0 && !bytes.Equal(first.Msg, again.Msg) {
			t.Errorf("%v and %v signed under one MessageId", first.Status, again.Status)
		}
	})
}

// second sends the second half of a binding to se, whatever comes of it.
func (r *rig) second(c *smbtest.Client, se *smbtest.Session) (mid uint64) {
	r.t.Helper()
	l := &smbtest.Logon{User: "ann", Password: password, Bind: se}
	first, id := c.LogonFirst(l)
	if first.Status != smb2.StatusMoreProcessingRequired {
		r.t.Fatalf("binding: %v", first.Status)
	}
	token, _ := c.LogonToken(l, first)
	e := c.SetupReq(l, token, id)
	c.Adopt(&smbtest.Session{ID: id, Signer: se.Signer, Sign: true})
	c.Send(e)
	return e.MessageID
}

// Of two bindings that finish at once on one connection one is refused, and the session
// ends with its connections.
func TestBindTwiceAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a, b := r.caching(smb.Dialect311, 1), r.channel(smb.Dialect311, 1)
		r.open(a, "f")
		// A logon that fails holds up the next ones.
		x := r.channel(smb.Dialect311, 9)
		l := &smbtest.Logon{User: "ann", Password: "wrong"}
		first, id := x.LogonFirst(l)
		token, _ := x.LogonToken(l, first)
		x.Send(x.SetupReq(l, token, id))
		time.Sleep(10 * time.Millisecond)
		mids := []uint64{r.second(b, a.Session)}
		time.Sleep(time.Millisecond) // or the next logon could be taken for the end of this one
		mids = append(mids, r.second(b, a.Session))
		got := []smb2.Status{b.Wait(mids[0]).Status, b.Wait(mids[1]).Status}
		if got[0] != ok { // either may be the first
			slices.Reverse(got)
		}
		want(t, "one binding", got[0], ok)
		want(t, "the other", got[1], smb2.StatusRequestNotAccepted)
		lose(x, b, a)
		time.Sleep(time.Hour)
		for _, se := range sessionsOf(r) {
			t.Errorf("left: %+v", se)
		}
	})
}

// Both connections of a client go while it binds.
func TestBindCut(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Logger = quiet() })
	for range 300 {
		r, end := r.scope()
		a, b := r.caching(smb.Dialect311, 1), r.channel(smb.Dialect311, 1)
		r.second(b, a.Session)
		time.Sleep(time.Duration(rand.IntN(150)) * time.Microsecond)
		go a.Close()
		go b.Close()
		end()
	}
	for range 300 {
		if len(sessionsOf(r)) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d sessions without a connection", len(sessionsOf(r)))
}
