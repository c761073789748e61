package osfs

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// manyNames is for how many names a thread is worth its start.
const manyNames = 64

// errSpent tells onThread that a thread has become unfit for others.
var errSpent = errors.New("thread has a working directory of its own")

var _ vfs.NameStater = (*File)(nil)

// StatNames implements vfs.NameStater.
//
// Before Linux 6.13 there is no call for the extended attributes of a name in a directory
// that is open. The way by /proc takes six times as long as that from a working directory,
// so many names get a thread that has this one for its own.
func (h *File) StatNames(ctx context.Context, entries []vfs.DirEntry) error {
	if !h.dir {
		return h.fail("statnames", vfs.ErrNotDir)
	}
	if len(entries) >= manyNames && !h.fs.sys.noOwnDir.Load() {
		err := onThread(h.enter, func() error { return errSpent }, func() error {
			return h.statNames(ctx, entries, func(name string) string { return name })
		})
		if err != errSpent {
			return err
		}
		h.fs.sys.noOwnDir.Store(true)
	}
	return h.statNames(ctx, entries, func(name string) string { return h.fs.sys.xattrsPath(h.fd, name) })
}

// enter makes the directory the thread's, and only its, working directory.
func (h *File) enter() error {
	if unix.Unshare(unix.CLONE_FS) != nil || unix.Fchdir(h.fd) != nil {
		return errSpent
	}
	return nil
}

func (h *File) statNames(ctx context.Context, entries []vfs.DirEntry, way func(string) string) error {
	for i := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &entries[i]
		name := h.fs.local(e.Name)
		var ok bool
		if e.Attr, e.Xattrs, ok = h.nameAttr(h.fd, name, way(name)); !ok {
			e.Name = ""
		}
	}
	return nil
}
