package smb_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// Clients that ask for more than the server has memory for, and read nothing, keep
// nobody else from reading.
func TestSlowReadersShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(s *smb.Server) { s.Limits.MaxIO, s.Limits.Memory, s.Limits.MemoryPerConn = 1<<20, 16<<20, 8<<20 })
		put(t, r.fs, "f", string(make([]byte, 1<<20)))
		other := r.logon(smb.Dialect311)
		fid := r.open(other, "f")
		var slow []*smbtest.Client
		for range 8 {
			c := r.logon(smb.Dialect311)
			id := r.open(c, "f")
			c.Ask = 512
			alive(t, c)
			c.Timeout = time.Hour
			release := c.Hold()
			defer release()
			go func() { // the server stops reading
				for range 20 {
					if !c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1 << 20})) {
						return
					}
				}
			}()
			slow = append(slow, c)
		}
		synctest.Wait()
		for range 10 {
			t0 := time.Now()
			if _, st := other.Read(fid, 0, 64<<10); st != ok {
				t.Errorf("READ: %v", st)
			}
			if d := time.Since(t0); d > 0 {
				t.Fatalf("another client's READ waited for %v", d)
			}
		}
		time.Sleep(time.Minute) // each of them is dropped 5 s after it got a reply
		if n := r.srv.Counters().Conns; n != 1 {
			t.Errorf("%d connections", n)
		}
		for _, c := range slow {
			c.Close()
		}
		end(r, other)
	})
}

// What the system's buffers take of a reply doesn't count as the client's taking it.
func TestSlowReaderBehindBuffers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	const timeout = 3 * time.Second
	r := newRig(t, func(s *smb.Server) { s.Limits.WriteTimeout = timeout; s.Logger = quiet() })
	put(t, r.fs, "f", string(make([]byte, 8<<20)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go r.srv.Serve(l)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	c := smbtest.New(t, nc)
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	id := r.open(c, "f")
	c.Ask = 512
	alive(t, c)
	release := c.Hold()
	defer release()
	small := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 64 << 10})
	c.Send(small)
	c.Wait(small.MessageID) // the one frame that is still read
	c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
	start := time.Now()
	for r.srv.Counters().Conns > 0 && time.Since(start) < 3*timeout {
		time.Sleep(20 * time.Millisecond)
	}
	if d := time.Since(start); d < timeout*2/3 || d > timeout*5/3 {
		t.Errorf("dropped after %v, WriteTimeout is %v", d, timeout)
	}
}

// A compound whose replies don't fit a frame gets several; one that asks for more than
// the connection may hold ends it.
func TestCompoundOfLargeReads(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", string(make([]byte, 8<<20)))
	reads := func(n int) (*smbtest.Client, []*smbtest.Elem) {
		c := r.logon(smb.Dialect311)
		id := r.open(c, "f")
		c.Ask = 4096
		alive(t, c)
		var list []*smbtest.Elem
		for range n {
			list = append(list, c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
		}
		return c, list
	}
	c, list := reads(3)
	c.Send(list...)
	frames := make(map[int]bool)
	for _, e := range list {
		rep := c.Wait(e.MessageID)
		want(t, "READ", rep.Status, ok)
		frames[rep.Frame] = true
		if resp := smbtest.Parse(c, rep, smb2.ParseReadResponse); len(resp.Data) != 8<<20 {
			t.Errorf("%d bytes", len(resp.Data))
		}
	}
	if len(frames) != 3 {
		t.Errorf("24 MiB came in %d frames", len(frames))
	}
	alive(t, c)
	c.Close()
	c, list = reads(5)
	c.Send(list...)
	dropped(t, "40 MiB at once", c)
}

// Nobody can have all the opens that there may be.
func TestOpensAreShared(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.Opens = 40 })
	ann, again, bob := r.logon(smb.Dialect311), r.logon(smb.Dialect311), r.as("bob", password+"!")
	hoard := func(c *smbtest.Client) (n int) {
		for {
			if _, st := c.Create(smbtest.CreateReq("f", smb2.OpenIf)); st != ok {
				want(t, "one more", st, smb2.StatusTooManyOpenedFiles)
				return n
			}
			n++
		}
	}
	if n := hoard(ann); n != 30 {
		t.Errorf("ann has %d of 40", n)
	}
	if n := hoard(again); n != 0 {
		t.Errorf("on another connection she has %d more", n)
	}
	if n := hoard(bob); n != 5 {
		t.Errorf("bob has %d of 10", n)
	}
	ann.Close()
	gone(t, r, 2)
	if n := hoard(bob); n < 5 {
		t.Errorf("bob has %d more when ann is gone", n)
	}
}

// Who hasn't logged on gets little more memory than he sends.
func TestStrangersGetWhatTheySend(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct{ sends, most int }{{1, 16 << 10}, {4000, 16 << 10}, {5000, 36 << 10}, {20_000, 90 << 10}} {
		var conns []net.Conn
		before := heapSize()
		const n = 40
		for range n {
			nc, b := net.Pipe()
			go r.srv.ServeConn(context.Background(), b)
			nc.Write(binary.BigEndian.AppendUint32(nil, 100_000))
			io.WriteString(nc, "\xFE")
			nc.Write(make([]byte, tt.sends-1))
			conns = append(conns, nc)
		}
		if each := (int64(heapSize()) - int64(before)) / n; each > int64(tt.most) {
			t.Errorf("%d bytes sent, %d held", tt.sends, each)
		}
		for _, nc := range conns {
			nc.Close()
		}
		gone(t, r, 0)
	}
}
