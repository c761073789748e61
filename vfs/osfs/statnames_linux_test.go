package osfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

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

// A panic of one who helps comes to who asked for it, and not before all have left the
// entries alone.
func TestStatNamesPanic(t *testing.T) {
	s := nameStats{ctx: t.Context(), entries: make([]vfs.DirEntry, threadNames)} // of no directory
	s.helpers.Go(s.help)
	s.helpers.Wait()
	if s.panicked.Load() == nil {
		t.Error("a helper's panic is lost")
	}
	s.taken.Store(int64(len(s.entries))) // nothing is left that could panic here
	s.entries = s.entries[:manyNames-1]
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	s.all()
}
