package memfs

import (
	"errors"
	"strings"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// What extended attributes took is given back, and there is a limit.
func TestXattrsUsed(t *testing.T) {
	f := &FS{MaxBytes: 10_000}
	h := create(t, f, "f")
	before := f.used.Load()
	set := func(name string, size int) error {
		return h.SetXattrs(t.Context(), []vfs.Xattr{{Name: name, Value: []byte(strings.Repeat("x", size))}})
	}
	must(t, set("a", 5000))
	must(t, set("b", 10))
	if used := f.used.Load(); used < before+5000 {
		t.Errorf("used = %d, %d before", used, before)
	}
	if err := set("c", 5000); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("more than the limit: %v", err)
	}
	must(t, set("A", 0))
	must(t, set("c", 5000))
	must(t, h.Close())
	must(t, f.Remove(t.Context(), "f"))
	if used := f.used.Load(); used != 0 {
		t.Errorf("used = %d after all is gone", used)
	}
}
