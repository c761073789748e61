package osfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// caseSensitive is how macOS formats volumes unless told otherwise.
const caseSensitive = false

func (f *FS) parent(dir string) (*os.File, error) {
	return f.root.OpenFile(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

// moveExclusive renames unless the new name exists.
func moveExclusive(olddir int, oldname string, newdir int, newname string) error {
	err := unix.RenameatxNp(olddir, oldname, newdir, newname, unix.RENAME_EXCL)
	if err == unix.ENOTSUP || err == unix.EINVAL {
		return errors.ErrUnsupported // by the file system
	}
	return err
}
