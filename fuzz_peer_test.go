package smb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// peer is one of a script's connections, which is made when it is needed.
type peer struct {
	s *script
	n int

	c        *smbtest.Client // nil: not connected
	session  uint64          // of the last logon
	previous uint64          // that the next one replaces
	tampered bool            // the server may drop the connection, and be right

	frame   []*smbtest.Elem
	flipAt  int
	flip    byte
	breaks  []smbtest.Break
	pending []smbtest.Reply // interim ones
	halves  []half
	done    map[uint64]bool // requests that were answered
	release func()          // lets it read again
}

const (
	silence  = time.Nanosecond // after which the server has nothing more to say
	patience = 5 * time.Second
)

// user returns who p is.
func (p *peer) user() (name, pass string, machine byte) {
	switch {
	case p.n != 2:
		return "ann", password, 1
	case p.s.setup&setupSameUser != 0:
		return "ann", password, 2
	}
	return "bob", password + "!", 2
}

// need connects p unless it is. One that the server dropped is connected anew.
func (p *peer) need() {
	if p.c == nil {
		p.connect()
	}
}

func (p *peer) connect() {
	s := p.s
	p.done = make(map[uint64]bool)
	// A server that was started again opens what is stored before it serves, which a slow
	// backend may make longer than a client waits.
	s.r.srv.Counters()
	name, pass, m := p.user()
	stage := byte(0)
	if p.n == 0 {
		stage = s.setup & setupNoTree
	}
	if stage == setupRaw {
		p.c = s.r.dial()
		return
	}
	p.c = s.r.channel(smbtest.AllDialects[s.setup&7%5], m)
	if stage == setupNegotiated {
		return
	}
	defer p.patiently()()
	l := &smbtest.Logon{User: name, Password: pass, Previous: p.previous}
	p.previous = 0
	if first := s.peers[0]; p.n == 1 && first.c != nil && first.c.Session.Signer != nil {
		l.Bind = first.c.Session
		if _, st := p.c.Logon(l); st == ok {
			p.c.Tree, p.session = first.c.Tree, l.Bind.ID
			return
		}
		l.Bind, l.Flags = nil, 0
	}
	if _, st := p.c.Logon(l); st != ok {
		return
	}
	p.session = p.c.Session.ID
	p.c.Session.Seal = p.c.Session.Seal || s.setup&setupSeal != 0 && p.c.Session.Out != nil
	if stage != setupNoTree {
		p.c.TreeConnect(fuzzShares[s.second&3])
	}
}

// patiently has p wait for as long as a logon takes that replaces another: until a slow backend has closed all that that had
// open. What it returns ends that.
func (p *peer) patiently() (end func()) {
	c, before := p.c, p.c.Timeout
	c.Timeout = time.Hour
	return func() { c.Timeout = before }
}

// logf tells those who read a script what happens (go test -v).
func (p *peer) logf(format string, args ...any) {
	if testing.Verbose() {
		p.s.t.Logf("%v %d "+format, append([]any{time.Now().Format("04:05.000"), p.n}, args...)...)
	}
}

// cut ends the connection without a word.
func (p *peer) cut() {
	p.free()
	if p.c != nil {
		p.c.Close()
	}
	*p = peer{s: p.s, n: p.n, session: p.session}
}

// free lets p read again.
func (p *peer) free() {
	if p.release != nil {
		p.release()
		p.release = nil
	}
}

// logon logs on once more: again, as somebody else, or with a wrong password.
func (p *peer) logon(how byte) {
	p.flush()
	p.free()
	p.drain()
	if p.c == nil || p.tampered || p.c.Dialect == 0 || p.c.Credits < 8 || p.ended() {
		return
	}
	defer p.patiently()()
	name, pass, _ := p.user()
	l := &smbtest.Logon{User: name, Password: pass}
	switch how & 7 {
	case 0:
		if !p.lives() {
			return
		}
		l.Again = p.c.Session
	case 1:
		l.Password = "wrong"
	case 2:
		l.User, l.Password = "bob", password+"!"
	case 3:
		l.Previous = p.session
	case 4:
		l.Previous = p.s.peers[how>>3&3].session
	case 5:
		l.Bind, l.Flags = p.s.sessionOf(how>>3), 0
		if l.Bind == nil {
			return
		}
	case 6:
		if !p.lives() {
			return
		}
		l.Again, l.Password = p.c.Session, "wrong"
	}
	p.logf("logs on as %s, kind %d", l.User, how&7)
	before := p.c.Session
	if l.Again == nil {
		// Nobody encrypts what begins a session with the keys of another.
		p.c.Session = &smbtest.Session{}
	}
	if how&7 == 7 {
		if how&8 != 0 {
			l.Bind = p.s.sessionOf(how >> 4)
		}
		if r, id := p.c.LogonFirst(l); r.Status == smb2.StatusMoreProcessingRequired {
			p.halves = append(p.halves, half{l, r, id})
		}
	} else if _, st := p.c.Logon(l); st == ok {
		p.session = p.c.Session.ID
		return
	}
	p.c.Session = before
}

// half is a logon that has begun.
type half struct {
	l     *smbtest.Logon
	first smbtest.Reply
	id    uint64
}

// conclude sends the second half of a logon, and doesn't look what becomes of it.
func (p *peer) conclude() {
	p.flush()
	if p.c == nil || len(p.halves) == 0 {
		return
	}
	h := p.halves[0]
	p.halves = p.halves[1:]
	token, _ := p.c.LogonToken(h.l, h.first)
	e := p.c.SetupReq(h.l, token, h.id)
	p.logf("sends %v %d, the second half", e.Command, e.MessageID)
	if b := h.l.Bind; b != nil {
		e.Unsigned = true
		e.Flags |= smb2.FlagSigned
		e.Tamper = b.Signer.Sign
	}
	before := p.c.Session
	p.c.Session = &smbtest.Session{}
	p.c.Send(e)
	p.c.Session = before
	p.tampered = true // nobody has its keys
}

// lives reports whether p's session is still there: what is encrypted for one that
// isn't ends the connection.
func (p *peer) lives() bool {
	e := p.c.Req(smb2.CommandEcho, smb2.EchoRequest{})
	if p.c.Session.Signer == nil || !p.c.Send(e) {
		return false
	}
	p.drain()
	return p.done[e.MessageID]
}

// ended reports whether the server has ended the connection: since something was encrypted for nobody, or since
// it was idle for long.
func (p *peer) ended() bool {
	if p.release != nil {
		return false
	}
	p.c.Timeout = silence
	defer func() { p.c.Timeout = 2 * patience }()
	return p.c.Dropped()
}

func (s *script) sessionOf(n byte) *smbtest.Session {
	if c := s.peers[n&3].c; c != nil && c.Session.Signer != nil {
		return c.Session
	}
	return nil
}

// flush sends what is in the frame.
func (p *peer) flush() {
	if p.c == nil || len(p.frame) == 0 {
		return
	}
	frame := p.c.Build(p.frame...)
	for _, e := range p.frame {
		p.logf("sends %v %d: %+v", e.Command, e.MessageID, e.Body)
	}
	if p.flip != 0 {
		frame[p.flipAt%len(frame)] ^= p.flip
		p.flip, p.tampered = 0, true
	}
	p.frame = nil
	p.c.Timeout = patience
	if !p.c.SendFrame(frame) {
		p.cut()
	}
}

// drain takes what the server sent, when it has no more to do.
func (p *peer) drain() {
	synctest.Wait()
	if p.c == nil || p.release != nil {
		return
	}
	p.c.Timeout = silence
	for {
		r, found := p.c.Recv()
		if !found {
			break
		}
		p.take(r)
	}
	p.c.Timeout = 2 * patience
}

// take looks at one reply.
func (p *peer) take(r smbtest.Reply) {
	t := p.s.t
	p.logf("got %v %d: %v", r.Command, int64(r.MessageID), r.Status)
	if r.BadSig && !p.tampered && r.SessionID == p.c.Session.ID {
		t.Errorf("%v: bad signature: %x", r.Command, r.Msg)
	}
	switch {
	case r.MessageID == ^uint64(0):
		p.broken(r)
		return
	case r.Status == smb2.StatusPending:
		p.pending = append(p.pending, r)
		return
	}
	if p.done[r.MessageID] && !p.tampered {
		t.Errorf("%v %d was answered twice", r.Command, r.MessageID)
	}
	p.done[r.MessageID] = true
	if r.Status != ok || r.BadSig {
		return
	}
	switch r.Command {
	case smb2.CommandCreate:
		resp := smbtest.Parse(p.c, r, smb2.ParseCreateResponse)
		p.c.Granted(resp)
		p.s.ids = append(p.s.ids, resp.FileID)
	case smb2.CommandTreeConnect:
		p.c.Tree = r.TreeID
	case smb2.CommandChangeNotify:
		changes(t, p.c, r)
	case smb2.CommandRead:
		smbtest.Parse(p.c, r, smb2.ParseReadResponse)
	case smb2.CommandIoctl:
		if resp := smbtest.Parse(p.c, r, smb2.ParseIoctlResponse); resp.CtlCode == smb2.FsctlSrvRequestResumeKey {
			copy(p.s.key[:], resp.Output)
		}
	case smb2.CommandQueryInfo:
		smbtest.Parse(p.c, r, smb2.ParseQueryInfoResponse)
	case smb2.CommandQueryDirectory:
		smbtest.Parse(p.c, r, smb2.ParseQueryDirectoryResponse)
	}
}

// broken notes a break, to be answered later.
func (p *peer) broken(r smbtest.Reply) {
	b := smbtest.Break{Reply: r}
	var err error
	if smb2.BreakStructureSize(r.Msg) == smb2.LeaseBreakNotificationSize {
		var l smb2.LeaseBreakNotification
		l, err = smb2.ParseLeaseBreakNotification(r.Msg)
		b.Lease = &l
	} else {
		var o smb2.OplockBreak
		o, err = smb2.ParseOplockBreak(r.Msg)
		b.Oplock = &o
	}
	if err != nil || r.Command != smb2.CommandOplockBreak || r.Flags&smb2.FlagSigned != 0 {
		p.s.t.Fatalf("notification %v: %v: %x", r.Command, err, r.Msg)
	}
	p.breaks = append(p.breaks, b)
}

// ack answers the oldest break as it should be.
func (p *peer) ack() smbtest.Body {
	if len(p.breaks) == 0 {
		return smb2.LeaseBreakAck{LeaseKey: leaseKey(0)}
	}
	b := p.breaks[0]
	p.breaks = p.breaks[1:]
	if b.Lease != nil {
		return smb2.LeaseBreakAck{LeaseKey: b.Lease.LeaseKey, State: b.Lease.NewState}
	}
	return *b.Oplock
}

// cancel cancels something that waits, by either of its numbers, or another.
func (p *peer) cancel() *smbtest.Elem {
	x := p.s.byte()
	e := p.c.Req(smb2.CommandCancel, smb2.CancelRequest{})
	e.MessageID = p.c.NextID - 1 - uint64(x>>4)
	if n := len(p.pending); n > 0 && x&1 == 0 {
		r := p.pending[n-1-int(x>>1&7)%n]
		e.MessageID = r.MessageID
		if x>>4&1 == 0 {
			e.Flags |= smb2.FlagAsync
			e.AsyncID, e.TreeID = r.AsyncID, 0
		}
	}
	return e
}

// check is for the end: who is there is answered.
func (p *peer) check() {
	p.free()
	if p.c == nil {
		return
	}
	p.drain()
	p.c.Timeout = patience
	if !answers(p.c) {
		p.s.t.Errorf("the server hangs: no answer on connection %d, and it is still there", p.n)
	}
}
