package osfs

import (
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// Changes of names. With openat2 the way to them is walked at once, and takes the right
// to pass the directories only, not to list them as with os.Root.

// inParent calls act with the directory of name and the last element.
func (f *FS) inParent(name string, act func(dirfd int, base string) error) error {
	if name == "." {
		return fs.ErrInvalid
	}
	dirfd, err := f.beneath(path.Dir(name), pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dirfd)
	return again(func() error { return act(dirfd, path.Base(name)) })
}

// inParents is inParent for two names.
func (f *FS) inParents(a, b string, act func(dirA int, baseA string, dirB int, baseB string) error) error {
	return f.inParent(a, func(dirA int, baseA string) error {
		return f.inParent(b, func(dirB int, baseB string) error { return act(dirA, baseA, dirB, baseB) })
	})
}

func (f *FS) mkdir(name string, mode fs.FileMode) error {
	if !f.sys.openat2 {
		if err := f.way(name); err != nil {
			return err
		}
		return f.root.Mkdir(name, mode)
	}
	return f.inParent(name, func(dirfd int, base string) error { return unix.Mkdirat(dirfd, base, uint32(mode.Perm())) })
}

// unlink removes a file, a link or an empty directory.
func (f *FS) unlink(name string) error {
	if !f.sys.openat2 {
		if err := f.way(name); err != nil {
			return err
		}
		return f.root.Remove(name)
	}
	return f.inParent(name, func(dirfd int, base string) error {
		err := unix.Unlinkat(dirfd, base, 0)
		if err != unix.EISDIR && err != unix.EPERM { // what it says of a directory
			return err
		}
		if e := unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR); e != unix.ENOTDIR {
			return e
		}
		return err
	})
}

// rename replaces what is called newname, but for a directory, as package os does.
func (f *FS) rename(oldname, newname string) error {
	if !f.sys.openat2 {
		if err := f.way(oldname, newname); err != nil {
			return err
		}
		return f.root.Rename(oldname, newname)
	}
	return f.inParents(oldname, newname, func(olddir int, oldbase string, newdir int, newbase string) error {
		var was, now status
		if now.at(newdir, newbase) == nil && now.dir() {
			if err := was.at(olddir, oldbase); err != nil {
				return err
			}
			if oldname == newname || was.dev != now.dev || was.ino != now.ino {
				return unix.EEXIST
			}
		}
		return unix.Renameat(olddir, oldbase, newdir, newbase)
	})
}

func (f *FS) hardLink(oldname, newname string) error {
	if !f.sys.openat2 {
		if err := f.way(oldname, newname); err != nil {
			return err
		}
		return f.root.Link(oldname, newname)
	}
	return f.inParents(oldname, newname, func(olddir int, oldbase string, newdir int, newbase string) error {
		return unix.Linkat(olddir, oldbase, newdir, newbase, 0)
	})
}

func (f *FS) softLink(target, name string) error {
	if !f.sys.openat2 {
		if err := f.way(name); err != nil {
			return err
		}
		return f.root.Symlink(target, name)
	}
	return f.inParent(name, func(dirfd int, base string) error { return unix.Symlinkat(target, dirfd, base) })
}
