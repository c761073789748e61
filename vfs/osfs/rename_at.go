//go:build linux || darwin

package osfs

import "path"

// moveAtomic renames unless the new name exists, in one call.
func (f *FS) moveAtomic(oldname, newname string) error {
	olddir, err := f.parent(path.Dir(oldname))
	if err != nil {
		return err
	}
	defer olddir.Close()
	newdir, err := f.parent(path.Dir(newname))
	if err != nil {
		return err
	}
	defer newdir.Close()
	return again(func() error {
		return moveExclusive(int(olddir.Fd()), path.Base(oldname), int(newdir.Fd()), path.Base(newname))
	})
}
