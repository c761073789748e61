package osfs

import (
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
