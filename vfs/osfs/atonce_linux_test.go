package osfs

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/internal/nowait"
	"github.com/gosmbd/smb/vfs"
)

// atOnceDirs are directories of a file system on a disk and of one in memory, if the machine has them.
func atOnceDirs(t *testing.T) []string {
	dirs := []string{t.TempDir()}
	if d, err := os.MkdirTemp("/dev/shm", "atonce"); err == nil {
		t.Cleanup(func() { os.RemoveAll(d) })
		dirs = append(dirs, d)
	}
	return dirs
}

// What is read and written is the same whichever way it goes, again and again, at the end of the file, beyond
// it, and where the system has forgotten the content.
func TestAtOnce(t *testing.T) {
	for _, dir := range atOnceDirs(t) {
		f, err := New(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o, err := f.Create(t.Context(), "file", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData | vfs.WriteData}})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		h := o.(*File)
		r := rand.New(rand.NewPCG(1, 2))
		var want []byte // what the file has
		for i := range 400 {
			n := r.IntN(9000)
			if i%20 == 0 {
				n = nowait.Most - 2 + i/20%5
			}
			off := r.IntN(300 << 10)
			if i%2 == 0 {
				b := make([]byte, n)
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				if m, err := h.WriteAt(b, int64(off)); m != n || err != nil {
					t.Fatalf("%s: write of %d at %d: %d, %v", dir, n, off, m, err)
				}
				if end := off + n; n > 0 && end > len(want) {
					want = append(want, make([]byte, end-len(want))...)
				}
				copy(want[min(off, len(want)):], b)
				continue
			}
			if i%31 == 0 {
				h.Sync()
				unix.Fadvise(h.fd, 0, 0, unix.FADV_DONTNEED)
			}
			b := make([]byte, n)
			m, err := h.ReadAt(b, int64(off))
			left := want[min(off, len(want)):]
			left = left[:min(n, len(left))]
			if !bytes.Equal(b[:m], left) || (err == io.EOF) != (m < n) || err != nil && err != io.EOF {
				t.Fatalf("%s: read of %d at %d of %d: %d, %v", dir, n, off, len(want), m, err)
			}
		}
		if _, err := h.WriteAt([]byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		if !nowait.InCache(h.fd, 0, 1) {
			t.Skip("this kernel doesn't tell what is in the cache")
		}
		if way := h.reads.way.Load(); way != first && way != second && way != never && way != memory {
			t.Errorf("%s: the way of reads after a write is %d", dir, way)
		}
		for range 3 {
			if _, err := h.ReadAt(make([]byte, 10), 0); err != nil {
				t.Fatal(err)
			}
		}
		var st unix.Statfs_t
		if err := unix.Fstatfs(h.fd, &st); err != nil {
			t.Fatal(err)
		}
		if way := h.reads.way.Load(); st.Type == unix.TMPFS_MAGIC && way != memory || way != cached && way != memory && way != never {
			t.Errorf("%s: the way of reads is %d", dir, way)
		}
	}
}
