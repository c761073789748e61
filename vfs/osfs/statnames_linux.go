package osfs

import (
	"context"

	"github.com/gosmbd/smb/vfs"
)

// manyNames is for how many names it is worth to go to another thread.
const manyNames = 16

var _ vfs.NameStater = (*File)(nil)

// StatNames implements vfs.NameStater.
func (h *File) StatNames(ctx context.Context, entries []vfs.DirEntry) error {
	if !h.dir {
		return h.fail("statnames", vfs.ErrNotDir)
	}
	if len(entries) >= manyNames {
		done, err := h.fs.sys.dirThreads.within(h.fd, func() error {
			return h.statNames(ctx, entries, func(name string) string { return name })
		})
		if done {
			return err
		}
	}
	return h.statNames(ctx, entries, func(name string) string { return h.fs.sys.xattrsPath(h.fd, name) })
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
