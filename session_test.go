package smb_test

import (
	"context"
	"encoding/asn1"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// noDelay lets tests of failed logons finish soon.
func noDelay(s *smb.Server) { s.Limits.FailedLogonDelay = -1 }

func TestWrongPassword(t *testing.T) {
	r := newRig(t, noDelay)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		for _, user := range []string{"ann", "nobody", ""} {
			_, st := c.SessionSetup(user, "wrong")
			want(t, "logon of "+user, st, smb2.StatusLogonFailure)
		}
		_, st := c.SessionSetup("", "") // anonymous
		want(t, "anonymous logon", st, smb2.StatusLogonFailure)
		// The connection is as good as before.
		r.setup(c, "ANN", password)
		r.tree(c, "s")
	})
}

func TestNoMechanismLetsNobodyIn(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Mechanisms = nil; noDelay(s) })
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	_, st := c.SessionSetup("ann", password)
	want(t, "logon", st, smb2.StatusLogonFailure)
}

func TestGuest(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		noDelay(s)
		m := ntlm.New(accounts())
		m.Guest = true
		s.Mechanisms = []smb.Mechanism{m}
		s.Shares.(smb.Shares)["open"] = &smb.Share{FS: s.Shares.(smb.Shares)["s"].FS, Allow: smb.AllowGuests}
	})
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.dialect(d, smbtest.NegotiateOptions{})
		// A known user with a wrong password must never become a guest.
		_, st := c.SessionSetup("ann", "wrong")
		want(t, "wrong password", st, smb2.StatusLogonFailure)
		r.setup(c, "stranger", "x")
		if c.Session.Flags != smb2.SessionIsGuest {
			t.Errorf("flags %v", c.Session.Flags)
		}
		_, st = c.TreeConnect("s")
		want(t, "TREE_CONNECT of a share not for guests", st, smb2.StatusAccessDenied)
		r.tree(c, "open")
		id := r.open(c, "f")
		_, st = c.Ioctl(id, smb2.FsctlLmrRequestResiliency, make([]byte, 8), 0) // any guest could come back to it
		want(t, "resiliency", st, smb2.StatusInvalidDeviceRequest)
		rep := c.Do(smb2.CommandClose, smb2.CloseRequest{FileID: id})
		want(t, "CLOSE", rep.Status, ok)
		if rep.Flags&smb2.FlagSigned != 0 {
			t.Error("a reply to a guest is signed: libsmb2, smbj and jcifs give up on that")
		}
	})
}

func TestAnonymous(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		m := ntlm.New(accounts())
		m.Anonymous = true
		s.Mechanisms = []smb.Mechanism{m}
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "", "")
	if c.Session.Flags != smb2.SessionIsNull {
		t.Errorf("flags %v", c.Session.Flags)
	}
	_, st := c.TreeConnect("s")
	want(t, "TREE_CONNECT", st, smb2.StatusAccessDenied)
	r.tree(c, "IPC$")
}

// Guests have no key, so where encryption is required they can't come in.
func TestRequiredEncryptionRefusesGuests(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		noDelay(s)
		m := ntlm.New(accounts())
		m.Guest = true
		s.Mechanisms = []smb.Mechanism{m}
		s.Encryption = smb.Required
	})
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	_, st := c.SessionSetup("stranger", "x")
	want(t, "logon", st, smb2.StatusAccessDenied)
}

func TestPreviousSession(t *testing.T) {
	r := newRig(t, noDelay)
	old := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("f", smb2.OpenIf)
	req.ShareAccess = 0
	r.create(old, req)

	t.Run("of another user", func(t *testing.T) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		_, st := c.Logon(&smbtest.Logon{User: "bob", Password: password + "!", Previous: old.Session.ID})
		want(t, "logon", st, ok)
		r.tree(old, "s")
	})
	t.Run("with a wrong password", func(t *testing.T) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: "wrong", Previous: old.Session.ID})
		want(t, "logon", st, smb2.StatusLogonFailure)
		r.tree(old, "s")
	})
	t.Run("own", func(t *testing.T) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: old.Session.ID})
		want(t, "logon", st, ok)
		r.tree(c, "s")
		// The file is free: the old session and its open are gone.
		_, st = c.Create(req)
		want(t, "CREATE", st, ok)
		e := old.Req(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\s`})
		if rep := old.DoElem(e); rep.Status != smb2.StatusUserSessionDeleted {
			t.Errorf("on the old session: %v", rep.Status)
		}
	})
}

// Nor does it wait long for a request that is stuck in the backend, and what else was open
// is closed meanwhile.
func TestPreviousSessionStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, begun := make(chan struct{}), make(chan struct{})
		slow := faultfs.New(&memfs.FS{}, func(op faultfs.Op) error {
			if op.Kind == faultfs.Read {
				close(begun)
				<-hold
			}
			return nil
		})
		r := newRig(t, func(s *smb.Server) {
			s.Shares = smb.Shares{"s": {FS: &memfs.FS{}}, "slow": {FS: slow}}
		})
		old := r.logon(smb.Dialect311)
		r.tree(old, "slow")
		slowTree := old.Tree
		stuck := r.open(old, "stuck")
		_, st := old.Write(stuck, 0, []byte("x"))
		want(t, "WRITE", st, ok)
		r.tree(old, "s")
		req := smbtest.CreateReq("f", smb2.OpenIf)
		req.ShareAccess = 0
		for i := range 20 {
			req.Name = fmt.Sprintf("f%d", i)
			r.create(old, req)
		}
		old.Tree = slowTree
		old.Send(old.Req(smb2.CommandRead, smb2.ReadRequest{FileID: stuck, Length: 1}))
		<-begun
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		c.Timeout = time.Minute
		start := time.Now()
		_, st = c.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: old.Session.ID})
		want(t, "logon", st, ok)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("the logon took %v", d)
		}
		r.tree(c, "s")
		for i := range 20 {
			req.Name = fmt.Sprintf("f%d", i)
			_, st := c.Create(req)
			want(t, "CREATE of "+req.Name, st, ok)
		}
		close(hold)
		end(r, old, c)
	})
}

// It doesn't wait for the break that a request of that session waits for.
func TestPreviousSessionWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		id := r.open(b, "f")
		r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		start(b, smb2.CommandSetInfo, smb2.SetInfoRequest{InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileDispositionInformation), FileID: id, Data: []byte{1}})
		c := r.channel(smb.Dialect311, 2)
		c.Timeout = time.Minute
		begin := time.Now()
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: b.Session.ID})
		want(t, "logon", st, ok)
		if d := time.Since(begin); d > time.Second {
			t.Errorf("the logon took %v", d)
		}
	})
}

func TestLogoff(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		id := r.open(c, "f")
		want(t, "LOGOFF", c.Logoff(), ok)
		for cmd, body := range bodies(id) {
			switch cmd {
			case smb2.CommandNegotiate, smb2.CommandCancel, smb2.CommandEcho, smb2.CommandOplockBreak:
				continue
			}
			e := c.Req(cmd, body)
			e.Unsigned = true
			want(t, cmd.String()+" after LOGOFF", c.DoElem(e).Status, smb2.StatusUserSessionDeleted)
		}
		if n := r.srv.Counters().Opens; n != 0 {
			t.Errorf("%d opens after LOGOFF", n)
		}
		r.setup(c, "ann", password)
		r.tree(c, "s")
	})
}

func TestReauthentication(t *testing.T) {
	r := newRig(t, noDelay)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		id := r.open(c, "f")
		se := c.Session
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Again: se})
		want(t, "second logon", st, ok)
		// Keys and opens stay.
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE", st, ok)
	})
}

// A session that fails to renew its logon is gone: [MS-SMB2] 3.3.5.5.3, "If the
// authentication failed ... the server MUST remove the session".
func TestFailedReauthentication(t *testing.T) {
	r := newRig(t, noDelay)
	c := r.logon(smb.Dialect311)
	_, st := c.Logon(&smbtest.Logon{User: "ann", Password: "wrong", Again: c.Session})
	want(t, "second logon", st, smb2.StatusLogonFailure)
	// Nobody else's session is hurt.
	other := r.as("bob", password+"!")
	alive(t, other)
	r.open(other, "g")
}

// A SESSION_SETUP from another connection must not touch a session.
func TestSessionSetupFromElsewhere(t *testing.T) {
	r := newRig(t, noDelay)
	victim := r.logon(smb.Dialect311)
	id := r.open(victim, "f")
	for _, flags := range []uint8{0, smb2.SessionFlagBinding} {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		l := &smbtest.Logon{User: "ann", Password: "wrong", Flags: flags}
		e := c.SetupReq(l, l.NTLM.Negotiate(), victim.Session.ID)
		e.Unsigned = true
		rep := c.DoElem(e)
		if !rep.Status.IsError() {
			t.Errorf("flags %d: %v", flags, rep.Status)
		}
		_, st := victim.Write(id, 0, []byte("x"))
		want(t, "WRITE of the victim", st, ok)
	}
}

// brief is a Mechanism whose logons expire.
type brief struct {
	smb.Mechanism
	life time.Duration
}

func (m brief) Accept(ctx context.Context, peer net.Addr) smb.Acceptor {
	return &briefAcceptor{m.Mechanism.Accept(ctx, peer), time.Now().Add(m.life)}
}

type briefAcceptor struct {
	smb.Acceptor
	end time.Time
}

func (a *briefAcceptor) Expires() time.Time { return a.end }

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Mechanisms = []smb.Mechanism{brief{ntlm.New(accounts()), time.Hour}} })
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		locked := r.open(c, "g")
		want(t, "LOCK", c.Lock(locked, 0, 1, smb2.LockExclusive|smb2.LockFailImmediately), ok)
		time.Sleep(time.Hour - time.Second)
		_, st := c.Write(id, 0, []byte("x"))
		want(t, "WRITE in time", st, ok)
		time.Sleep(2 * time.Second)
		const expired = smb2.StatusNetworkSessionExpired
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE after expiry", st, expired)
		_, st = c.TreeConnect("s")
		want(t, "TREE_CONNECT after expiry", st, expired)
		want(t, "LOCK after expiry", c.Lock(locked, 5, 1, smb2.LockExclusive|smb2.LockFailImmediately), expired)
		// What frees things stays possible. [MS-SMB2] 3.3.5.2.9
		want(t, "UNLOCK after expiry", c.Lock(locked, 0, 1, smb2.LockUnlock), ok)
		want(t, "CLOSE after expiry", c.CloseFile(locked), ok)
		_, st = c.Logon(&smbtest.Logon{User: "ann", Password: password, Again: c.Session})
		want(t, "logon", st, ok)
		_, st = c.Write(id, 0, []byte("x"))
		want(t, "WRITE after renewal", st, ok)
		time.Sleep(2 * time.Hour)
		want(t, "LOGOFF after expiry", c.Logoff(), ok)
		end(r, c)
	})
}

// end closes what would otherwise end only after the bubble of a synctest.
func end(r *rig, clients ...*smbtest.Client) {
	for _, c := range clients {
		c.Close()
	}
	r.srv.Close()
}

// rigid is a Mechanism that isn't NTLM and gives no key.
type rigid struct{ key []byte }

func (rigid) OID() asn1.ObjectIdentifier                      { return asn1.ObjectIdentifier{1, 2, 3} }
func (rigid) IsRaw(token []byte) bool                         { return string(token) == "let me in" }
func (m rigid) Accept(context.Context, net.Addr) smb.Acceptor { return m }
func (rigid) Step(context.Context, []byte) ([]byte, bool, error) {
	return []byte("come in"), true, nil
}
func (rigid) Caller() *vfs.Caller         { return &vfs.Caller{Name: "somebody"} }
func (m rigid) SessionKey() []byte        { return m.key }
func (rigid) MIC([]byte) ([]byte, error)  { return nil, nil }
func (rigid) VerifyMIC(_, _ []byte) error { return nil }

// A mechanism without a key for a real user would leave a session that nothing
// protects.
func TestMechanismWithoutKey(t *testing.T) {
	for _, n := range []int{0, 8, 15, 16, 32} {
		r := newRig(t, func(s *smb.Server) { s.Mechanisms = []smb.Mechanism{rigid{make([]byte, n)}} })
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		rep := c.DoElem(c.SetupReq(&smbtest.Logon{}, []byte("let me in"), 0))
		if failed := rep.Status.IsError(); failed != (n < 16) {
			t.Errorf("key of %d bytes: %v", n, rep.Status)
		}
	}
}

func TestFailedLogonDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		start := time.Now()
		_, st := c.SessionSetup("ann", "wrong")
		want(t, "logon", st, smb2.StatusLogonFailure)
		if d := time.Since(start); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("answered after %v", d)
		}
		end(r, c)
	})
}

// However many connections somebody uses, guesses are answered one per delay, and
// right guesses no sooner than wrong ones. When four are waiting, further ones are
// refused with the last of them, right or wrong.
func TestFailedLogonsInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Limits.AuthTimeout = time.Hour })
		const n = 20
		start := time.Now()
		took := make(chan time.Duration, n)
		var clients []*smbtest.Client
		for i := range n {
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			c.Timeout = time.Hour
			clients = append(clients, c)
			go func() {
				defer func() { took <- time.Since(start) }()
				pw := "wrong"
				if i == n-1 {
					time.Sleep(time.Second)
					pw = password
				}
				if _, st := c.SessionSetup("ann", pw); st != smb2.StatusLogonFailure {
					t.Errorf("guess %d: %v", i, st)
				}
			}()
		}
		var all []time.Duration
		for range n {
			all = append(all, <-took)
		}
		for i, d := range all {
			k := min(i+1, 4)
			if d < time.Duration(k)*2*time.Second {
				t.Errorf("answer %d after %v", i, d)
			}
		}
		// Once they are over, the right password works, and at once.
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		start = time.Now()
		_, st := c.SessionSetup("ann", password)
		want(t, "logon after the guessing", st, smb2.StatusSuccess)
		if d := time.Since(start); d > time.Second {
			t.Errorf("logon after the guessing took %v", d)
		}
		end(r, append(clients, c)...)
	})
}

// Failures are counted under the name that was claimed, so a success has to be looked up
// under that one, in whatever spelling.
func TestFailedLogonsByOtherNames(t *testing.T) {
	for name, tt := range map[string]struct{ account, guessed, right string }{
		"the name":     {"boss", "boss", "boss"},
		"other letter": {"boss", "bo\u017fs", "bo\u017fs"},
		"other case":   {"boss", "BOSS", "bo\u017fs"},
		"mail address": {"bob@corp.example", "bob@corp.example", "bob@CORP.example"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(s *smb.Server) {
					s.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{tt.account: {Password: password}})}
				})
				var clients []*smbtest.Client
				for range 8 {
					c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
					clients = append(clients, c)
					guess(c, tt.guessed)
				}
				c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
				c.Timeout = time.Hour
				_, st := c.SessionSetup(tt.right, password)
				want(t, "the right one behind the others", st, smb2.StatusLogonFailure)
				end(r, append(clients, c)...)
				synctest.Wait() // the guesses that were held back until now
			})
		})
	}
}

// guess tries a wrong password without waiting for the answer.
func guess(c *smbtest.Client, user string) {
	l := &smbtest.Logon{User: user, Password: "wrong"}
	first, id := c.LogonFirst(l)
	token, _ := c.LogonToken(l, first)
	c.Send(c.SetupReq(l, token, id))
	synctest.Wait()
}

// countingAccounts counts how often they are asked.
type countingAccounts struct {
	ntlm.Static
	asked atomic.Int32
}

func (a *countingAccounts) Authenticate(ctx context.Context, at *ntlm.Attempt) (*ntlm.Logon, error) {
	a.asked.Add(1)
	return a.Static.Authenticate(ctx, at)
}

// What would be refused anyhow isn't checked: the accounts may be far away, or locked
// after so many attempts.
func TestFailedLogonsNotChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &countingAccounts{Static: accounts()}
		r := newRig(t, func(s *smb.Server) { s.Mechanisms = []smb.Mechanism{ntlm.New(a)} })
		var clients []*smbtest.Client
		for range 40 {
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			clients = append(clients, c)
			guess(c, "ann")
		}
		if n := a.asked.Load(); n != 4 {
			t.Errorf("the accounts were asked %d times", n)
		}
		end(r, clients...)
	})
}

// Somebody else isn't held up by that.
func TestFailedLogonsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		bad := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			bad.SessionSetup("ann", "wrong")
		}()
		time.Sleep(time.Millisecond)
		start := time.Now()
		c := r.as("bob", password+"!")
		if d := time.Since(start); d != 0 {
			t.Errorf("bob waited %v because somebody guessed ann's password", d)
		}
		<-done
		end(r, c, bad)
	})
}

// Who has a session logs on again whatever others, who have none of the same user, try. His
// own failures are slowed down all the same, and a logon that nobody looked at ends nothing.
func TestFailedLogonsAndRenewal(t *testing.T) {
	for _, d := range []smb.Dialect{smb.Dialect202, smb.Dialect311} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil)
			ann := r.logon(d)
			ann.Timeout = time.Hour
			id := r.open(ann, "f")
			want(t, "LOCK", ann.Lock(id, 0, 10, exclusiveNow), ok)
			clients := []*smbtest.Client{ann}
			renew := func(c *smbtest.Client, pw string) smb2.Status {
				_, st := c.Logon(&smbtest.Logon{User: "ann", Password: pw, Again: c.Session})
				return st
			}
			start := time.Now()
			for i := range 8 {
				c := r.as("bob", password+"!")
				c.Timeout = time.Hour
				clients = append(clients, c)
				if i%2 == 0 {
					go renew(c, "wrong") // somebody else's session doesn't help
				} else {
					go c.SessionSetup("ann", "wrong")
				}
			}
			synctest.Wait()
			want(t, "logon again, while others guess", renew(ann, password), ok)
			_, st := ann.Write(id, 0, []byte("x"))
			want(t, "WRITE", st, ok)
			if d := time.Since(start); d > 0 {
				t.Errorf("others' guesses held the logon back for %v", d)
			}

			// With sessions of hers, guesses are as slow as without.
			time.Sleep(time.Minute)
			var own []*smbtest.Client
			for range 5 {
				c := r.logon(d)
				c.Timeout = time.Hour
				own = append(own, c)
			}
			start = time.Now()
			took := make(chan time.Duration, len(own))
			for _, c := range own {
				go func() {
					want(t, "a guess", renew(c, "wrong"), smb2.StatusLogonFailure)
					took <- time.Since(start)
				}()
			}
			synctest.Wait()
			st = renew(ann, password)
			want(t, "a logon again too many", st, smb2.StatusLogonFailure)
			if d := time.Since(start); d < 8*time.Second {
				t.Errorf("told after %v", d)
			}
			_, st = ann.Write(id, 0, []byte("x"))
			want(t, "WRITE after a logon that wasn't looked at", st, ok)
			for i := range own {
				if d := <-took; d < time.Duration(min(i+1, 4))*2*time.Second {
					t.Errorf("guess %d told after %v", i, d)
				}
			}
			time.Sleep(time.Minute)
			want(t, "logon again", renew(ann, password), ok)
			end(r, append(clients, own...)...)
		})
	}
}

// ticket is rigid with the account of ann, which no guess leads to.
type ticket struct {
	rigid
	unguessable bool
}

func (m ticket) Accept(context.Context, net.Addr) smb.Acceptor { return m }
func (ticket) Caller() *vfs.Caller                             { return &vfs.Caller{Name: "ann"} }
func (m ticket) Unguessable() bool                             { return m.unguessable }

// Guesses of a password don't keep those out who need none.
func TestFailedLogonsAndTickets(t *testing.T) {
	for _, free := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(s *smb.Server) {
				s.Mechanisms = append(s.Mechanisms, ticket{rigid{make([]byte, 16)}, free})
			})
			var clients []*smbtest.Client
			for range 8 {
				c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
				clients = append(clients, c)
				guess(c, "ann")
			}
			c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
			c.Timeout = time.Hour
			start := time.Now()
			st := c.DoElem(c.SetupReq(&smbtest.Logon{}, []byte("let me in"), 0)).Status
			if now := time.Since(start) == 0; (st == ok) != free || now != free {
				t.Errorf("unguessable %t: %v after %v", free, st, time.Since(start))
			}
			end(r, append(clients, c)...)
		})
	}
}
