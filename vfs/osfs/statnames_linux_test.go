package osfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// What several threads find out is each entry's own; what vanished has no name any more.
func TestStatManyNames(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	dir := t.TempDir()
	entries := make([]vfs.DirEntry, 5*threadNames+partNames/2)
	for i := range entries {
		entries[i].Name = fmt.Sprint(i)
		if i%7 != 0 {
			check(t, os.WriteFile(filepath.Join(dir, entries[i].Name), nil, 0o644))
			check(t, os.Truncate(filepath.Join(dir, entries[i].Name), int64(i)))
		}
	}
	h, err := newFSAt(t, dir, nil).Open(t.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer h.Close()
	check(t, h.(vfs.NameStater).StatNames(t.Context(), entries))
	for i, e := range entries {
		want := fmt.Sprint(i)
		if i%7 == 0 {
			want = ""
		}
		if e.Name != want || want != "" && e.Attr.Size != int64(i) {
			t.Errorf("entry %d is %q of %d bytes", i, e.Name, e.Attr.Size)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.(vfs.NameStater).StatNames(ctx, entries); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// panicOnce is a context whose first use panics.
type panicOnce struct {
	context.Context
	used atomic.Bool
}

func (p *panicOnce) Err() error {
	if !p.used.Swap(true) {
		panic("as planned")
	}
	return p.Context.Err()
}

// A panic of one who helps comes to who asked for it, and not before all have left the
// entries alone; there can be as many helpers as before then.
func TestStatNamesPanic(t *testing.T) {
	f := newFSAt(t, t.TempDir(), nil)
	h, err := f.Open(t.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer h.Close()
	threads := &f.sys.dirThreads
	s := nameStats{h: h.(*File), ctx: &panicOnce{Context: t.Context()}, entries: make([]vfs.DirEntry, manyNames-1)}
	if !threads.helping() {
		t.Fatal("there may be no helper")
	}
	s.helpers.Go(s.help)
	s.helpers.Wait()
	if s.panicked.Load() == nil {
		t.Error("a helper's panic is lost")
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if n := threads.help.Load(); n != 0 {
			t.Errorf("%d helpers are left", n)
		}
	}()
	s.all()
}

// Helpers leave threads for those who ask.
func TestHelpers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	threads := &f.sys.dirThreads
	d, err := os.Open(dir)
	check(t, err)
	defer d.Close()
	held := make(chan struct{})
	var helpers sync.WaitGroup
	n := 0
	for ; n < 10 && threads.helping(); n++ {
		helpers.Go(func() {
			defer threads.helped()
			threads.within(int(d.Fd()), func() error { <-held; return nil })
		})
	}
	for end := time.Now().Add(10 * time.Second); int(threads.count.Load()) < n && time.Now().Before(end) && !threads.denied.Load(); {
		time.Sleep(time.Millisecond)
	}
	done, err := threads.within(int(d.Fd()), func() error { return nil })
	if n != 3 || err != nil || !done && !threads.denied.Load() {
		t.Errorf("beside %d helpers: %v, %v", n, done, err)
	}
	close(held)
	helpers.Wait()
	if !threads.helping() {
		t.Error("there may be no helper any more")
	}
	threads.helped()
}
