package smb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// splicingFS is a memfs whose files take content from pipes.
type splicingFS struct {
	*memfs.FS
	splice func(f vfs.File, pipe uintptr, off, n int64) (int64, error)
	write  func() error // before each WriteAt
	calls  atomic.Int32
}

func (s *splicingFS) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := s.FS.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &splicingFile{File: f, fs: s}, nil
}

type splicingFile struct {
	vfs.File
	fs *splicingFS
}

func (f *splicingFile) Unwrap() vfs.File { return f.File }

func (f *splicingFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.write != nil {
		if err := f.fs.write(); err != nil {
			return 0, err
		}
	}
	return f.File.(io.WriterAt).WriteAt(b, off)
}

func (f *splicingFile) WriteFromPipe(pipe uintptr, off, n int64) (int64, error) {
	f.fs.calls.Add(1)
	return f.fs.splice(f.File, pipe, off, n)
}

// awaitPiece waits until a piece comes from a pipe.
func (s *splicingFS) awaitPiece() {
	for s.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
}

// splice takes n bytes from the pipe and writes them.
func splice(f vfs.File, pipe uintptr, off, n int64) (took int64, err error) {
	b := make([]byte, n)
	for took < n {
		k, err := syscall.Read(int(pipe), b[took:])
		if err != nil || k == 0 {
			return took, fmt.Errorf("the pipe hasn't as much: %d, %w", k, err)
		}
		took += int64(k)
	}
	k, err := f.(io.WriterAt).WriteAt(b, off)
	return int64(k), err
}

// reopened returns f, which is made if it isn't there: a file that is being made isn't one of splicingFS.
func reopened(r *rig, c *smbtest.Client) smb2.FileID {
	r.t.Helper()
	want(r.t, "CLOSE", c.CloseFile(r.open(c, "f")), ok)
	return r.create(c, smbtest.CreateReq("f", smb2.Open))
}

// newUploads returns a server of fsys and a client that doesn't sign.
func newUploads(t testing.TB, fsys vfs.FS, edit func(*smb.Server)) (*rig, *smbtest.Client) {
	t.Helper()
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys}
		s.Logger = quiet()
		if edit != nil {
			edit(s)
		}
	})
	return r, overTCP(t, r, false)
}

// allOf returns what file "f" has.
func allOf(t testing.TB, fsys vfs.FS) []byte {
	t.Helper()
	f, err := fsys.Open(context.Background(), "f", vfs.OpenOptions{Access: vfs.AccessRead})
	noErr(t, err)
	defer f.Close()
	a, err := f.Stat(context.Background())
	noErr(t, err)
	r, _ := vfs.As[io.ReaderAt](f)
	b, err := io.ReadAll(io.NewSectionReader(r, 0, a.Size))
	noErr(t, err)
	return b
}

// What is written in the clear is there, wherever it begins and ends, and what comes after it on the connection is understood.
func TestUploads(t *testing.T) {
	dir, err := osfs.New(t.TempDir(), nil)
	noErr(t, err)
	defer dir.Close()
	fake := &splicingFS{FS: &memfs.FS{}, splice: splice}
	for name, fsys := range map[string]vfs.FS{"directory": dir, "fake": fake} {
		t.Run(name, func(t *testing.T) {
			r, c := newUploads(t, fsys, nil)
			id := reopened(r, c)
			var expected []byte
			for i, tt := range []struct{ off, n int }{
				{0, 256 << 10}, {0, 8 << 20}, {1, 1 << 20}, {4095, 1<<20 + 1}, {5 << 20, 300_001}, {3984, 999_999}, {8<<20 - 5, 3 << 20}, {100, 64 << 10},
			} {
				data := pattern(tt.n + i)[i:]
				if end := tt.off + tt.n; end > len(expected) {
					expected = append(expected, make([]byte, end-len(expected))...)
				}
				copy(expected[tt.off:], data)
				write := c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Offset: uint64(tt.off), Data: data})
				echo := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
				c.Send(write)
				c.Send(echo)
				resp, err := smb2.ParseWriteResponse(c.Wait(write.MessageID).Msg)
				if err != nil || int(resp.Count) != tt.n {
					t.Errorf("WRITE of %d at %d: %d, %v", tt.n, tt.off, resp.Count, err)
				}
				want(t, "ECHO", c.Wait(echo.MessageID).Status, ok)
			}
			if r.srv.IdleConduits() == 0 {
				t.Error("no pipe was used")
			}
			if !bytes.Equal(allOf(t, fsys), expected) {
				t.Error("the file has something else")
			}
		})
	}
	if fake.calls.Load() == 0 {
		t.Error("nothing came from a pipe")
	}
}

// What fails leaves the connection as it was, and what was to be checked before is checked before the first byte is written.
func TestUploadsRefused(t *testing.T) {
	const size = 1 << 20
	old := bytes.Repeat([]byte{7}, size)
	for _, tt := range []struct {
		what   string
		edit   func(e *smb2.WriteRequest)
		header func(h *smb2.Header)
		access vfs.Access
		lock   uint64 // where another client has a byte locked, plus one
		status smb2.Status
	}{
		{what: "no such file", edit: func(w *smb2.WriteRequest) { w.FileID.Volatile++ }, status: smb2.StatusFileClosed},
		{what: "no such tree", header: func(h *smb2.Header) { h.TreeID += 5 }, status: smb2.StatusNetworkNameDeleted},
		{what: "no such session", header: func(h *smb2.Header) { h.SessionID += 5 }, status: smb2.StatusUserSessionDeleted},
		{what: "too few credits", header: func(h *smb2.Header) { h.CreditCharge = 3 }, status: smb2.StatusInvalidParameter},
		{what: "beyond what offsets can be", edit: func(w *smb2.WriteRequest) { w.Offset = 1<<63 - 10 }, status: smb2.StatusInvalidParameter},
		{what: "read only", access: vfs.ReadData, status: smb2.StatusAccessDenied},
		{what: "locked", lock: size, status: smb2.StatusFileLockConflict},
	} {
		t.Run(tt.what, func(t *testing.T) {
			fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
			put(t, fsys.FS, "f", string(old))
			r, c := newUploads(t, fsys, nil)
			req := smbtest.CreateReq("f", smb2.Open)
			if tt.access != 0 {
				req.DesiredAccess = uint32(tt.access)
			}
			id := r.create(c, req)
			if tt.lock > 0 {
				other := r.logon(smb.Dialect311)
				oid := r.create(other, smbtest.CreateReq("f", smb2.Open))
				want(t, "LOCK", other.Lock(oid, tt.lock-1, 1, smb2.LockExclusive|smb2.LockFailImmediately), ok)
			}
			w := smb2.WriteRequest{FileID: id, Data: pattern(size)}
			if tt.edit != nil {
				tt.edit(&w)
			}
			e := c.Req(smb2.CommandWrite, w)
			if tt.header != nil {
				tt.header(&e.Header)
			}
			c.Send(e)
			want(t, "WRITE", c.Wait(e.MessageID).Status, tt.status)
			alive(t, c)
			if !bytes.Equal(allOf(t, fsys), old) {
				t.Error("something was written")
			}
		})
	}
}

// A backend that can't, or fails, in the middle.
func TestUploadsBackend(t *testing.T) {
	const size = 3<<20 + 77
	for _, tt := range []struct {
		what   string
		second func(f vfs.File, pipe uintptr, off, n int64) (int64, error)
		status smb2.Status
		drops  bool
	}{
		{what: "declines", second: func(vfs.File, uintptr, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }, status: ok},
		{what: "declines the rest", second: func(f vfs.File, pipe uintptr, off, n int64) (int64, error) {
			k, _ := splice(f, pipe, off, 1000)
			return k, errors.ErrUnsupported
		}, status: ok},
		{what: "full", second: func(vfs.File, uintptr, int64, int64) (int64, error) { return 0, vfs.ErrNoSpace }, status: smb2.StatusDiskFull},
		{what: "panic", second: func(vfs.File, uintptr, int64, int64) (int64, error) { panic("in a backend") }, drops: true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			fsys := &splicingFS{FS: &memfs.FS{}}
			fsys.splice = func(f vfs.File, pipe uintptr, off, n int64) (int64, error) {
				if fsys.calls.Load() == 2 {
					return tt.second(f, pipe, off, n)
				}
				return splice(f, pipe, off, n)
			}
			r, c := newUploads(t, fsys, nil)
			id := reopened(r, c)
			data := pattern(size)
			if tt.drops {
				c.Send(c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: data}))
				dropped(t, "WRITE", c)
				return
			}
			_, st := c.Write(id, 0, data)
			want(t, "WRITE", st, tt.status)
			alive(t, c)
			if st == ok && !bytes.Equal(allOf(t, fsys), data) {
				t.Error("the file has something else")
			}
			_, st = c.Write(id, 0, data)
			want(t, "the next WRITE", st, ok)
			if n := fsys.calls.Load(); tt.status == ok && n != 2 {
				t.Errorf("what declined was called %d times", n)
			}
			if !bytes.Equal(allOf(t, fsys), data) {
				t.Error("the file has something else after the next WRITE")
			}
			want(t, "CLOSE", c.CloseFile(id), ok)
		})
	}
}

// halfSent sends the first part of a WRITE of size bytes to id, and returns the request and the rest.
func halfSent(c *smbtest.Client, id smb2.FileID, size, first int) (e *smbtest.Elem, rest []byte) {
	e = c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: pattern(size)})
	frame := c.Build(e)
	frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	c.SendBytes(frame[:first])
	return e, frame[first:]
}

// Whoever stops in the middle of a WRITE doesn't keep the file from being closed.
func TestUploadClosedMeanwhile(t *testing.T) {
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	e, rest := halfSent(c, id, 4<<20, 2<<20)
	fsys.awaitPiece()
	n := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	_, st := n.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: c.Session.ID})
	want(t, "a logon that ends the session", st, ok)
	c.SendBytes(rest)
	want(t, "WRITE", c.Wait(e.MessageID).Status, smb2.StatusFileClosed)
	if got := allOf(t, fsys); len(got) >= 4<<20 {
		t.Error("all was written to a file that was closed")
	}
}

// A slow client is served all the same, one that sends nothing is given up, and one that goes away leaves nothing behind.
func TestUploadSlowly(t *testing.T) {
	const size = 600 << 10
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, func(s *smb.Server) { s.Limits.WriteTimeout = 200 * time.Millisecond })
	id := reopened(r, c)
	e, rest := halfSent(c, id, size, 100<<10)
	for len(rest) > 0 {
		time.Sleep(10 * time.Millisecond)
		n := min(len(rest), 17<<10)
		c.SendBytes(rest[:n])
		rest = rest[n:]
	}
	want(t, "WRITE", c.Wait(e.MessageID).Status, ok)
	if !bytes.Equal(allOf(t, fsys), pattern(size)) {
		t.Error("the file has something else")
	}
	for range 2 {
		time.Sleep(300 * time.Millisecond) // no deadline is left
		_, st := c.Write(id, 0, pattern(size))
		want(t, "WRITE", st, ok)
	}
	halfSent(c, id, size, 300<<10)
	dropped(t, "WRITE", c)
}

func TestUploadCutOff(t *testing.T) {
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	halfSent(c, id, 4<<20, 1<<20)
	fsys.awaitPiece()
	c.Close()
	for r.srv.Counters().Conns > 0 {
		time.Sleep(time.Millisecond)
	}
}

// Slow storage holds up one piece: then a worker has the rest, and the connection is read.
func TestUploadSlowStorage(t *testing.T) {
	const size = 4 << 20
	release := make(chan struct{})
	var writes atomic.Int32
	fsys := &splicingFS{FS: &memfs.FS{}}
	fsys.splice = func(f vfs.File, pipe uintptr, off, n int64) (int64, error) {
		time.Sleep(smb.UploadSlow + 5*time.Millisecond)
		return splice(f, pipe, off, n)
	}
	fsys.write = func() error {
		if writes.Add(1) == 2 {
			<-release
		}
		return nil
	}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	data := pattern(size)
	e := c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: data})
	c.Send(e)
	for writes.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	want(t, "ECHO", c.Echo(), ok)
	close(release)
	want(t, "WRITE", c.Wait(e.MessageID).Status, ok)
	if !bytes.Equal(allOf(t, fsys), data) {
		t.Error("the file has something else")
	}
	if n := fsys.calls.Load(); n != 1 {
		t.Errorf("%d pieces came from a pipe", n)
	}
	// The next ones aren't tried, those after them are.
	for range smb.UploadRest {
		if _, st := c.Write(id, 0, data[:300<<10]); st != ok {
			t.Fatal(st)
		}
	}
	if n := fsys.calls.Load(); n != 1 {
		t.Errorf("%d pieces came from a pipe after it was slow", n)
	}
	_, st := c.Write(id, 0, data)
	want(t, "WRITE", st, ok)
	if fsys.calls.Load() == 1 {
		t.Error("it's never tried again")
	}
}

// Storage that hangs keeps neither the connection from being read nor the client from being told.
func TestUploadHung(t *testing.T) {
	release := make(chan struct{})
	fsys := &splicingFS{FS: &memfs.FS{}}
	fsys.splice = func(f vfs.File, pipe uintptr, off, n int64) (int64, error) {
		if fsys.calls.Load() == 1 {
			<-release
		}
		return splice(f, pipe, off, n)
	}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	e := c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: pattern(4 << 20)})
	c.Send(e)
	want(t, "ECHO", c.Echo(), ok)
	want(t, "interim reply", c.WaitInterim(e.MessageID).Status, smb2.StatusPending)
	close(release)
	want(t, "WRITE", c.Wait(e.MessageID).Status, ok)
	if !bytes.Equal(allOf(t, fsys), pattern(4<<20)) {
		t.Error("the file has something else")
	}
}

// A WRITE that is repeated on another channel while the rest of it is waited for has no effect any more.
func TestUploadGivenUp(t *testing.T) {
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	e, rest := halfSent(c, id, 4<<20, 2<<20)
	fsys.awaitPiece()
	c.Session.Sign = true
	b := r.bind(c, 1)
	b.Ask = 400
	alive(t, b)
	b.Sequence++
	b.Replaying = true
	again := bytes.Repeat([]byte{9}, 4<<20)
	_, st := b.Write(id, 0, again)
	for end := time.Now().Add(10 * time.Second); st == smb2.StatusFileNotAvailable && time.Now().Before(end); {
		_, st = b.Write(id, 0, again) // what has come of the first is being written
	}
	want(t, "the repeated WRITE", st, ok)
	c.SendBytes(rest)
	want(t, "WRITE", c.Wait(e.MessageID).Status, smb2.StatusFileNotAvailable)
	if !bytes.Equal(allOf(t, fsys), again) {
		t.Error("the file has something else")
	}
}

// A pipe that is full of very small pieces isn't waited for, though the connection has more.
func TestConduitFull(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	noErr(t, err)
	defer l.Close()
	from, err := net.Dial("tcp", l.Addr().String())
	noErr(t, err)
	defer from.Close()
	nc, err := l.Accept()
	noErr(t, err)
	defer nc.Close()
	noErr(t, nc.SetReadDeadline(time.Now().Add(5*time.Second)))
	raw, err := nc.(*net.TCPConn).SyscallConn()
	noErr(t, err)
	take, end := smb.NewConduit()
	defer end()
	for i := range 10_000 {
		_, err := from.Write([]byte{1})
		noErr(t, err)
		var k int
		noErr(t, raw.Read(func(fd uintptr) bool {
			k, err = take(fd, 1)
			return err != syscall.EAGAIN
		}))
		switch {
		case err == syscall.EINVAL && i > 0:
			return
		case err != nil || k != 1:
			t.Fatalf("byte %d: %d, %v", i, k, err)
		}
	}
	t.Error("it's never full")
}

// Shutdown waits for the rest of a WRITE and its answer, and not for those that come after.
func TestUploadShutdown(t *testing.T) {
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	e, rest := halfSent(c, id, 4<<20, 2<<20)
	fsys.awaitPiece()
	done := make(chan error)
	go func() { done <- r.srv.Shutdown(context.Background()) }()
	time.Sleep(50 * time.Millisecond)
	late := c.Build(c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: make([]byte, 1<<20)}))
	c.SendBytes(append(binary.BigEndian.AppendUint32(rest, uint32(len(late))), late...))
	want(t, "WRITE", c.Wait(e.MessageID).Status, ok)
	select {
	case err := <-done:
		noErr(t, err)
	case <-time.After(5 * time.Second):
		t.Error("Shutdown waits")
	}
	if !bytes.Equal(allOf(t, fsys), pattern(4<<20)) {
		t.Error("the file has something else")
	}
}

// Those who come when all pipes are used do without, and none is lost.
func TestUploadPipes(t *testing.T) {
	fsys := &splicingFS{FS: &memfs.FS{}, splice: splice}
	r, c := newUploads(t, fsys, nil)
	id := reopened(r, c)
	free := r.srv.TakeConduits()
	_, st := c.Write(id, 0, pattern(1<<20))
	want(t, "WRITE", st, ok)
	if n := fsys.calls.Load(); n != 0 {
		t.Errorf("%d pieces came from a pipe", n)
	}
	free()
	before := descriptors(t)
	for range 10 {
		_, st := c.Write(id, 0, pattern(1<<20))
		want(t, "WRITE", st, ok)
	}
	if n := descriptors(t); n > before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	noErr(t, err)
	return len(list)
}

// A WRITE of 1 MiB that isn't copied allocates nothing either.
func TestUploadAllocations(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("pools don't keep what they get under the race detector")
	}
	dir, err := osfs.New(t.TempDir(), nil)
	noErr(t, err)
	defer dir.Close()
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: dir} })
	steadyAllocations(t, r, steadyRequest{smb2.CommandWrite, 1 << 20, "plain"})
}
