package smb_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gosmbd/smb/vfs/osfs"
)

// diskBackends are directories of the machine. What a tmpfs does differently, such as which inode numbers come again,
// matters to the server.
func diskBackends() []modelBackendKind {
	onTmpfs := func(t testing.TB) modelBackend {
		base, err := os.MkdirTemp("/dev/shm", "smb-model")
		noErr(t, err)
		t.Cleanup(func() { os.RemoveAll(base) })
		return onDirectory(t, base)
	}
	onDisk := func(t testing.TB) modelBackend { return onDirectory(t, t.TempDir()) }
	return []modelBackendKind{
		{name: "tmpfs", exact: true, links: true, disk: true, make: onTmpfs},
		{name: "disk", exact: true, links: true, disk: true, make: onDisk},
		{name: "tmpfs-cases", exact: true, links: true, disk: true, cases: true, make: onTmpfs},
		{name: "disk-cases", exact: true, links: true, disk: true, cases: true, make: onDisk},
	}
}

func onDirectory(t testing.TB, base string) modelBackend {
	b := modelBackend{dir: filepath.Join(base, "share"), outside: filepath.Join(base, "outside")}
	noErr(t, os.Mkdir(b.dir, 0o755))
	noErr(t, os.Mkdir(b.outside, 0o755))
	fsys, err := osfs.New(b.dir, nil)
	noErr(t, err)
	t.Cleanup(func() { fsys.Close() })
	b.fs = fsys
	return b
}
