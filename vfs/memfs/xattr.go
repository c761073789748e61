package memfs

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Xattrer = (*file)(nil)
	_ vfs.Xattrer = (*dir)(nil)
	_ vfs.Xattrer = (*streamFile)(nil)
)

// Xattrs implements vfs.Xattrer.
func (h *handle) Xattrs(context.Context) ([]vfs.Xattr, error) {
	if err := h.allow(true); err != nil {
		return nil, err
	}
	h.node.mu.RLock()
	defer h.node.mu.RUnlock()
	// Values are replaced, never changed.
	return slices.Clone(h.node.xattrs), nil
}

// SetXattrs implements vfs.Xattrer.
func (h *handle) SetXattrs(_ context.Context, changes []vfs.Xattr) error {
	if err := h.allow(true); err != nil {
		return err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	next, err := changed(n.xattrs, changes)
	if err != nil {
		return err
	}
	more := xattrsCost(next) - xattrsCost(n.xattrs)
	if vfs.XattrsSize(next) > vfs.MaxXattrs || more > 0 && !h.fs.reserve(more) {
		return vfs.ErrNoSpace
	}
	if more < 0 {
		h.fs.release(-more)
	}
	n.xattrs, n.changed = next, time.Now()
	return nil
}

func (n *node) xattrsSize() uint32 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return uint32(vfs.XattrsSize(n.xattrs))
}

// changed returns list after changes.
func changed(list, changes []vfs.Xattr) ([]vfs.Xattr, error) {
	list = slices.Clone(list)
	at := make(map[string]int, len(list))
	for i, x := range list {
		at[vfs.FoldXattrName(x.Name)] = i
	}
	for _, x := range changes {
		if !vfs.ValidXattrName(x.Name) {
			return nil, fs.ErrInvalid
		}
		x.Value = bytes.Clone(x.Value)
		if i, found := at[vfs.FoldXattrName(x.Name)]; found {
			x.Name = list[i].Name
			list[i] = x
		} else {
			list = append(list, x)
		}
	}
	return slices.DeleteFunc(list, func(x vfs.Xattr) bool { return len(x.Value) == 0 }), nil
}

func xattrsCost(list []vfs.Xattr) (n int64) {
	for _, x := range list {
		n += nameCost + int64(x.Size())
	}
	return n
}
