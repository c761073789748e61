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
		if n, err := WriteAt(fd, want, off, 0); n != len(want) || err != nil {
			t.Fatalf("write at %d: %d, %v", off, n, err)
		}
		got := make([]byte, len(want))
		if n, err := f.ReadAt(got, off); n != len(want) || err != nil || !bytes.Equal(got, want) {
			t.Errorf("at %d is %q, %v", off, got[:n], err)
		}
		clear(got)
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

func TestWritevAndRead(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	got := make([]byte, 100)
	if n, err := Read(p[0], got); n != 0 || err != unix.EAGAIN {
		t.Errorf("read of nothing: %d, %v", n, err)
	}
	var vec [][]byte
	for i := range Vectors + 2 {
		vec = append(vec, []byte{'a' + byte(i), '.'})
	}
	if n, err := Writev(p[1], vec); n != 2*Vectors || err != nil {
		t.Errorf("wrote %d, %v; want %d", n, err, 2*Vectors)
	}
	if n, err := Read(p[0], got); string(got[:n]) != "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p." || err != nil {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if n := testing.AllocsPerRun(100, func() {
		Writev(p[1], vec)
		Read(p[0], got)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
