package osfs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// What a handle remembers of user.DOSATTRIB doesn't outlive a change of it, by whomever.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fsys, err := New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	ctx := context.Background()
	open := func() vfs.File {
		f, err := fsys.Open(ctx, "f", vfs.OpenOptions{Access: vfs.ReadAttributes})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	f, other := open(), open()
	is := func(what string, want vfs.Attributes) {
		t.Helper()
		a, err := f.Stat(ctx)
		if err != nil || a.Attributes != want {
			t.Fatalf("%s: %#x, %v; want %#x", what, a.Attributes, err, want)
		}
	}
	foreign := func(a vfs.Attributes) {
		t.Helper()
		if err := unix.Setxattr(file, dosAttribName, appendDOS(nil, dosInfo{attributes: a, hasAttributes: true}, false), 0); err != nil {
			t.Skip("no extended attributes:", err)
		}
	}
	foreign(vfs.AttrHidden)
	for i := range 3 { // at what may be one tick of the clock
		is("of another program", vfs.AttrHidden)
		foreign(vfs.AttrArchive)
		is("of another program again", vfs.AttrArchive)
		foreign(vfs.AttrHidden)
		if err := other.(vfs.AttrSetter).SetAttr(ctx, vfs.AttrChange{Attributes: vfs.AttrSystem}); err != nil {
			t.Fatal(err)
		}
		is("by another handle", vfs.AttrSystem)
		foreign(vfs.AttrHidden)
		if i == 1 {
			time.Sleep(2 * keptTick) // now it is remembered
			is("after a while", vfs.AttrHidden)
		}
	}
	opened, err := f.(vfs.Reopener).Reopen(ctx, vfs.OpenOptions{Access: vfs.ReadData})
	if err != nil || opened == f {
		t.Fatal(opened, err)
	}
	f = opened
	t.Cleanup(func() { opened.Close() })
	is("opened again", vfs.AttrHidden)
	foreign(vfs.AttrReadOnly)
	is("changed after that", vfs.AttrReadOnly)
}
