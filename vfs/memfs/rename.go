package memfs

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// Rename implements vfs.Renamer. A file replaces a file and a directory an
// empty directory; anything else is vfs.ErrIsDir, vfs.ErrNotDir or
// vfs.ErrNotEmpty, and moving a directory below itself fs.ErrInvalid.
func (f *FS) Rename(_ context.Context, oldname, newname string, replace bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.rename(oldname, newname, replace); err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func (f *FS) rename(oldname, newname string, replace bool) error {
	from, to, err := f.places(oldname, newname)
	if err != nil {
		return err
	}
	now := time.Now()
	if to.entry == from.entry {
		return f.respell(from, to.elem, now)
	}
	n := from.entry.node
	if n.dir != nil && to.dir.within(n.dir) {
		return fs.ErrInvalid
	}
	if err := replaceable(n, to, replace); err != nil {
		return err
	}
	if !f.reserve(to.cost()) {
		return vfs.ErrNoSpace
	}
	if to.entry != nil {
		f.unlink(to.dir, to.entry, now)
	}
	// The new name comes first, as an object without a name is freed.
	to.insert(n, now)
	f.unlink(from.dir, from.entry, now)
	return nil
}

// respell changes the case of a name.
func (f *FS) respell(p place, elem string, now time.Time) error {
	if elem == p.entry.name {
		return nil
	}
	if more := 2 * int64(len(elem)-len(p.entry.name)); !f.reserve(more) {
		return vfs.ErrNoSpace
	}
	p.entry.name = strings.Clone(elem)
	p.entry.node.addLink(0, now)
	p.dir.node.touch(now)
	return nil
}

// Link implements vfs.Linker. Directories can't be linked: vfs.ErrIsDir.
func (f *FS) Link(_ context.Context, oldname, newname string, replace bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.link(oldname, newname, replace); err != nil {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: err}
	}
	return nil
}

func (f *FS) link(oldname, newname string, replace bool) error {
	from, to, err := f.places(oldname, newname)
	if err != nil {
		return err
	}
	n := from.entry.node
	if n.dir != nil {
		return vfs.ErrIsDir
	}
	if err := replaceable(n, to, replace); err != nil {
		return err
	}
	if to.entry != nil && to.entry.node == n {
		return nil
	}
	if n.attr().Links >= maxLinks {
		return vfs.ErrTooManyLink
	}
	if !f.reserve(to.cost()) {
		return vfs.ErrNoSpace
	}
	now := time.Now()
	if to.entry != nil {
		f.unlink(to.dir, to.entry, now)
	}
	to.insert(n, now)
	return nil
}

// places finds an object that exists and the place of its other name.
func (f *FS) places(oldname, newname string) (from, to place, err error) {
	if from, err = f.find(oldname); err != nil {
		return from, to, err
	}
	if from.dir != nil && from.entry == nil {
		return from, to, fs.ErrNotExist
	}
	if to, err = f.place(newname); err != nil {
		return from, to, err
	}
	if from.dir == nil || to.dir == nil {
		err = fs.ErrInvalid
	}
	return from, to, err
}

// replaceable reports why n can't take the place of what is at to.
func replaceable(n *node, to place, replace bool) error {
	if to.entry == nil {
		return nil
	}
	old := to.entry.node
	switch {
	case !replace:
		return fs.ErrExist
	case old.dir != nil && n.dir == nil:
		return vfs.ErrIsDir
	case old.dir == nil && n.dir != nil:
		return vfs.ErrNotDir
	case old.dir != nil && old.dir.live > 0:
		return vfs.ErrNotEmpty
	}
	return nil
}
