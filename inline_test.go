package smb_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// newSerial returns a server, a client of it, and a file that the client has open.
func newSerial(t *testing.T) (*faulty, *smbtest.Client, smb2.FileID) {
	r := newFaulty(t)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	c.Write(id, 0, []byte("hello"))
	return r, c, id
}

// block makes the backend's READs wait until free is called.
func (f *faulty) block() (free func()) {
	wait := make(chan struct{})
	h := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == faultfs.Read {
			<-wait
		}
		return nil
	})
	f.hook.Store(&h)
	return func() {
		f.heal()
		close(wait)
	}
}

// serially reads so often that the server takes c for a client that does one thing at a time.
func serially(t *testing.T, c *smbtest.Client, id smb2.FileID) {
	t.Helper()
	for range smb.InlineRest + 20 {
		if _, st := c.Read(id, 0, 5); st != ok {
			t.Fatal(st)
		}
		synctest.Wait() // the server has put the request away
	}
}

// readBlocked has a READ of c block in the read goroutine, and returns it.
func (f *faulty) readBlocked(c *smbtest.Client, id smb2.FileID) *smbtest.Elem {
	f.t.Helper()
	e := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 5})
	c.Send(e)
	synctest.Wait()
	if working, watched := f.srv.Inline(); !working || !watched {
		f.t.Fatalf("a read goroutine works: %v; watched: %v", working, watched)
	}
	return e
}

// A request that blocks in the read goroutine holds up the next for some milliseconds, and then nothing
// any more; when it is answered, the connection goes on, whoever reads.
func TestInlineStandIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c, id := newSerial(t)
		for range 3 {
			serially(t, c, id)
			free := r.block()
			e := r.readBlocked(c, id)
			for i := range 3 {
				start := time.Now()
				want(t, "ECHO", c.Echo(), ok)
				if d := time.Since(start); d > 4*time.Millisecond || i > 0 && d > 0 { // time is virtual
					t.Errorf("ECHO %d took %v", i, d)
				}
			}
			if working, _ := r.srv.Inline(); working {
				t.Error("it counts as the read goroutine's still")
			}
			free()
			want(t, "READ", c.Wait(e.MessageID).Status, ok)
		}
		time.Sleep(time.Second)
		if _, watched := r.srv.Inline(); watched {
			t.Error("it's still watched what isn't there")
		}
		serially(t, c, id)
		r.srv.Close()
	})
}

// readElsewhere has a READ of c block, and fails the test if it does so in the read goroutine.
func (f *faulty) readElsewhere(c *smbtest.Client, id smb2.FileID) {
	f.t.Helper()
	free := f.block()
	e := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 5})
	c.Send(e)
	synctest.Wait()
	if working, _ := f.srv.Inline(); working {
		f.t.Error("the read goroutine works")
	}
	free()
	want(f.t, "READ", c.Wait(e.MessageID).Status, ok)
	synctest.Wait()
}

// A second client isn't held up by the first one's request, and while both ask for something workers do it.
func TestInlineOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c, id := newSerial(t)
		serially(t, c, id)
		free := r.block()
		e := r.readBlocked(c, id)
		start := time.Now()
		other := r.logon(smb.Dialect311)
		otherID := r.open(other, "f")
		if d := time.Since(start); d > 0 {
			t.Errorf("another client waited for %v", d)
		}
		free()
		want(t, "READ", c.Wait(e.MessageID).Status, ok)
		serially(t, c, id)
		want(t, "CLOSE", other.CloseFile(otherID), ok)
		r.readElsewhere(c, id)
		r.srv.Close()
	})
}

// After a request that took long, most are done by workers.
func TestInlineSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c, id := newSerial(t)
		for _, d := range []time.Duration{time.Millisecond, 10 * time.Millisecond} {
			serially(t, c, id)
			slow := faultfs.Hook(func(faultfs.Op) error { time.Sleep(d); return nil })
			r.hook.Store(&slow)
			c.Read(id, 0, 5)
			synctest.Wait()
			r.heal()
			for range 10 {
				r.readElsewhere(c, id)
			}
		}
		r.srv.Close()
	})
}

// A request that blocks for so long that its client gets an interim reply is not taken for a later one of the same connection.
func TestInlineTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c, id := newSerial(t)
		serially(t, c, id)
		free := r.block()
		first := r.readBlocked(c, id)
		time.Sleep(10 * time.Second)
		c.WaitInterim(first.MessageID)
		for range smb.InlineRest + 20 {
			c.Write(id, 0, []byte("hello"))
			synctest.Wait()
		}
		freeSecond := r.block()
		second := r.readBlocked(c, id)
		free()
		synctest.Wait()
		if working, _ := r.srv.Inline(); !working {
			t.Error("the end of the first was taken for that of the second")
		}
		freeSecond()
		want(t, "first READ", c.Wait(first.MessageID).Status, ok)
		want(t, "second READ", c.Wait(second.MessageID).Status, ok)
		serially(t, c, id)
		r.srv.Close()
	})
}

// A connection that ends while a request blocks in its read goroutine has ended: by the client, by what it sends, and by the server.
func TestInlineEnd(t *testing.T) {
	for name, end := range map[string]func(r *faulty, c *smbtest.Client){
		"client":  func(_ *faulty, c *smbtest.Client) { c.Close() },
		"garbage": func(_ *faulty, c *smbtest.Client) { c.SendBytes([]byte{0, 0, 0, 4, 1, 2, 3, 4}) },
		"server":  func(r *faulty, _ *smbtest.Client) { go r.srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFaulty(t)
				var state atomic.Int32
				r.srv.ConnState = func(_ net.Conn, s smb.ConnState) { state.Store(int32(s)) }
				a, b := net.Pipe()
				served := make(chan error, 1)
				go func() { served <- r.srv.ServeConn(context.Background(), b) }()
				c := smbtest.New(t, a)
				c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{})
				r.setup(c, "ann", password)
				r.tree(c, "s")
				id := r.open(c, "f")
				c.Write(id, 0, []byte("hello"))
				serially(t, c, id)
				free := r.block()
				r.readBlocked(c, id)
				end(r, c)
				time.Sleep(time.Second)
				if working, _ := r.srv.Inline(); working {
					t.Error("it counts as the read goroutine's still")
				}
				if _, err := b.Write([]byte{0}); err == nil {
					t.Error("the connection is open")
				}
				free()
				synctest.Wait()
				if got := smb.ConnState(state.Load()); got != smb.StateClosed {
					t.Errorf("the connection is %v", got)
				}
				select {
				case err := <-served:
					if name == "garbage" != (err != nil && strings.Contains(err.Error(), "protocol")) {
						t.Errorf("ServeConn: %v", err)
					}
				default:
					t.Error("ServeConn goes on")
				}
				r.srv.Close()
			})
		})
	}
}

// A client that does one thing at a time may ask for anything: what isn't a command, either.
func TestInlineAnyCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for cmd := smb2.Command(0); cmd < 64; cmd++ {
			c := r.logon(smb.Dialect311)
			id := r.open(c, "f")
			c.Write(id, 0, []byte("hello"))
			serially(t, c, id)
			c.Send(c.Req(cmd, smb2.EchoRequest{}))
			synctest.Wait()
			c.Close()
		}
		want(t, "ECHO", r.logon(smb.Dialect311).Echo(), ok)
		r.srv.Close()
	})
}

// Those who wait for a change, or whose client takes nothing, keep no processor busy: Windows' Explorer always has somebody wait.
func TestInlineBesideDormant(t *testing.T) {
	for name, fallAsleep := range map[string]func(r *faulty, c *smbtest.Client) (wake func()){
		"CHANGE_NOTIFY": func(r *faulty, c *smbtest.Client) func() {
			dir := r.create(c, dirReq("", smb2.Open))
			e := c.Req(smb2.CommandChangeNotify, smb2.ChangeNotifyRequest{FileID: dir, OutputLength: 4096, Filter: 1})
			c.Send(e)
			c.WaitInterim(e.MessageID)
			return func() {}
		},
		"READ of a client that takes nothing": func(r *faulty, c *smbtest.Client) func() {
			id := r.open(c, "f")
			wake := c.Hold()
			for range 2 { // one is taken still
				c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 5}))
			}
			time.Sleep(10 * time.Second)
			return wake
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, c, id := newSerial(t)
				defer fallAsleep(r, r.logon(smb.Dialect311))()
				serially(t, c, id)
				free := r.block()
				e := r.readBlocked(c, id)
				free()
				want(t, "READ", c.Wait(e.MessageID).Status, ok)
				r.srv.Close()
			})
		})
	}
}
