package osfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// What is asked for from a thread in the directory is the same as by the way of /proc; the
// process stays where it is, and the threads end.
func TestDirThreads(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	var names []vfs.DirEntry
	for i := range 2 * manyNames {
		name := fmt.Sprint(i)
		check(t, os.WriteFile(filepath.Join(dir, name), make([]byte, i), 0o644))
		names = append(names, vfs.DirEntry{Name: name})
	}
	before, err := os.Getwd()
	check(t, err)
	h, err := f.Open(t.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer h.Close()
	ask := func() []vfs.DirEntry {
		got := append([]vfs.DirEntry(nil), names...)
		check(t, h.(vfs.NameStater).StatNames(t.Context(), got))
		return got
	}
	threads := &f.sys.dirThreads
	fast := ask()
	if !threads.denied.Load() && threads.count.Load() != 1 {
		t.Errorf("%d threads", threads.count.Load())
	}
	threads.denied.Store(true)
	for i, e := range ask() {
		if e != fast[i] || e.Attr.Size != int64(i) {
			t.Errorf("%+v\nby way of /proc, but from the thread\n%+v", e, fast[i])
		}
	}
	threads.denied.Store(false)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic was swallowed")
			}
		}()
		threads.within(h.(*File).fd, func() error { panic("as planned") })
	}()
	oops := errors.New("as planned")
	if _, err := threads.within(h.(*File).fd, func() error { return oops }); err != oops {
		t.Errorf("error %v", err)
	}
	if after, err := os.Getwd(); err != nil || after != before {
		t.Errorf("the process went to %q, %v", after, err)
	}
	for end := time.Now().Add(10 * time.Second); threads.count.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d threads are left", threads.count.Load())
		}
	}
}
