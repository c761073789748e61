package vfs_test

import (
	"io"
	"log"
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// The wrapper of the example does all that what it wraps does, and nothing that it notes
// gets past it.
func TestWrapper(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	t.Run("mem", func(t *testing.T) {
		vfstest.TestFS(t, func(*testing.T) vfs.FS { return &auditFS{FS: &memfs.FS{}, log: quiet} })
	})
	fsys, err := osfs.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	f, err := (&auditFS{FS: fsys, log: quiet}).Open(t.Context(), ".", vfs.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(vfs.Reopener); ok {
		t.Error("the file shows the Reopener of what it wraps")
	}
}
