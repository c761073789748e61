package smb_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// FuzzServer drives a live server with what the input says; script is the language.
// The server must not panic, answers what it answers well-formed and once, doesn't
// hang, serves others, and lets go of everything in the end. All that happens in a
// bubble: what takes minutes takes none, and the same input does the same again.
func FuzzServer(f *testing.F) {
	for _, x := range fuzzSeeds() {
		f.Add(x.script)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= 1024 {
			play(t, b)
		}
	})
}

// play runs a script, and checks what it leaves.
func play(t *testing.T, b []byte) {
	// Time in the bubble stands still as long as somebody works, or waits for a mutex.
	defer time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("a minute for %x\n%s", b, stacks())) }).Stop()
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		s := newScript(t, b)
		s.run()
		s.faults.clear()
		for _, p := range s.peers {
			p.check()
		}
		for _, p := range s.peers {
			p.cut()
		}
		start := time.Now()
		honest := s.r.logon(smb.Dialect311)
		want(t, "CLOSE", honest.CloseFile(s.r.open(honest, "honest")), ok)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("an honest client was served in %v", d)
		}
		honest.Close()
		gone(t, s.r, 0)
		s.close()
		// Nothing may be left that wakes up later.
		time.Sleep(time.Minute)
		if left := strays(before); left != "" {
			t.Errorf("goroutines are left:\n%s", left)
		}
	})
}

// closes ends a server, which must take no time to speak of.
func closes(t testing.TB, srv *smb.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Close()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		// The bubble would never end.
		panic("Close hangs:\n" + stacks())
	}
	if c := srv.Counters(); c != (smb.Counters{}) {
		t.Errorf("a closed server still holds: %+v", c)
	}
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// strays returns the stacks of the goroutines in this bubble but for the caller's and
// that of whoever waits for the bubble to end, if there are more than before.
func strays(before int) string {
	synctest.Wait()
	if runtime.NumGoroutine() <= before {
		return ""
	}
	all := strings.Split(stacks(), "\n\n")
	_, bubble, _ := strings.Cut(all[0], "synctest bubble ")
	bubble, _, _ = strings.Cut(bubble, "]")
	var left []string
	for _, g := range all[1:] {
		head, _, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "synctest bubble "+bubble+"]") && !strings.Contains(g, "\ntesting/synctest.testingSynctestTest(") &&
			!strings.Contains(g, "internal/synctest.Run(") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

// answers reports whether the server answers an ECHO, or has dropped the
// connection.
func answers(c *smbtest.Client) bool {
	e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
	e.SessionID, e.Unsigned, e.Flags = 0, true, 0
	c.Session = &smbtest.Session{}
	if !c.Send(e) {
		return true
	}
	for {
		rep, got := c.Recv()
		if !got {
			return c.Dropped()
		}
		if rep.MessageID == e.MessageID && rep.Command == smb2.CommandEcho {
			return true
		}
	}
}

// storage is a HandleStore that fails on demand, and never takes anything from a
// server that was closed.
type storage struct {
	smb.HandleStore
	t      testing.TB
	faults *faults
	mu     sync.Mutex
	closed bool
}

func (s *storage) Put(id uint64, record []byte) error {
	s.alive("Put")
	if id != 0 && s.faults.get().store { // without 0 a server doesn't start
		return fmt.Errorf("the store is broken")
	}
	return s.HandleStore.Put(id, record)
}

func (s *storage) Delete(id uint64) error {
	s.alive("Delete")
	return s.HandleStore.Delete(id)
}

func (s *storage) alive(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.t.Errorf("%s by a server that was closed", what)
	}
}

func (s *storage) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// faults is what is wrong with the backend just now.
type faults struct {
	mu  sync.Mutex
	now fault
}

type fault struct {
	delay time.Duration // of each operation
	store bool          // nothing can be stored
	after bool          // renames and the like are done, and fail
}

func (f *faults) get() fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *faults) set(x fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = x
}

func (f *faults) clear() { f.set(fault{}) }

// hook is what faultfs asks.
func (f *faults) hook(op faultfs.Op) error {
	x := f.get()
	if x.delay > 0 {
		time.Sleep(x.delay)
	}
	if x.after {
		switch op.Kind {
		case faultfs.Rename, faultfs.Truncate, faultfs.SetAttr, faultfs.Sync, faultfs.RenameStream:
			return &faultfs.After{Err: fmt.Errorf("the backend is broken")}
		}
	}
	return nil
}

// What comes after a signed NEGOTIATE, in its frame, was once carried out where nobody
// noticed any more that the connection ended.
func TestNegotiateSignedThenRead(t *testing.T) {
	bubble(t, noDelay, func(t *testing.T, r *rig) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
		r.setup(c, "ann", password)
		r.tree(c, "IPC$")
		b := bodies(r.create(c, smbtest.CreateReq("srvsvc", smb2.Open)))
		n := c.Req(smb2.CommandNegotiate, b[smb2.CommandNegotiate])
		c.Send(n, c.Req(smb2.CommandRead, b[smb2.CommandRead]))
		dropped(t, "NEGOTIATE and READ", c)
		gone(t, r, 0)
		closes(t, r.srv)
	})
}
