package memfs

import (
	"io/fs"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Chmoder = (*file)(nil)
	_ vfs.Chowner = (*file)(nil)
	_ vfs.Chmoder = (*dir)(nil)
	_ vfs.Chowner = (*dir)(nil)
)

// Chmod implements vfs.Chmoder. The bits are stored and not enforced.
func (h *handle) Chmod(mode fs.FileMode) error {
	return h.change(func(n *node) { n.mode = mode & vfs.PosixBits })
}

// Chown implements vfs.Chowner.
func (h *handle) Chown(uid, gid int) error {
	return h.change(func(n *node) {
		if uid >= 0 {
			n.uid = uint32(uid)
		}
		if gid >= 0 {
			n.gid = uint32(gid)
		}
	})
}

func (h *handle) change(what func(n *node)) error {
	if h.closed.Load() {
		return fs.ErrClosed
	}
	h.node.mu.Lock()
	defer h.node.mu.Unlock()
	what(h.node)
	h.node.changed = time.Now()
	return nil
}
