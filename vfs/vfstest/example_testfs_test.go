package vfstest_test

import (
	"testing"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// A backend's own test, in its _test.go file.
func ExampleTestFS() {
	TestBackend := func(t *testing.T) {
		vfstest.TestFS(t, func(t *testing.T) vfs.FS {
			fsys := &memfs.FS{} // an empty backend; t.TempDir and t.Cleanup are of use
			return fsys
		})
	}
	_ = TestBackend // "go test -race" calls it
}
