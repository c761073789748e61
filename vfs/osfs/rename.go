package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// Rename gives the object another name. Without replace, the check and the act
// are one call on Linux and macOS; elsewhere a file is linked and its old name
// removed, and for a directory there is a lock, which other programs don't heed.
func (f *FS) Rename(ctx context.Context, oldname, newname string, replace bool) error {
	oldname, newname = f.local(oldname), f.local(newname)
	if err := f.checkNames(oldname, newname); err != nil {
		return f.fail("rename", oldname, err)
	}
	move := f.moveNew
	if replace {
		move = f.moveOver
		gone, err := f.lastLink(newname)
		if err != nil {
			return f.fail("rename", newname, err)
		}
		defer gone()
	}
	if err := f.as(ctx, func() error { return move(oldname, newname) }); err != nil {
		return f.fail("rename", oldname, err)
	}
	return nil
}

// moveOver replaces. The system does nothing if both are names of one file; the
// old name must go nevertheless, unless links to directories make two names of one. A link doesn't
// replace what it leads to.
func (f *FS) moveOver(oldname, newname string) error {
	if f.leadsTo(oldname, newname) {
		return fs.ErrExist
	}
	if err := f.rename(oldname, newname); err != nil || oldname == newname {
		return err
	}
	left, err := f.root.Lstat(oldname)
	if err != nil || left.IsDir() || isOnlyName(left) || f.sameEntry(oldname, newname) {
		return nil
	}
	if now, err := f.root.Lstat(newname); err != nil || !os.SameFile(left, now) || f.oneName(oldname, newname) {
		return nil
	}
	return f.unlink(oldname)
}

// leadsTo reports whether oldname is a link to the file called newname.
func (f *FS) leadsTo(oldname, newname string) bool {
	was, err := f.root.Lstat(oldname)
	if err != nil || was.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	target, err := f.root.Stat(oldname)
	if err != nil {
		return false
	}
	now, err := f.root.Lstat(newname)
	return err == nil && os.SameFile(target, now)
}

// sameEntry reports whether the names, which lead to one file, are the same one in one directory.
func (f *FS) sameEntry(a, b string) bool {
	if path.Base(a) != path.Base(b) {
		return false
	}
	da, err := f.root.Stat(path.Dir(a))
	if err != nil {
		return true // it isn't known, and a name too many does no harm
	}
	db, err := f.root.Stat(path.Dir(b))
	return err != nil || os.SameFile(da, db)
}

func (f *FS) moveNew(oldname, newname string) error {
	err := f.moveAtomic(oldname, newname)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return f.moveLocked(oldname, newname)
}

// moveLocked is for systems that have no call for it.
func (f *FS) moveLocked(oldname, newname string) error {
	f.nameMu.Lock()
	defer f.nameMu.Unlock()
	was, err := f.root.Lstat(oldname)
	if err != nil {
		return err
	}
	now, err := f.root.Lstat(newname)
	switch {
	case err == nil && os.SameFile(was, now) && f.oneName(oldname, newname):
		return f.rename(oldname, newname) // changes the case only
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if was.Mode().IsRegular() {
		if err := f.hardLink(oldname, newname); err == nil {
			return f.unlink(oldname)
		} else if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return f.rename(oldname, newname)
}

// oneName reports whether the names, which lead to one file, are one name to a
// file system that doesn't regard case: then one of them is listed.
func (f *FS) oneName(a, b string) bool {
	if a == b || !strings.EqualFold(a, b) {
		return a == b
	}
	dir, err := f.root.Open(path.Dir(a))
	if err != nil {
		return false
	}
	defer dir.Close()
	var seenA, seenB bool
	for {
		names, err := dir.Readdirnames(dirBatch)
		for _, n := range names {
			seenA = seenA || n == path.Base(a)
			seenB = seenB || n == path.Base(b)
		}
		if err != nil {
			return !seenA || !seenB
		}
	}
}

// Link gives the file a further name. With replace, the link is made under a
// temporary name in the same directory and then renamed.
func (f *FS) Link(ctx context.Context, oldname, newname string, replace bool) error {
	oldname, newname = f.local(oldname), f.local(newname)
	if err := f.checkNames(oldname, newname); err != nil {
		return f.fail("link", oldname, err)
	}
	if replace {
		gone, err := f.lastLink(newname)
		if err != nil {
			return f.fail("link", newname, err)
		}
		defer gone()
	}
	err := f.as(ctx, func() error {
		err := f.hardLink(oldname, newname)
		if replace && errors.Is(err, fs.ErrExist) {
			err = f.linkOver(oldname, newname)
		}
		return err
	})
	if err != nil {
		return f.fail("link", oldname, err)
	}
	return nil
}

func (f *FS) linkOver(oldname, newname string) error {
	temp := path.Join(path.Dir(newname), temporaryName())
	if err := f.hardLink(oldname, temp); err != nil {
		return err
	}
	err := f.rename(temp, newname)
	// Both may have been names of one file already: then the system did
	// nothing, and the temporary one is still there.
	if gone := f.unlink(temp); err == nil && gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = gone
	}
	return err
}

var _ vfs.Renamer = (*FS)(nil)
