package aferofs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

func TestMem(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return New(afero.NewMemMapFs()) })
}

func TestMemBasePath(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		m := afero.NewMemMapFs()
		if err := m.Mkdir("/base", 0o777); err != nil {
			t.Fatal(err)
		}
		return New(afero.NewBasePathFs(m, "/base"))
	})
}

func TestOS(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		return New(afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()))
	})
}

var files = map[string]string{"a": "one", "d/b": "two", "d/e/empty": ""}

func TestReadOnly(t *testing.T) {
	m, o := afero.NewMemMapFs(), afero.NewBasePathFs(afero.NewOsFs(), t.TempDir())
	for what, a := range map[string]afero.Fs{"mem": m, "os": o} {
		for name, content := range files {
			if err := a.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := afero.WriteFile(a, filepath.FromSlash(name), []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(what, func(t *testing.T) {
			fsys := New(afero.NewReadOnlyFs(a))
			vfstest.TestReadOnlyFS(t, fsys, files)
			testRefuses(t, fsys)
		})
	}
}

// testRefuses tries to change a read-only file system.
func testRefuses(t *testing.T, fsys vfs.FS) {
	ctx := t.Context()
	_, openErr := fsys.Open(ctx, "a", vfs.OpenOptions{Access: vfs.AccessWrite})
	_, createErr := fsys.(vfs.Creator).Create(ctx, "new", vfs.CreateOptions{})
	for _, err := range []error{
		openErr, createErr,
		fsys.(vfs.Remover).Remove(ctx, "a"),
		fsys.(vfs.Renamer).Rename(ctx, "a", "c", false),
	} {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("error %v, want ErrPermission", err)
		}
	}
}

// What the lower layer has stays, and whoever removes or replaces it is told.
func TestLowerLayerStays(t *testing.T) {
	ctx := t.Context()
	lower := afero.NewMemMapFs()
	if err := errors.Join(afero.WriteFile(lower, "a", []byte("one"), 0o666), lower.Mkdir("d", 0o777)); err != nil {
		t.Fatal(err)
	}
	fsys := New(afero.NewCopyOnWriteFs(afero.NewReadOnlyFs(lower), afero.NewMemMapFs()))
	f, err := fsys.(vfs.Creator).Create(ctx, "new", vfs.CreateOptions{Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for what, err := range map[string]error{
		"file":      fsys.(vfs.Remover).Remove(ctx, "a"),
		"directory": fsys.(vfs.Remover).Remove(ctx, "d"),
		"replaced":  fsys.(vfs.Renamer).Rename(ctx, "new", "d", true),
	} {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: error %v, want ErrPermission", what, err)
		}
	}
	if err := fsys.(vfs.Remover).Remove(ctx, "new"); err != nil {
		t.Error("upper layer:", err)
	}
	if err := fsys.(vfs.Remover).Remove(ctx, "new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a missing file: error %v, want ErrNotExist", err)
	}
}

// A write or truncation far out must not allocate what lies before it.
func TestMemFar(t *testing.T) {
	ctx := t.Context()
	f, err := New(afero.NewMemMapFs()).(vfs.Creator).Create(ctx, "f", vfs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []int64{maxMemFile, 1 << 40, math.MaxInt64 - 1} {
		if _, err := f.(io.WriterAt).WriteAt([]byte("x"), off); !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("WriteAt(%d): %v", off, err)
		}
		if err := f.(vfs.Truncater).Truncate(off + 1); !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("Truncate(%d): %v", off+1, err)
		}
		if _, err := f.(io.ReaderAt).ReadAt(make([]byte, 1), off); err != io.EOF {
			t.Errorf("ReadAt(%d): %v", off, err)
		}
	}
}

// Who opens a file for writing and doesn't write leaves its time of last write, and so does
// who has set the time.
func TestMemTimeStays(t *testing.T) {
	union := func() afero.Fs {
		return afero.NewCacheOnReadFs(afero.NewMemMapFs(), afero.NewMemMapFs(), 0)
	}
	for what, a := range map[string]afero.Fs{
		"plain":     afero.NewMemMapFs(),
		"base path": afero.NewBasePathFs(afero.NewMemMapFs(), "/"),
		"union":     union(),
	} {
		t.Run(what, func(t *testing.T) {
			if err := afero.WriteFile(a, "f", []byte("x"), 0o666); err != nil {
				t.Fatal(err)
			}
			was := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			if err := a.Chtimes("f", was, was); err != nil {
				t.Fatal(err)
			}
			fsys := New(a)
			openAndClose(t, fsys, func(vfs.File) error { return nil })
			checkTime(t, a, was)
			openAndClose(t, fsys, func(f vfs.File) error {
				_, err := f.(io.WriterAt).WriteAt([]byte("y"), 0)
				return err
			})
			if fi, err := a.Stat("f"); err != nil || fi.ModTime().Equal(was) {
				t.Errorf("written and closed: the time is as it was (%v)", err)
			}
			set := was.Add(time.Hour)
			openAndClose(t, fsys, func(f vfs.File) error {
				_, err := f.(io.WriterAt).WriteAt([]byte("z"), 0)
				return errors.Join(err, f.(vfs.AttrSetter).SetAttr(t.Context(), vfs.AttrChange{Written: set}))
			})
			checkTime(t, a, set)
		})
	}
}

// openAndClose opens f with all rights for what do does.
func openAndClose(t *testing.T, fsys vfs.FS, do func(vfs.File) error) {
	t.Helper()
	f, err := fsys.Open(t.Context(), "f", vfs.OpenOptions{Access: vfs.AccessFull})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(f), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func checkTime(t *testing.T, a afero.Fs, want time.Time) {
	t.Helper()
	if fi, err := a.Stat("f"); err != nil || !fi.ModTime().Equal(want) {
		t.Errorf("the time of last write is %v, %v; want %v", fi.ModTime(), err, want)
	}
}

// afero.FromIOFS has -1 for what was read where the files can't be read at any place.
func TestReadFails(t *testing.T) {
	m := fstest.MapFS{"f": {Data: []byte("one")}}
	f := openToRead(t, New(afero.FromIOFS{FS: onlyRead{m}}), "f")
	if n, err := f.ReadAt(make([]byte, 1), 0); n != 0 || err == nil {
		t.Errorf("ReadAt: %d, %v; want an error", n, err)
	}
}

// onlyRead has files that can be read from start to end only.
type onlyRead struct{ fs.FS }

func (o onlyRead) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	return struct{ fs.File }{f}, err
}

// asked counts how often it is asked what there is.
type asked struct {
	afero.Fs
	n int
}

func (a *asked) Stat(name string) (fs.FileInfo, error) {
	a.n++
	return a.Fs.Stat(name)
}

// To say why there is nothing deep down, not all that it would be in is looked at.
func TestMissingDeepDown(t *testing.T) {
	a := &asked{Fs: afero.NewMemMapFs()}
	fsys := New(a)
	if err := afero.WriteFile(a, "f", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for first, want := range map[string]error{"f": vfs.ErrNotDir, "x": fs.ErrNotExist} {
		a.n = 0
		_, err := fsys.Open(t.Context(), first+strings.Repeat("/x", 511), vfs.OpenOptions{})
		if !errors.Is(err, want) || a.n > 12 {
			t.Errorf("below %s: %.40v, after %d looks", first, err, a.n)
		}
	}
}
