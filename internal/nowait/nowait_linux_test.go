package nowait

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The offset goes in two registers where one has 32 bits.
func TestAt(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	for _, off := range []int64{0, 7, 1<<31 + 3, 5 << 32} {
		want := []byte(strings.Repeat("x", int(off%5)) + "written")
		if _, err := f.WriteAt(want, off); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if n, err := ReadAt(fd, got, off, 0); n != len(want) || err != nil || !bytes.Equal(got, want) {
			t.Errorf("read at %d: %q, %v", off, got[:n], err)
		}
	}
	if n, err := ReadAt(fd, make([]byte, 8), 6<<32, 0); n != 0 || err != nil {
		t.Errorf("read beyond the end: %d, %v", n, err)
	}
	if n, err := ReadAt(-1, make([]byte, 8), 0, 0); n != 0 || err != unix.EBADF {
		t.Errorf("read of no file: %d, %v", n, err)
	}
}

func TestSendAndRecv(t *testing.T) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0) // which block
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	got := make([]byte, 100)
	if n, err := Recv(p[0], got); n != 0 || err != unix.EAGAIN {
		t.Errorf("read of nothing: %d, %v", n, err)
	}
	var vec [][]byte
	for i := range Vectors + 2 {
		vec = append(vec, []byte{'a' + byte(i), '.'})
	}
	if n, err := Send(p[1], vec); n != 2*Vectors || err != nil {
		t.Errorf("wrote %d, %v; want %d", n, err, 2*Vectors)
	}
	if n, err := Recv(p[0], got); string(got[:n]) != "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p." || err != nil {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if n := testing.AllocsPerRun(100, func() {
		Send(p[1], vec)
		Recv(p[0], got)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	full := [][]byte{make([]byte, Most)}
	for range 100 {
		if _, err = Send(p[1], full); err != nil {
			break
		}
	}
	if err != unix.EAGAIN {
		t.Errorf("write to what is full: %v", err)
	}
	unix.Close(p[1])
	if _, err := Send(p[0], full); err != unix.EPIPE && err != unix.ECONNRESET {
		t.Errorf("write to nobody: %v", err)
	}
}

func TestInCache(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := os.Getpagesize()
	if _, err := f.Write(make([]byte, 3*page-1)); err != nil {
		t.Fatal(err)
	}
	fd := int(f.Fd())
	if err := unix.Cachestat(uint(fd), &unix.CachestatRange{Len: 1}, new(unix.Cachestat_t), 0); err != nil {
		t.Skip("this kernel doesn't tell: ", err)
	}
	for _, c := range []struct {
		off, n int
		want   bool
	}{
		{0, 1, true}, {1, page, true}, {page, page, true}, {page - 1, 2 * page, true}, {0, 3*page - 1, true}, {3*page - 1, 1, true},
		{0, 3*page + 1, false}, {3 * page, 1, false}, {page, 3 * page, false}, {100 * page, 5, false},
	} {
		if got := InCache(fd, int64(c.off), c.n); got != c.want {
			t.Errorf("%d bytes at %d: %v, want %v", c.n, c.off, got, c.want)
		}
	}
	if InCache(-1, 0, 1) {
		t.Error("no file is in the cache")
	}
	// What nobody has read or written isn't there.
	if err := f.Truncate(int64(20 * page)); err != nil {
		t.Fatal(err)
	}
	if InCache(fd, int64(10*page), 1) || InCache(fd, int64(2*page), 2*page) {
		t.Error("a hole is in the cache")
	}
}
