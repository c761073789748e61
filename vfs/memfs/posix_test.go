package memfs

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

func TestCaseSensitive(t *testing.T) {
	f, ctx := &FS{CaseSensitive: true}, t.Context()
	ids := map[uint64]bool{}
	for _, name := range []string{"a", "A", `a:b*?"<>|\`, "a."} {
		h, err := f.Create(ctx, name, vfs.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a, err := h.Stat(ctx)
		if err != nil || ids[a.ID] {
			t.Errorf("%q: %+v, %v", name, a, err)
		}
		ids[a.ID] = true
		h.Close()
	}
	if err := f.Remove(ctx, "A"); err != nil {
		t.Error(err)
	}
	if _, err := f.Open(ctx, "A", vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened A, which was removed: %v", err)
	}
	if err := f.Rename(ctx, "a", "A", false); err != nil {
		t.Error(err)
	}
	if _, err := f.Open(ctx, "a", vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened a, which was renamed: %v", err)
	}
	if _, err := f.Fold(ctx, "a"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Fold: %v", err)
	}
	if v, err := f.Volume(ctx); err != nil || !v.CaseSensitive {
		t.Errorf("%+v, %v", v, err)
	}
}
