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
	for range 20 {
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
	if n, watched := f.srv.Inline(); n != 1 || !watched {
		f.t.Fatalf("%d requests at the read goroutines, watched: %v", n, watched)
	}
	return e
}

// A request that blocks in the read goroutine holds up the next for some milliseconds, and then nothing
// any more; when it is answered, the connection goes on, whoever reads.
func TestInlineStandIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFaulty(t)
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		c.Write(id, 0, []byte("hello"))
		for range 3 {
			serially(t, c, id)
			free := r.block()
			e := r.readBlocked(c, id)
			for i := range 3 {
				start := time.Now()
				want(t, "ECHO", c.Echo(), ok)
				if d := time.Since(start); d > 4*time.Millisecond || i > 0 && d > 0 {
					t.Errorf("ECHO %d took %v", i, d)
				}
			}
			if n, _ := r.srv.Inline(); n != 0 {
				t.Errorf("%d requests at the read goroutines", n)
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

// Only one at a time is worked off there where there are two processors or fewer; others' requests go to workers.
func TestInlineOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFaulty(t)
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		c.Write(id, 0, []byte("hello"))
		serially(t, c, id)
		free := r.block()
		e := r.readBlocked(c, id)
		start := time.Now()
		other := r.logon(smb.Dialect311)
		otherID := r.open(other, "f")
		if d := time.Since(start); d > 0 {
			t.Errorf("another client waited for %v", d)
		}
		want(t, "CLOSE", other.CloseFile(otherID), ok)
		free()
		want(t, "READ", c.Wait(e.MessageID).Status, ok)
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
				if n, _ := r.srv.Inline(); n != 0 {
					t.Errorf("%d requests at the read goroutines", n)
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
