package aferofs

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

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
