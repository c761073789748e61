package smb_test

import (
	"context"
	"encoding/asn1"
	"encoding/binary"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/smb2"
)

func TestLimitOfSessions(t *testing.T) {
	for _, perConn := range []bool{true, false} {
		r := newRig(t, func(s *smb.Server) {
			if s.Limits.Sessions = 3; perConn {
				s.Limits.Sessions, s.Limits.SessionsPerConn = 0, 3
			}
		})
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		for range 3 {
			r.setup(c, "ann", password)
		}
		_, st := c.SessionSetup("ann", password)
		want(t, "one more", st, smb2.StatusInsufficientResources)
		want(t, "LOGOFF", c.Logoff(), ok)
		r.setup(c, "ann", password)
		// Logons begun and not finished count, too.
		want(t, "LOGOFF", c.Logoff(), ok)
		c.LogonFirst(&smbtest.Logon{User: "ann", Password: password})
		_, st = c.SessionSetup("ann", password)
		want(t, "one more", st, smb2.StatusInsufficientResources)
		c.Close()
	}
}

// Who hasn't logged on takes little of what all share.
func TestLimitOfStrangers(t *testing.T) {
	long := make(asn1.ObjectIdentifier, 60000)
	for i := range long {
		long[i] = 1
	}
	r := newRig(t, func(s *smb.Server) {
		noDelay(s)
		s.Limits.Sessions = 100
	})
	halves := func(other asn1.ObjectIdentifier) (n int, held int) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		token := spnego.NegTokenInit{
			Mechs:     []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}, other},
			MechToken: (&ntlmclient.Client{User: "ann"}).Negotiate(),
		}.Append(nil)
		before := int(heapSize())
		for range 64 {
			if rep := c.DoElem(c.SetupReq(&smbtest.Logon{User: "ann"}, token, 0)); rep.Status == smb2.StatusMoreProcessingRequired {
				n++
			}
		}
		held = int(heapSize()) - before
		runtime.KeepAlive(token)
		return n, held
	}
	if n, held := halves(long); held > 256<<10 {
		t.Errorf("%d logons under way, with a long list of mechanisms, hold %d KiB", n, held>>10)
	}
	// As long as there is room, all users of a client that comes back get some.
	if n, _ := halves(asn1.ObjectIdentifier{1, 2, 3}); n != 50 {
		t.Errorf("%d logons are under way on one connection while there is room", n)
	}
	if n, _ := halves(asn1.ObjectIdentifier{1, 2, 3}); n != 8 {
		t.Errorf("%d logons are under way on one connection while there is little room", n)
	}
	c := r.logon(smb.Dialect311)
	for range 20 {
		if _, id := c.LogonFirst(&smbtest.Logon{User: "ann", Password: password}); id == 0 {
			t.Error("no session for another user of a client that has one")
		}
	}
}

// Nobody takes all sessions from the others, neither by logons that he doesn't finish nor by
// those that he does.
func TestSessionsOfOthers(t *testing.T) {
	const most = 64
	for _, tt := range []struct {
		name     string
		finished bool
		stranger bool // ann's connections have no user
	}{{"unfinished", false, false}, {"finished", true, false}, {"of no user", false, true}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(s *smb.Server) { s.Limits.Sessions = most })
			dial := func(ip byte) *smbtest.Client {
				c := r.dialFrom(ip)
				c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
				return c
			}
			var clients []*smbtest.Client
			n := 0
			for range 10 {
				c := dial(1)
				clients = append(clients, c)
				if !tt.stranger {
					if _, st := c.SessionSetup("ann", password); st != ok {
						continue
					}
					n++
				}
				for range 20 {
					st := smb2.StatusSuccess
					if tt.finished {
						_, st = c.SessionSetup("ann", password)
					} else {
						rep, _ := c.LogonFirst(&smbtest.Logon{User: "ann", Password: password})
						st = rep.Status
					}
					if st != ok && st != smb2.StatusMoreProcessingRequired {
						want(t, "one too many", st, smb2.StatusInsufficientResources)
						break
					}
					n++
				}
			}
			if n < most/2 || n > most*3/4 {
				t.Errorf("%s: ann has %d sessions of %d", tt.name, n, most)
			}
			ip := byte(1)
			if tt.stranger {
				ip = 2
			}
			for i := range 5 {
				c := dial(ip)
				clients = append(clients, c)
				if _, st := c.SessionSetup("bob", password+"!"); st != ok {
					t.Errorf("%s: logon %d of somebody else: %v", tt.name, i, st)
				}
			}
			end(r, clients...)
		})
	}
}

// A logon that isn't finished ends by itself, also on a connection that has a session.
func TestUnfinishedLogons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		l := &smbtest.Logon{User: "bob", Password: password + "!"}
		finish := func(first smbtest.Reply, id uint64) smb2.Status {
			token, _ := c.LogonToken(l, first)
			return c.DoElem(c.SetupReq(l, token, id)).Status
		}
		first, half := c.LogonFirst(l)
		time.Sleep(9 * time.Second)
		second, late := c.LogonFirst(l)
		for range 20 {
			c.LogonFirst(l)
		}
		time.Sleep(4 * time.Second)
		if n := r.srv.Counters().Sessions; n != 22 {
			t.Errorf("%d sessions, want that with a user and 21 that are young", n)
		}
		want(t, "the rest of an old logon", finish(first, half), smb2.StatusUserSessionDeleted)
		want(t, "the rest of a young one", finish(second, late), ok)
		time.Sleep(time.Minute)
		if n := r.srv.Counters().Sessions; n != 2 {
			t.Errorf("%d sessions, want 2", n)
		}
		_, st := c.Write(id, 0, []byte("x"))
		want(t, "WRITE", st, ok)
		// One that is renewed has a user.
		se := c.Session
		l = &smbtest.Logon{User: "ann", Password: password, Again: se}
		first, _ = c.LogonFirst(l)
		time.Sleep(time.Minute)
		want(t, "the rest of a renewal", finish(first, se.ID), ok)
		end(r, c)
	})
}

func TestLimitOfTrees(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.TreesPerSession = 3 })
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	r.setup(c, "ann", password)
	for range 3 {
		r.tree(c, "s")
	}
	_, st := c.TreeConnect("s")
	want(t, "one more", st, smb2.StatusInsufficientResources)
	want(t, "TREE_DISCONNECT", c.TreeDisconnect(), ok)
	r.tree(c, "s")
}

func TestLimitOfOpens(t *testing.T) {
	for _, perSession := range []bool{true, false} {
		r := newRig(t, func(s *smb.Server) {
			if s.Limits.Opens = 3; perSession {
				s.Limits.Opens, s.Limits.OpensPerSession = 0, 3
			}
		})
		c := r.logon(smb.Dialect311)
		var ids []smb2.FileID
		for range 3 {
			ids = append(ids, r.open(c, "f"))
		}
		before := dump(t, r.fs)
		for _, name := range []string{"f", "new"} {
			for _, disp := range dispositions {
				if _, st := c.Create(smbtest.CreateReq(name, disp)); st == ok {
					t.Errorf("disposition %d of %q beyond the limit", disp, name)
				}
			}
		}
		unchanged(t, "what was refused", r.fs, before)
		want(t, "CLOSE", c.CloseFile(ids[0]), ok)
		r.open(c, "f")
		c.Close()
	}
}

func TestLimitOfLocks(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.LocksPerFile = 3 })
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	for i := range uint64(3) {
		want(t, "LOCK", c.Lock(id, i, 1, exclusiveNow), ok)
	}
	want(t, "one more", c.Lock(id, 9, 1, exclusiveNow), smb2.StatusInsufficientResources)
	want(t, "UNLOCK", c.Lock(id, 0, 1, smb2.LockUnlock), ok)
	want(t, "LOCK", c.Lock(id, 9, 1, exclusiveNow), ok)
}

// One user doesn't get all locks, and what an open had is given back when it ends.
func TestLimitOfAllLocks(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.Locks = 128 })
	c, other := r.as("ann", password), r.as("bob", password+"!")
	lock := func(c *smbtest.Client, id smb2.FileID) (n uint64) {
		for c.Lock(id, n, 1, exclusiveNow) == ok {
			n++
		}
		want(t, "one more", c.Lock(id, n, 1, exclusiveNow), smb2.StatusInsufficientResources)
		return n
	}
	for range 2 {
		id := r.open(c, "f")
		if n := lock(c, id); n != 96+4 {
			t.Errorf("one user gets %d locks", n)
		}
		for i := range uint64(300) { // in the room that there is
			want(t, "UNLOCK", c.Lock(id, i%100, 1, smb2.LockUnlock), ok)
			want(t, "LOCK", c.Lock(id, i%100, 1, exclusiveNow), ok)
		}
		another := r.open(c, "g")
		if n := lock(c, another); n != 4 {
			t.Errorf("he gets %d for another file", n)
		}
		id2 := r.open(other, "h")
		if n := lock(other, id2); n != 16+4 {
			t.Errorf("another user gets %d", n)
		}
		want(t, "CLOSE", c.CloseFile(another), ok)
		want(t, "CLOSE", c.CloseFile(id), ok)
		want(t, "CLOSE", other.CloseFile(id2), ok)
	}
}

func TestLimitOfConnections(t *testing.T) {
	for _, perIP := range []bool{true, false} {
		r := newRig(t, func(s *smb.Server) {
			if s.Limits.Connections = 3; perIP {
				s.Limits.Connections, s.Limits.ConnectionsPerIP = 0, 3
			}
		})
		first := r.logon(smb.Dialect311)
		for range 2 {
			alive(t, r.logon(smb.Dialect311))
		}
		dropped(t, "one more", r.dial())
		first.Close()
		gone(t, r, 2)
		alive(t, r.logon(smb.Dialect311))
	}
}

// When too many wait to log on, the oldest gives way, and an honest client gets in.
func TestLimitOfUnauthenticated(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.Unauthenticated = 5 })
	in := r.logon(smb.Dialect311)
	var idle []*smbtest.Client
	for i := range 20 {
		idle = append(idle, r.dial())
		if i >= 5 {
			dropped(t, "the oldest", idle[i-5])
		}
		for range 500 {
			if r.srv.Counters().Waiting == min(i+1, 5) {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	alive(t, r.logon(smb.Dialect311))
	alive(t, in)
}

// from is a connection from some address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// dialFrom is dial from an address.
func (r *rig) dialFrom(ip byte) *smbtest.Client {
	a, b := net.Pipe()
	go r.srv.ServeConn(context.Background(), from{b, &net.TCPAddr{IP: net.IPv4(10, 0, 0, ip)}})
	return smbtest.New(r.t, a)
}

// Who connects again and again doesn't drive out those who are logging on from other
// addresses, not even several from one.
func TestUnauthenticatedOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Limits.Unauthenticated = 20 })
		var honest []*smbtest.Client
		for ip := range byte(2) {
			for range 2 {
				c := r.dialFrom(100 + ip)
				c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
				honest = append(honest, c)
			}
		}
		var hostile []*smbtest.Client
		for i := range byte(100) {
			hostile = append(hostile, r.dialFrom(i%4))
			synctest.Wait()
		}
		for _, c := range honest {
			if _, st := c.Logon(&smbtest.Logon{User: "ann", Password: password}); st != ok {
				t.Errorf("an honest logon: %v", st)
			}
		}
		// Of those from whom the most come, the youngest are left.
		for i, c := range hostile[:84] {
			if c.Timeout = time.Nanosecond; c.SendFrame(nil) {
				t.Errorf("connection %d is still there", i)
			}
		}
		if n := r.srv.Counters().Waiting; n != 16 {
			t.Errorf("%d connections wait", n)
		}
		end(r, append(honest, hostile...)...)
	})
}

func TestAuthTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		in := r.logon(smb.Dialect311)
		start := time.Now()
		silent, halfway := r.dial(), r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		halfway.LogonFirst(&smbtest.Logon{User: "ann", Password: password})
		trickle := r.dial()
		for _, c := range []*smbtest.Client{silent, halfway, trickle} {
			c.Timeout = time.Minute
		}
		go func() {
			for range 60 {
				if !trickle.SendBytes([]byte{0}) {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		for _, c := range []*smbtest.Client{silent, halfway, trickle} {
			dropped(t, "a connection without a session", c)
		}
		if d := time.Since(start); d < 9*time.Second || d > 13*time.Second {
			t.Errorf("dropped after %v", d)
		}
		time.Sleep(time.Hour)
		alive(t, in) // there is no IdleTimeout
		end(r, in, silent, halfway, trickle)
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Limits.IdleTimeout = time.Minute })
		idle, busy := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		r.open(busy, "f")
		time.Sleep(50 * time.Second)
		alive(t, idle)
		time.Sleep(50 * time.Second)
		alive(t, idle)
		time.Sleep(59 * time.Second)
		alive(t, busy) // it has a file open
		if idle.Timeout = 6 * time.Second; !idle.Dropped() {
			t.Error("an idle connection wasn't dropped")
		}
		end(r, idle, busy)
	})
}

// Who asks for data and doesn't take it is dropped in time, and nobody else is held
// up.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		put(t, r.fs, "f", string(make([]byte, 1<<20)))
		slow, other := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		id := r.open(slow, "f")
		slow.Ask = 512
		alive(t, slow)
		release := slow.Hold()
		start := time.Now()
		for range 20 {
			slow.Send(slow.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1 << 20}))
		}
		for range 10 {
			t0 := time.Now()
			alive(t, other)
			if d := time.Since(t0); d > 0 {
				t.Errorf("another client waited for %v", d)
			}
		}
		for range 120 {
			time.Sleep(time.Second)
			if r.srv.Counters().Conns == 1 {
				break
			}
		}
		if n := r.srv.Counters().Conns; n != 1 {
			t.Errorf("%d connections", n)
		}
		if d := time.Since(start); d > 35*time.Second {
			t.Errorf("dropped after %v", d)
		}
		slow.Close()
		release()
		end(r, other)
	})
}

func heapSize() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An announced length alone holds no memory.
func TestAnnouncedLength(t *testing.T) {
	r := newRig(t, nil)
	dialled := func(logon bool) []net.Conn {
		var list []net.Conn
		for range 40 {
			if logon {
				list = append(list, r.logon(smb.Dialect311).Conn())
				continue
			}
			a, b := net.Pipe()
			go r.srv.ServeConn(context.Background(), b)
			list = append(list, a)
		}
		return list
	}
	for _, tt := range []struct {
		logon bool
		n     uint32
		each  uint64
	}{{false, 128 << 10, 8 << 10}, {true, 8 << 20, 8 << 10}} {
		conns := dialled(tt.logon)
		before := heapSize()
		for _, nc := range conns {
			nc.Write(binary.BigEndian.AppendUint32(nil, tt.n))
			nc.Write([]byte{0xFE})
		}
		if grown := int64(heapSize()) - int64(before); grown > int64(tt.each)*int64(len(conns)) {
			t.Errorf("%d bytes announced on each of %d connections: the heap grew by %d", tt.n, len(conns), grown)
		}
		for _, nc := range conns {
			nc.Close()
		}
		gone(t, r, 0)
	}
}

// A frame longer than allowed ends the connection at its first four bytes.
func TestFrameTooLong(t *testing.T) {
	r := newRig(t, nil)
	for _, n := range []uint32{128<<10 + 1, 0xFFFFFF, 1 << 24, 1 << 31, ^uint32(0)} {
		c := r.dial()
		c.SendBytes(binary.BigEndian.AppendUint32(nil, n))
		dropped(t, "frame", c)
	}
	for _, b := range []string{"\x00\x00\x00\x00", "\x00\x00\x00\x01\xFE", "\x00\x00\x00\x04\xFESMB", "GET / HTTP/1.1\r\n\r\n", "\x81\x00\x00\x44"} {
		c := r.dial()
		c.SendBytes([]byte(b))
		if b[0] == 0 {
			dropped(t, "frame", c)
		}
	}
}

// Malformed requests in a loop, of each command: nothing stays behind.
func TestMalformedInALoop(t *testing.T) {
	r := newRig(t, noDelay)
	c := r.logon(smb.Dialect311)
	n := 300
	if testing.Short() {
		n = 30
	}
	id := r.open(c, "f")
	round := func() {
		for cmd, body := range sessionCommands(id) {
			switch cmd {
			case smb2.CommandLogoff, smb2.CommandTreeDisconnect, smb2.CommandTreeConnect, smb2.CommandCreate, smb2.CommandClose:
				continue // these work, whatever follows their body
			}
			full := body.Append(make([]byte, smb2.HeaderSize))[smb2.HeaderSize:]
			for _, cut := range []int{0, 1, 2, 3, len(full) / 2} {
				c.Do(cmd, smbtest.Raw(full[:cut]))
			}
			long := append([]byte(nil), full...)
			for i := 2; i < min(len(long), 48); i += 5 {
				b := append([]byte(nil), long...)
				b[i] ^= 0xFF
				if cmd == smb2.CommandIoctl && i >= 4 && i < 8 {
					continue
				}
				if cmd == smb2.CommandLock { // it could wait for ever
					b[40] |= 0x10
				}
				e := c.Req(cmd, smbtest.Raw(b))
				c.Send(e)
				c.Wait(e.MessageID)
			}
		}
	}
	var before, after runtime.MemStats
	round()
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	for range n {
		round()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap grew by %d", grown)
	}
	if err := settled(goroutines + 70); err != nil { // the workers that wait
		t.Error(err)
	}
	alive(t, c)
}

func TestShutdownAndClose(t *testing.T) {
	r := newRig(t, nil)
	c, _, served := r.dialTCP()
	if _, st := c.Negotiate(nil, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	req := smbtest.CreateReq("doomed", smb2.OpenIf)
	req.Options = smb2.OptionDeleteOnClose
	r.create(c, req)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != smb.ErrServerClosed {
		t.Errorf("Serve returned %v", err)
	}
	dropped(t, "Shutdown", c)
	if got := dump(t, r.fs); got != "" {
		t.Errorf("Shutdown left open files open: %s", got)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.srv.Serve(l); err != smb.ErrServerClosed {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if err := r.srv.Close(); err != nil {
		t.Error(err)
	}
}

// What Sessions and Opens tell is what there is.
func TestStatus(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	want(t, "LOCK", c.Lock(id, 0, 1, exclusiveNow), ok)
	for s := range r.srv.Sessions() {
		if s.Caller.Name != "ann" || s.Dialect != smb.Dialect311 || !s.Signed || s.Opens != 1 || len(s.Shares) != 1 || s.Shares[0] != "s" {
			t.Errorf("%+v", s)
		}
	}
	n := 0
	for o := range r.srv.Opens() {
		n++
		if o.Path != "f" || o.Share != "s" || o.Locks != 1 || o.Directory {
			t.Errorf("%+v", o)
		}
	}
	if n != 1 {
		t.Errorf("%d opens", n)
	}
}
