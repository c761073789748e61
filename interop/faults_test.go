package interop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// TestFaults cuts a session at each of its messages. The client then goes on as
// clients do: it reconnects, or uses its other channel, takes its durable handles
// back and sends again what wasn't answered. Each effect must have happened once in
// the end, and nothing may have happened to what others made meanwhile.
func TestFaults(t *testing.T) {
	notSamba(t)
	for where := range cuts {
		for _, k := range situations {
			t.Run(fmt.Sprintf("%s, %v", k.name, where), func(t *testing.T) {
				n := 0
				for ; ; n++ {
					f := newFaults(t, where, n, k)
					f.session()
					f.check()
					f.end()
					if !f.proxy.hasFired() || t.Failed() {
						break
					}
				}
				t.Logf("%d messages", n)
				if least := map[bool]int{true: 1, false: 20}[where == beforeBreak]; n < least && !t.Failed() {
					t.Error("the session was too short")
				}
			})
		}
	}
}

// situation is what a session is cut in.
type situation struct {
	name       string
	channels   int
	slow       time.Duration // the backend
	persistent bool          // the handles; else they are durable
	kill       bool          // the server goes with the connection, and another takes over
}

var situations = []situation{
	{"one channel", 1, 0, false, false},
	{"two channels", 2, 0, false, false},
	{"one channel, slow", 1, slow, false, false},
	{"two channels, slow", 2, slow, false, false},
	{"persistent", 1, 0, true, false},
	{"persistent, slow", 1, slow, true, false},
	{"persistent, server killed", 1, 0, true, true},
	{"persistent, slow, server killed", 1, slow, true, true},
}

// slow is how long the backend may take for what was under way when the connection
// was cut: longer than it takes the client to come back.
const slow = 20 * time.Millisecond

// faults is one session that is cut once.
type faults struct {
	situation
	t     testing.TB
	fs    *memfs.FS
	store smb.MemoryHandles
	proxy *proxy

	delayed atomic.Bool

	// Guarded by mu.
	mu    sync.Mutex
	srv   *mortal // the one that serves
	dead  []*mortal
	ended bool

	first    *mortal
	machine  smb2.GUID
	c        *smbtest.Client // nil: there is none
	spare    *smbtest.Client // another channel of the session, or nil
	previous uint64          // id of the last session
	sequence uint16
	handles  map[string]*kept
	step     string
	others   []string // made by somebody else meanwhile
	rivals   []chan error
}

// kept is a durable handle.
type kept struct {
	name    string
	id      smb2.FileID
	guid    smb2.GUID
	closing bool // a CLOSE was sent
	closed  bool
}

func newFaults(t *testing.T, where cut, n int, k situation) *faults {
	t.Helper()
	f := &faults{situation: k, t: t, fs: &memfs.FS{}, handles: make(map[string]*kept)}
	rand.Read(f.machine[:])
	f.proxy = newProxy(t, "", where, n)
	f.serve()
	f.first = f.srv
	if k.kill {
		f.proxy.onCut = f.serve
	}
	return f
}

// mortal is a server that can end as if its process were killed: from then on it
// changes nothing any more.
type mortal struct {
	*smb.Server
	addr string
	dead atomic.Bool
}

var errDead = errors.New("the process was killed")

// serve starts a server, after the one that there may be was killed.
func (f *faults) serve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	if f.srv != nil {
		f.srv.dead.Store(true)
		f.dead = append(f.dead, f.srv)
	}
	s := &mortal{}
	delay := f.delay(s)
	s.Server = &smb.Server{
		Shares:     smb.Shares{"s": {FS: faultfs.New(f.fs, delay), ContinuouslyAvailable: f.persistent}},
		Mechanisms: []smb.Mechanism{ntlm.New(ntlm.Static{userName: {Password: password}})},
		Logger:     slog.New(slog.DiscardHandler),
	}
	if f.persistent {
		s.Handles = &mortalHandles{&f.store, f, s}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Error(err)
		return
	}
	s.addr = l.Addr().String()
	f.srv = s
	f.proxy.redirect(s.addr)
	go s.Serve(l)
}

// server returns the server that is alive.
func (f *faults) server() *mortal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.srv
}

// dally takes its time, once, when the cut is due.
func (f *faults) dally() {
	if f.slow > 0 && f.proxy.hasFired() && f.delayed.CompareAndSwap(false, true) {
		close(f.proxy.began)
		time.Sleep(f.slow)
	}
}

// mortalHandles keeps nothing any more for a server that was killed.
type mortalHandles struct {
	smb.HandleStore
	f *faults
	s *mortal
}

func (m *mortalHandles) Put(id uint64, record []byte) error {
	m.f.dally()
	if m.s.dead.Load() {
		return errDead
	}
	return m.HandleStore.Put(id, record)
}

func (m *mortalHandles) Delete(id uint64) error {
	if m.s.dead.Load() {
		return errDead
	}
	return m.HandleStore.Delete(id)
}

// delay holds the first change up that the backend is asked for after the cut.
// A server that is dead does nothing.
func (f *faults) delay(s *mortal) func(faultfs.Op) error {
	return func(op faultfs.Op) error {
		switch op.Kind {
		case faultfs.Create, faultfs.Remove, faultfs.Rename, faultfs.Write, faultfs.Truncate, faultfs.SetAttr:
			// Every other server dies later, when this is done and not stored.
			if !f.kill || f.proxy.n%2 == 0 {
				f.dally()
			}
		}
		if s.dead.Load() && op.Kind != faultfs.Close {
			return errDead
		}
		return nil
	}
}

func (f *faults) end() {
	if f.c != nil {
		f.c.Close()
	}
	if f.spare != nil {
		f.spare.Close()
	}
	f.proxy.l.Close()
	f.mu.Lock()
	f.ended = true // a cut may be under way, which starts a server
	all := append(f.dead, f.srv)
	f.mu.Unlock()
	for _, s := range all {
		s.Close()
	}
}

// tolerant is a TB for clients whose connection may break: instead of failing the
// test they panic with errCut, which attempt recovers.
type tolerant struct{ testing.TB }

var errCut = errors.New("the connection was cut")

func (tolerant) Fatal(...any)          { panic(errCut) }
func (tolerant) Fatalf(string, ...any) { panic(errCut) }

// attempt reports whether what came back wasn't cut.
func attempt(what func()) (done bool) {
	defer func() {
		if r := recover(); r != nil && r != errCut {
			panic(r)
		}
	}()
	what()
	return true
}

func (f *faults) dial(addr string) *smbtest.Client {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		f.t.Fatal(err)
	}
	c := smbtest.New(tolerant{f.t}, nc)
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{ClientGUID: f.machine, Caps: smbtest.CachingCaps}); st != smb2.StatusSuccess {
		f.t.Errorf("%s: NEGOTIATE: %v", f.step, st)
	}
	return c
}

// connect makes a session that takes the place of the last one, and takes the
// handles back.
func (f *faults) connect() {
	attempt(func() {
		c := f.dial(f.proxy.addr())
		se, st := c.Logon(&smbtest.Logon{User: userName, Password: password, Previous: f.previous})
		if st != smb2.StatusSuccess {
			f.t.Fatalf("%s: SESSION_SETUP: %v", f.step, st)
		}
		f.previous = se.ID
		if _, st := c.TreeConnect("s"); st != smb2.StatusSuccess {
			f.t.Fatalf("%s: TREE_CONNECT: %v", f.step, st)
		}
		c.Sequence = f.sequence
		for _, h := range f.handles {
			if !h.closed {
				f.reopen(c, h)
			}
		}
		if f.channels == 2 {
			d := f.dial(f.server().addr)
			switch st := d.Bind(c.Session, userName, password); st {
			case smb2.StatusSuccess:
			case smb2.StatusUserSessionDeleted:
				panic(errCut) // its only connection was, just now
			default:
				f.t.Fatalf("%s: binding: %v", f.step, st)
			}
			d.Tree = c.Tree
			f.spare = d
		}
		f.c = c
	})
}

func (f *faults) reopen(c *smbtest.Client, h *kept) {
	resp, _, st := c.Open(durableReq(h.name, smb2.Open), smbtest.Reconnect2(h.id, h.guid, f.flags()))
	switch {
	case st == smb2.StatusSuccess:
		h.id = resp.FileID
	case st == smb2.StatusObjectNameNotFound && h.closing:
		h.closed = true // the CLOSE was carried out
	default:
		f.t.Fatalf("%s: reconnect of %s: %v", f.step, h.name, st)
	}
}

func durableReq(name string, d smb2.Disposition) smb2.CreateRequest {
	req := smbtest.CreateReq(name, d)
	req.OplockLevel = smb2.OplockBatch
	return req
}

// do carries a step out until it is answered. again is how often it was sent
// before.
func (f *faults) do(step string, what func(c *smbtest.Client, again int) smb2.Status) {
	f.t.Helper()
	f.step = step
	again := 0
	for range 100 {
		if f.c == nil {
			f.connect()
			continue
		}
		var st smb2.Status
		f.c.Replaying = again > 0
		if !attempt(func() { st = what(f.c, again) }) {
			// The next channel, or none.
			f.c.Close()
			f.c, f.spare = f.spare, nil
			f.sequence++
			if f.c != nil {
				f.c.Sequence = f.sequence
			}
			again++
			continue
		}
		f.c.Replaying = false
		switch {
		case st == smb2.StatusFileNotAvailable && again > 0:
			// What was sent first is still under way.
			time.Sleep(time.Millisecond)
			continue
		case st != smb2.StatusSuccess:
			f.t.Fatalf("%s, sent %d times: %v", step, again+1, st)
		}
		return
	}
	f.t.Fatalf("%s: never answered", step)
}

// flags are those of the handles.
func (f *faults) flags() uint32 {
	if f.persistent {
		return smb2.DurableFlagPersistent
	}
	return 0
}

// create makes a file, and fails if it exists.
func (f *faults) create(name string) *kept {
	f.t.Helper()
	h := &kept{name: name}
	rand.Read(h.guid[:])
	f.do("CREATE "+name, func(c *smbtest.Client, again int) smb2.Status {
		resp, g, st := c.Open(durableReq(name, smb2.Create), smbtest.Durable2(h.guid, 0, f.flags()))
		if again > 0 && f.channels == 1 && (!f.persistent || f.kill) && (st == smb2.StatusDuplicateObjectid || st == smb2.StatusObjectNameCollision) {
			// It was carried out in the session that ended. Its open can't be
			// had, but gives way. If it took effect when that session was over
			// there is none.
			c.Replaying = false
			rand.Read(h.guid[:])
			resp, g, st = c.Open(durableReq(name, smb2.Open), smbtest.Durable2(h.guid, 0, f.flags()))
		}
		if st == smb2.StatusSuccess && (g.Durable2 == nil || g.Durable2.Flags != f.flags()) {
			f.t.Errorf("CREATE %s: durable %+v", name, g.Durable2)
		}
		h.id = resp.FileID
		return st
	})
	f.handles[name] = h
	return h
}

func (f *faults) close(h *kept) {
	f.t.Helper()
	h.closing = true
	f.do("CLOSE "+h.name, func(c *smbtest.Client, again int) smb2.Status {
		if h.closed {
			return smb2.StatusSuccess
		}
		st := c.CloseFile(h.id)
		if st == smb2.StatusFileClosed && again > 0 {
			st = smb2.StatusSuccess // the first one was carried out
		}
		return st
	})
	h.closed = true
}

func (f *faults) lock(what string, h *kept, seq uint8, flags smb2.LockFlags) {
	f.t.Helper()
	f.do(what, func(c *smbtest.Client, _ int) smb2.Status {
		req := smbtest.LockReq(h.id, 0, 10, flags)
		req.LockSequence = smbtest.LockSeq(seq, 1)
		return c.Do(smb2.CommandLock, req).Status
	})
}

// intrude makes a file of another client's.
func (f *faults) intrude(name string) {
	for f.kill && f.proxy.hasFired() && f.server() == f.first {
		time.Sleep(time.Millisecond) // the server that is about to be killed
	}
	nc, err := net.Dial("tcp", f.server().addr)
	if err != nil {
		f.t.Fatal(err)
	}
	c := smbtest.New(f.t, nc)
	defer c.Close()
	c.Negotiate(nil, smbtest.NegotiateOptions{})
	c.SessionSetup(userName, password)
	c.TreeConnect("s")
	resp, st := c.Create(smbtest.CreateReq(name, smb2.Create))
	for range 100 {
		if st != smb2.StatusDeletePending {
			break
		}
		time.Sleep(time.Millisecond)
		resp, st = c.Create(smbtest.CreateReq(name, smb2.Create))
	}
	if st != smb2.StatusSuccess {
		f.t.Fatalf("%s: CREATE of another client: %v", f.step, st)
	}
	c.Write(resp.FileID, 0, []byte("another"))
	c.CloseFile(resp.FileID)
	f.others = append(f.others, name)
}

// session is what is cut.
func (f *faults) session() {
	t := f.t
	h := f.create("f")
	write := func(off uint64, text string) {
		f.do(fmt.Sprint("WRITE at ", off), func(c *smbtest.Client, _ int) smb2.Status {
			n, st := c.Write(h.id, off, []byte(text))
			if st == smb2.StatusSuccess && int(n) != len(text) {
				t.Errorf("WRITE: %d bytes", n)
			}
			return st
		})
	}
	write(0, "one;")
	write(4, "two;")
	f.do("FLUSH", func(c *smbtest.Client, _ int) smb2.Status { return c.Flush(h.id) })
	f.do("READ", func(c *smbtest.Client, _ int) smb2.Status {
		got, st := c.Read(h.id, 0, 100)
		if st == smb2.StatusSuccess && string(got) != "one;two;" {
			t.Errorf("READ: %q", got)
		}
		return st
	})
	f.lock("LOCK", h, 1, smb2.LockExclusive|smb2.LockFailImmediately)
	// Had one of the above been done again meanwhile it would show.
	write(0, "ONE!")
	f.do("SET_INFO size", func(c *smbtest.Client, _ int) smb2.Status {
		return c.SetInfo(h.id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 6})
	})
	write(6, "-three;")
	f.lock("UNLOCK", h, 2, smb2.LockUnlock)
	f.lock("LOCK", h, 3, smb2.LockExclusive|smb2.LockFailImmediately)
	f.do("SET_INFO rename", func(c *smbtest.Client, again int) smb2.Status {
		if _, there := f.content("f"); again > 0 && !there {
			f.intrude("f")
		}
		return c.Rename(h.id, "g", false)
	})
	h.name = "g"
	f.do("ECHO", func(c *smbtest.Client, _ int) smb2.Status { return c.Echo() })
	f.do("QUERY_INFO", func(c *smbtest.Client, _ int) smb2.Status {
		b, st := c.QueryInfo(h.id, smb2.InfoFile, uint8(smb2.ClassFileStandardInformation), 100)
		if st != smb2.StatusSuccess {
			return st
		}
		if x, err := smb2.ParseFileStandardInformation(b); err != nil || x.EndOfFile != 13 || x.DeletePending {
			t.Errorf("QUERY_INFO: %+v, %v", x, err)
		}
		return st
	})
	f.do("IOCTL", func(c *smbtest.Client, _ int) smb2.Status {
		_, st := c.Ioctl(h.id, smb2.FsctlSrvRequestResumeKey, nil, 32)
		return st
	})
	f.directory()
	f.notified()
	f.broken()

	d := f.create("h")
	f.do("SET_INFO delete", func(c *smbtest.Client, _ int) smb2.Status { return c.Delete(d.id, true) })
	f.close(d)
	if f.proxy.hasFired() {
		f.intrude("h")
	}
	f.close(h)
	f.do("TREE_DISCONNECT", func(c *smbtest.Client, again int) smb2.Status {
		st := c.TreeDisconnect()
		if st == smb2.StatusNetworkNameDeleted && again > 0 {
			st = smb2.StatusSuccess
		}
		return st
	})
	f.do("LOGOFF", func(c *smbtest.Client, again int) smb2.Status {
		st := c.Logoff()
		if st == smb2.StatusUserSessionDeleted && again > 0 {
			st = smb2.StatusSuccess
		}
		return st
	})
}

// directory lists the root; handles of directories aren't durable.
func (f *faults) directory() {
	f.do("QUERY_DIRECTORY", func(c *smbtest.Client, again int) smb2.Status {
		req := smbtest.CreateReq("", smb2.Open)
		req.Options = smb2.OptionDirectoryFile
		resp, st := c.Create(req)
		if st != smb2.StatusSuccess {
			return st
		}
		list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
			FileID: resp.FileID, Class: smb2.ClassFileNamesInformation, Pattern: "g", OutputLength: 1000,
		})
		if st == smb2.StatusSuccess && len(list) != 1 {
			f.t.Errorf("QUERY_DIRECTORY: %v", list)
		}
		if st == smb2.StatusSuccess {
			st = c.CloseFile(resp.FileID)
		}
		return st
	})
}

// notified waits for a change in the root, which somebody else makes.
func (f *faults) notified() {
	f.do("CHANGE_NOTIFY", func(c *smbtest.Client, again int) smb2.Status {
		req := smbtest.CreateReq("", smb2.Open)
		req.Options = smb2.OptionDirectoryFile
		resp, st := c.Create(req)
		if st != smb2.StatusSuccess {
			return st
		}
		e := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: resp.FileID, Filter: smb2.FileNotifyChangeFileName, OutputLength: 1000})
		c.Send(e)
		c.WaitInterim(e.MessageID)
		f.rivals = append(f.rivals, f.rival(fmt.Sprint("n", again)))
		r := c.Wait(e.MessageID)
		if r.Status == smb2.StatusSuccess {
			r.Status = c.CloseFile(resp.FileID)
		}
		return r.Status
	})
}

// broken holds an oplock that somebody else's open breaks. Whatever happens to the
// notification and to the answer, the other isn't kept waiting.
func (f *faults) broken() {
	f.do("OPLOCK_BREAK", func(c *smbtest.Client, again int) smb2.Status {
		name := fmt.Sprint("o", again)
		resp, st := c.Create(durableReq(name, smb2.OpenIf))
		if st != smb2.StatusSuccess {
			return st
		}
		if resp.OplockLevel != smb2.OplockBatch {
			f.t.Errorf("%s: oplock %v", name, resp.OplockLevel)
		}
		rival := f.rival(name)
		f.rivals = append(f.rivals, rival)
		// Those of opens whose step was cut come again.
		for own := false; !own; {
			b := c.Break()
			if own = b.Oplock.FileID == resp.FileID; own {
				st = c.AckOplock(b.Oplock.FileID, smb2.OplockLevelII)
			} else {
				c.AckOplock(b.Oplock.FileID, smb2.OplockLevelII)
			}
		}
		if st == smb2.StatusSuccess {
			st = c.CloseFile(resp.FileID)
		}
		return st
	})
	deadline := time.After(10 * time.Second)
	for _, rival := range f.rivals {
		for done := false; !done; {
			select {
			case err := <-rival:
				if err != nil && !f.kill {
					f.t.Errorf("%s: the other client: %v", f.step, err)
				}
				done = true
			case <-deadline:
				f.t.Fatalf("%s: the other client is kept waiting", f.step)
			case <-time.After(time.Millisecond):
				f.do("ECHO", func(c *smbtest.Client, _ int) smb2.Status {
					if b, came := c.PollBreak(); came {
						c.AckOplock(b.Oplock.FileID, smb2.OplockLevelII)
					}
					return c.Echo()
				})
			}
		}
	}
}

// rival opens a file for another client, which breaks oplocks, and tells when it is done.
func (f *faults) rival(name string) chan error {
	done := make(chan error, 1)
	addr := f.server().addr
	go func() {
		err := errCut
		attempt(func() {
			nc, e := net.Dial("tcp", addr)
			if e != nil {
				err = e
				return
			}
			c := smbtest.New(tolerant{f.t}, nc)
			defer c.Close()
			c.Negotiate(nil, smbtest.NegotiateOptions{})
			c.SessionSetup(userName, password)
			c.TreeConnect("s")
			resp, st := c.Create(smbtest.CreateReq(name, smb2.OpenIf))
			if st == smb2.StatusSuccess {
				st = c.CloseFile(resp.FileID)
			}
			if err = nil; st != smb2.StatusSuccess {
				err = st
			}
		})
		done <- err
	}()
	return done
}

// check looks at what is there in the end.
func (f *faults) check() {
	f.t.Helper()
	want := map[string]string{"g": "ONE!tw-three;"}
	for _, name := range f.others {
		want[name] = "another"
	}
	for _, name := range []string{"f", "g", "h"} {
		got, there := f.content(name)
		text, expected := want[name]
		if there != expected || got != text {
			f.t.Errorf("%s, cut %v: %s is %q, %v, want %q, %v", f.step, f.proxy.where, name, got, there, text, expected)
		}
	}
	n := 0
	for o := range f.server().Opens() {
		n++
		f.t.Errorf("open in the end: %+v", o)
	}
}

func (f *faults) content(name string) (string, bool) {
	file, err := f.fs.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		return "", false
	}
	defer file.Close()
	b, err := io.ReadAll(io.NewSectionReader(file.(io.ReaderAt), 0, 1<<20))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b), true
}
