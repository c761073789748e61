package osfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

func TestPortable(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		f := newFS(t, nil)
		makePortable(t, f)
		return f
	})
}

func TestShowSymlinks(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return newFS(t, &Options{Symlinks: ShowSymlinks}) })
}

// xattrs skips the test where files have no extended attributes.
func xattrs(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Setxattr(dir, "user.test", []byte("x"), 0); err != nil {
		t.Skip("no extended attributes in", dir, err)
	}
}

// TestHostileXattr puts damaged attributes beneath: the file stays accessible,
// and setting attributes repairs it.
func TestHostileXattr(t *testing.T) {
	dir := t.TempDir()
	xattrs(t, dir)
	f := newFSAt(t, dir, nil)
	path := filepath.Join(dir, "f")
	for _, blob := range [][]byte{
		{}, {0}, []byte("0x"), []byte("0xFFFFFFFFFFFFFFFF"), bytes.Repeat([]byte{0xFF}, 100), bytes.Repeat([]byte{0}, 2000),
		bytes.Repeat([]byte("A"), 3000), {0, 0, 5, 0, 5, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
	} {
		check(t, os.WriteFile(path, []byte("content"), 0o644))
		check(t, unix.Setxattr(path, dosAttribName, blob, 0))
		h, err := f.Open(t.Context(), "f", vfs.OpenOptions{Access: vfs.AccessRead})
		check(t, err)
		a, err := h.Stat(t.Context())
		if err != nil || a.Size != 7 || a.Attributes&^stored != 0 || a.Created.Before(time.Now().Add(-time.Hour)) {
			t.Errorf("%.20x: %+v, %v", blob, a, err)
		}
		list(t, f, ".")
		check(t, h.(*File).SetAttr(t.Context(), vfs.AttrChange{Attributes: vfs.AttrHidden}))
		if a, err = h.Stat(t.Context()); err != nil || a.Attributes&^vfs.AttrSparse != vfs.AttrHidden {
			t.Errorf("%.20x, repaired: %+v, %v", blob, a, err)
		}
		check(t, h.Close())
		check(t, os.Remove(path))
	}
}

// TestXattrBytes checks what is stored, byte by byte, and that the permission
// bits stay.
func TestXattrBytes(t *testing.T) {
	dir := t.TempDir()
	xattrs(t, dir)
	f := newFSAt(t, dir, nil)
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{Attributes: vfs.AttrArchive | vfs.AttrReadOnly})
	check(t, err)
	defer h.Close()
	created := time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC)
	check(t, h.(*File).SetAttr(t.Context(), vfs.AttrChange{Created: created}))
	b := make([]byte, 100)
	n, err := unix.Getxattr(filepath.Join(dir, "f"), dosAttribName, b)
	check(t, err)
	want := "0000050005000000110000002100000080" + "40fdd147a2d401"
	if got := fmt.Sprintf("%x", b[:n]); got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	if a, _ := h.Stat(t.Context()); a.Mode.Perm()&0o200 == 0 || !a.Created.Equal(created) {
		t.Errorf("Stat = %+v", a)
	}
}

// TestNoXattr uses a file system that has no extended attributes, if the test
// may mount one.
func TestNoXattr(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		t.Skip("can't mount a ramfs:", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := unix.Setxattr(dir, "user.test", []byte("x"), 0); err == nil {
		t.Skip("ramfs has extended attributes")
	}
	t.Run("Suite", func(t *testing.T) {
		n := 0
		vfstest.TestFS(t, func(t *testing.T) vfs.FS {
			n++
			sub := filepath.Join(dir, fmt.Sprint(n))
			check(t, os.Mkdir(sub, 0o755))
			return newFSAt(t, sub, nil)
		})
	})
	f := newFSAt(t, dir, nil)
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{Attributes: vfs.AttrReadOnly | vfs.AttrHidden})
	check(t, err)
	defer h.Close()
	a, err := h.Stat(t.Context())
	if err != nil || a.Attributes != vfs.AttrReadOnly || a.Mode.Perm() != 0o444 {
		t.Errorf("Stat = %+v, %v, want read-only", a, err)
	}
	check(t, h.(*File).SetAttr(t.Context(), vfs.AttrChange{Attributes: vfs.AttrNormal}))
	if a, err = h.Stat(t.Context()); err != nil || a.Attributes != 0 || a.Mode.Perm() != 0o644 {
		t.Errorf("Stat = %+v, %v, want none", a, err)
	}
}

// TestNoSpace fills a small file system.
func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("can't mount a tmpfs:", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	f := newFSAt(t, dir, nil)
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	check(t, err)
	defer h.Close()
	_, err = h.(*File).WriteAt(make([]byte, 100_000), 0)
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("WriteAt: %v, want no space", err)
	}
}

// TestMountID checks that a file system mounted below has IDs of its own.
func TestMountID(t *testing.T) {
	dir := t.TempDir()
	ids := map[uint64]string{}
	for _, sub := range []string{"a", "b"} {
		check(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
		if err := unix.Mount("tmpfs", filepath.Join(dir, sub), "tmpfs", 0, "size=64k"); err != nil {
			t.Skip("can't mount a tmpfs:", err)
		}
		defer unix.Unmount(filepath.Join(dir, sub), unix.MNT_DETACH)
		check(t, os.WriteFile(filepath.Join(dir, sub, "f"), nil, 0o644))
	}
	f := newFSAt(t, dir, nil)
	for _, name := range []string{".", "a", "b", "a/f", "b/f"} {
		h, err := f.Open(t.Context(), name, vfs.OpenOptions{})
		check(t, err)
		a, err := h.Stat(t.Context())
		check(t, err)
		h.Close()
		if other, dup := ids[a.ID]; dup {
			t.Errorf("%q and %q have ID %#x", name, other, a.ID)
		}
		ids[a.ID] = name
	}
	if err := f.Rename(t.Context(), "a/f", "b/g", false); !errors.Is(err, vfs.ErrCrossDevice) {
		t.Errorf("Rename to another file system: %v, want vfs.ErrCrossDevice", err)
	}
}

// TestPermission works as an ordinary user, on a thread that ends with the test.
func TestPermission(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become someone else")
	}
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("content"), 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "private"), 0o700))
	check(t, os.Chmod(dir, 0o755))
	f := newFSAt(t, dir, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		for _, access := range []vfs.Access{vfs.AccessRead, vfs.WriteData, vfs.AccessFull} {
			if _, err := f.Open(t.Context(), "secret", vfs.OpenOptions{Access: access}); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("Open with %#x: %v, want fs.ErrPermission", access, err)
			}
		}
		if _, err := f.Open(t.Context(), "private", vfs.OpenOptions{Access: vfs.ListDirectory}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Open of a directory: %v, want fs.ErrPermission", err)
		}
		if _, err := f.Create(t.Context(), "new", vfs.CreateOptions{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Create: %v, want fs.ErrPermission", err)
		}
		// Attributes don't need the right to the content.
		h, err := f.Open(t.Context(), "secret", vfs.OpenOptions{Access: vfs.ReadAttributes})
		if err != nil {
			t.Errorf("Open for attributes: %v", err)
			return
		}
		if a, err := h.Stat(t.Context()); err != nil || a.Size != 7 {
			t.Errorf("Stat = %+v, %v", a, err)
		}
		if err := h.(*File).SetAttr(t.Context(), vfs.AttrChange{Attributes: vfs.AttrHidden}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("SetAttr: %v, want fs.ErrPermission", err)
		}
		h.Close()
	}()
	<-done
}

// TestAllocs holds reading and writing to no allocation.
func TestAllocs(t *testing.T) {
	f := newFS(t, nil)
	h := benchFile(t, f)
	b := make([]byte, 4096)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = h.WriteAt(b, 0)
		_, _ = h.ReadAt(b, 0)
	}); n != 0 {
		t.Errorf("%v allocations per write and read", n)
	}
}

func benchFile(t testing.TB, f *FS) *File {
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{Attributes: vfs.AttrArchive})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	return h.(*File)
}

func BenchmarkStat(b *testing.B) {
	h := benchFile(b, newFS(b, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Stat(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, portable := range []bool{false, true} {
		for _, deep := range []bool{false, true} {
			for access, name := range map[vfs.Access]string{vfs.AccessRead: "content", vfs.ReadAttributes: "attributes"} {
				b.Run(fmt.Sprintf("portable=%v/deep=%v/%s", portable, deep, name), func(b *testing.B) {
					dir := b.TempDir()
					file := "f"
					if deep {
						file = strings.Repeat("d/", 4) + "f"
					}
					check(b, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
					check(b, os.WriteFile(filepath.Join(dir, file), nil, 0o644))
					f := newFSAt(b, dir, nil)
					if portable {
						f.sys.openat2 = false
					}
					b.ReportAllocs()
					for b.Loop() {
						h, err := f.Open(b.Context(), file, vfs.OpenOptions{Access: access})
						if err != nil {
							b.Fatal(err)
						}
						h.Close()
					}
				})
			}
		}
	}
}

func BenchmarkReadDir(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		check(b, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644))
	}
	f := newFSAt(b, dir, nil)
	h, err := f.Open(b.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(b, err)
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range h.(*File).ReadDir(b.Context()) {
			check(b, err)
		}
	}
}
