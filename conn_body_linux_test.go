package smb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// sendingFS is a memfs whose files send their content to connections.
type sendingFS struct {
	*memfs.FS
	send  func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error)
	calls atomic.Int32
}

func (s *sendingFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := s.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &sendingFile{File: f, fs: s}, nil
}

type sendingFile struct {
	vfs.File
	fs     *sendingFS
	closed atomic.Bool
}

func (f *sendingFile) Unwrap() vfs.File { return f.File }

func (f *sendingFile) Close() error {
	f.closed.Store(true)
	return f.File.Close()
}

func (f *sendingFile) ReadAt(b []byte, off int64) (int, error) {
	return f.File.(io.ReaderAt).ReadAt(b, off)
}

func (f *sendingFile) ContentSize() (int64, error) {
	a, err := f.Stat(context.Background())
	return a.Size, err
}

func (f *sendingFile) SendTo(conn syscall.RawConn, off, n int64) (int64, error) {
	f.fs.calls.Add(1)
	sent, err := f.fs.send(f.File, conn, off, n)
	if f.closed.Load() {
		panic("closed while it is sent")
	}
	return sent, err
}

// sendRaw writes what ReadAt has to the connection.
func sendRaw(f vfs.File, conn syscall.RawConn, off, n int64) (sent int64, err error) {
	b := make([]byte, n)
	k, _ := f.(io.ReaderAt).ReadAt(b, off)
	b = b[:k]
	werr := conn.Write(func(fd uintptr) bool {
		for len(b) > 0 {
			k, err := syscall.Write(int(fd), b)
			if err == syscall.EAGAIN {
				return false
			}
			if err != nil {
				return true
			}
			sent, b = sent+int64(k), b[k:]
		}
		return true
	})
	if werr == nil && sent < n {
		werr = io.EOF
	}
	return sent, werr
}

// overTCP returns a client of share "s" on a socket, which doesn't sign unless it is to.
func overTCP(t testing.TB, r *rig, sign bool) *smbtest.Client {
	t.Helper()
	r.srv.Signing = smb.Offered
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noErr(t, err)
	go r.srv.Serve(l)
	nc, err := net.Dial("tcp", l.Addr().String())
	noErr(t, err)
	c := smbtest.New(t, nc)
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{ClientGUID: machine(1), Caps: smbtest.CachingCaps}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	c.Session.Sign = true // for the tree connect, which 3.1.1 has signed
	r.tree(c, "s")
	c.Session.Sign = sign
	c.Ask = 400
	alive(t, c)
	return c
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i*7)
	}
	return b
}

// What is read in the clear goes from the backend to the connection, if that can be.
func TestReadBodies(t *testing.T) {
	const size = 1<<20 + 12345
	content := pattern(size)
	broken := errors.New("broken")
	declines := func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
		sent, _ := sendRaw(f, conn, off, min(n, 1000))
		return sent, errors.ErrUnsupported
	}
	for _, tt := range []struct {
		what   string
		send   func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error)
		sign   bool
		off    uint64
		n      int
		calls  int32
		shrink bool // all but half is lost between the reply's first byte and its last
		drops  bool
	}{
		{what: "whole", send: sendRaw, n: size, calls: 1},
		{what: "beyond the end", send: sendRaw, off: 4096, n: 2 << 20, calls: 1},
		{what: "little", send: sendRaw, n: 64<<10 - 1},
		{what: "little before the end", send: sendRaw, off: size - 1000, n: 1 << 20},
		{what: "signed", send: sendRaw, n: size, sign: true},
		{what: "declined", send: declines, n: size, calls: 1},
		{what: "shrunk", send: sendRaw, n: size, calls: 1, shrink: true},
		{what: "failed", send: func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
			sent, _ := sendRaw(f, conn, off, 1000)
			return sent, broken
		}, n: size, calls: 1, drops: true},
		{what: "panic", send: func(vfs.File, syscall.RawConn, int64, int64) (int64, error) { panic("in a backend") }, n: size, calls: 1, drops: true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			fsys := &sendingFS{FS: &memfs.FS{}, send: tt.send}
			if tt.shrink {
				fsys.send = func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
					noErr(t, f.(vfs.Truncater).Truncate(size/2))
					return sendRaw(f, conn, off, n)
				}
			}
			r := newRig(t, func(s *smb.Server) {
				s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys}
				s.Logger = quiet()
			})
			put(t, fsys.FS, "f", string(content))
			c := overTCP(t, r, tt.sign)
			id := r.create(c, smbtest.CreateReq("f", smb2.Open))
			if tt.drops {
				c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Offset: tt.off, Length: uint32(tt.n)}))
				dropped(t, "READ", c)
			} else {
				expected := bytes.Clone(content[tt.off:min(size, int(tt.off)+tt.n)])
				if tt.shrink {
					clear(expected[size/2:])
				}
				for range 2 {
					got, st := c.Read(id, tt.off, tt.n)
					want(t, "READ", st, ok)
					if !bytes.Equal(got, expected) {
						t.Fatalf("%d bytes, %d expected, or others", len(got), len(expected))
					}
					if tt.calls > 0 {
						break
					}
				}
				want(t, "CLOSE", c.CloseFile(id), ok)
			}
			if n := fsys.calls.Load(); n != tt.calls {
				t.Errorf("SendTo was called %d times, want %d", n, tt.calls)
			}
		})
	}
}

// A CLOSE waits until what was read before it is sent, and a client that takes nothing
// doesn't keep the file open for ever.
func TestReadBodyClosed(t *testing.T) {
	release := make(chan struct{})
	fsys := &sendingFS{FS: &memfs.FS{}}
	fsys.send = func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
		<-release
		return sendRaw(f, conn, off, n)
	}
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys}
		s.Limits.WriteTimeout = 300 * time.Millisecond
	})
	content := pattern(16 << 20)
	put(t, fsys.FS, "f", string(content))
	c := overTCP(t, r, false)
	id := r.create(c, smbtest.CreateReq("f", smb2.Open))
	read := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1 << 20})
	c.Send(read)
	end := c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: id})
	c.Send(end)
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	resp, err := smb2.ParseReadResponse(c.Wait(read.MessageID).Msg)
	if err != nil || !bytes.Equal(resp.Data, content[:1<<20]) {
		t.Errorf("%d bytes, %v", len(resp.Data), err)
	}
	want(t, "CLOSE", c.Wait(end.MessageID).Status, ok)

	id = r.create(c, smbtest.CreateReq("f", smb2.Open))
	c.Ask = 4000
	alive(t, c)
	t.Cleanup(c.Hold())
	for range 6 { // more than fits into the system's buffers
		c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
	}
	for range 500 {
		if r.srv.Counters().Opens == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the file is still open")
}

// Storage that hangs while it is read from into a connection, with the descriptor in use, doesn't keep
// [smb.Server.Shutdown] when its context has ended.
func TestShutdownWhileBodyHangs(t *testing.T) {
	release, hangs := make(chan struct{}), make(chan struct{})
	fsys := &sendingFS{FS: &memfs.FS{}}
	fsys.send = func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
		err := conn.Write(func(uintptr) bool {
			close(hangs)
			<-release
			return true
		})
		return 0, err
	}
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	put(t, fsys.FS, "f", string(pattern(1<<20)))
	c := overTCP(t, r, false)
	id := r.create(c, smbtest.CreateReq("f", smb2.Open))
	c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1 << 20}))
	<-hangs
	other := overTCP(t, r, false)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.srv.Shutdown(ctx) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Shutdown waits for the storage")
	}
	dropped(t, "Shutdown", other)
	close(release)
	closes(t, r.srv)
}

// What the system sends allocates nothing either.
func TestReadBodyAllocations(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("pools don't keep what they get under the race detector")
	}
	r, _ := onDisk(t)
	for _, size := range []int{64 << 10, 1 << 20} {
		steadyAllocations(t, r, steadyRequest{smb2.CommandRead, size, "plain"})
	}
}

// A client that lost its connection in the middle of a READ and comes back must not
// wait for what the old connection doesn't take any more, nor lose a connection that it has
// beside that.
func TestPreviousSessionUnsent(t *testing.T) {
	for _, bound := range []bool{false, true} {
		t.Run(fmt.Sprintf("bound=%v", bound), func(t *testing.T) { testPreviousSessionUnsent(t, bound) })
	}
}

func testPreviousSessionUnsent(t *testing.T, bound bool) {
	fsys := &sendingFS{FS: &memfs.FS{}, send: func(f vfs.File, conn syscall.RawConn, off, n int64) (int64, error) {
		return sendRaw(f, conn, off, n)
	}}
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys}
		s.Limits.WriteTimeout = 6 * time.Second // 30 s by default
	})
	put(t, fsys.FS, "f", string(pattern(16<<20)))
	c := overTCP(t, r, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	noErr(t, err)
	go r.srv.Serve(l)
	nc, err := net.Dial("tcp", l.Addr().String())
	noErr(t, err)
	again := smbtest.New(t, nc)
	if _, st := again.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{ClientGUID: machine(1), Caps: smbtest.CachingCaps}); st != ok {
		t.Fatal(st)
	}
	if bound {
		_, st := again.Logon(&smbtest.Logon{User: "ann", Password: password, Bind: c.Session})
		want(t, "binding", st, ok)
	}
	id := r.create(c, smbtest.CreateReq("f", smb2.Open))
	c.Ask = 4000
	alive(t, c)
	t.Cleanup(c.Hold())
	for range 6 { // more than fits into the system's buffers
		c.Send(c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 8 << 20}))
	}
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	_, st := again.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: c.Session.ID})
	want(t, "SESSION_SETUP", st, ok)
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("SESSION_SETUP took %v", d)
	}
	alive(t, again)
}
