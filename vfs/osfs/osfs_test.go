package osfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

func newFS(t testing.TB, opt *Options) *FS {
	t.Helper()
	return newFSAt(t, t.TempDir(), opt)
}

func newFSAt(t testing.TB, dir string, opt *Options) *FS {
	t.Helper()
	f, err := New(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestFS(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS { return newFS(t, nil) })
}

func TestReadOnlyFS(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"a": "content of a", "d/b": "b", "d/e/c": ""}
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	vfstest.TestReadOnlyFS(t, newFSAt(t, dir, nil), files)
}
