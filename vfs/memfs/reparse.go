package memfs

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Reparser = (*file)(nil)
	_ vfs.Reparser = (*dir)(nil)
)

// Symlink implements vfs.Symlinker. Nothing follows a link: what is looked for below
// one isn't there.
func (f *FS) Symlink(ctx context.Context, target, name string, replace bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var maker vfs.SID
	if c := vfs.CallerFrom(ctx); c != nil {
		maker = c.SID
	}
	if err := f.symlink(target, name, replace, maker); err != nil {
		return &os.LinkError{Op: "symlink", Old: target, New: name, Err: err}
	}
	return nil
}

func (f *FS) symlink(target, name string, replace bool, maker vfs.SID) error {
	at, err := f.place(name)
	switch {
	case err != nil:
		return err
	case at.dir == nil, target == "", path.IsAbs(target):
		return fs.ErrInvalid
	case at.entry == nil:
	case !replace:
		return fs.ErrExist
	case at.entry.node.dir != nil && at.entry.node.dir.live > 0:
		return vfs.ErrNotEmpty
	}
	if !f.reserve(objectCost + at.cost() + int64(len(target))) {
		return vfs.ErrNoSpace
	}
	now := time.Now()
	if at.entry != nil {
		f.unlink(at.dir, at.entry, now)
	}
	n := f.newNode(false, now)
	n.target, n.maker = target, maker
	at.insert(n, now)
	return nil
}

// Readlink implements vfs.Symlinker.
func (f *FS) Readlink(_ context.Context, name string) (string, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n, err := f.lookup(name)
	if err == nil && n.target == "" {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return n.target, nil
}

// reparseCost is what a reparse point or link takes besides the object. The node is
// locked.
func (n *node) reparseCost() int64 {
	if n.reparse != nil {
		return int64(len(n.reparse.Data))
	}
	return int64(len(n.target))
}

// ReparsePoint implements vfs.Reparser.
func (h *handle) ReparsePoint(context.Context) (vfs.ReparsePoint, error) {
	if h.closed.Load() {
		return vfs.ReparsePoint{}, fs.ErrClosed
	}
	n := h.node
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.reparse == nil {
		return vfs.ReparsePoint{}, vfs.ErrNotReparsePoint
	}
	return *n.reparse, nil // its data is never written
}

// SetReparsePoint implements vfs.Reparser.
func (h *handle) SetReparsePoint(_ context.Context, p vfs.ReparsePoint) error {
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case h.closed.Load():
		return fs.ErrClosed
	case n.target != "" || p.Tag == 0 || len(p.Data) > vfs.MaxReparseData:
		return fs.ErrInvalid
	}
	more := int64(len(p.Data)) - n.reparseCost()
	if more > 0 && !h.fs.reserve(more) {
		return vfs.ErrNoSpace
	}
	if more < 0 {
		h.fs.release(-more)
	}
	p.Data = bytes.Clone(p.Data)
	n.reparse = &p
	n.changed = time.Now()
	return nil
}

// RemoveReparsePoint implements vfs.Reparser.
func (h *handle) RemoveReparsePoint(context.Context) error {
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case h.closed.Load():
		return fs.ErrClosed
	case n.reparse == nil:
		return vfs.ErrNotReparsePoint
	}
	h.fs.release(n.reparseCost())
	n.reparse = nil
	n.changed = time.Now()
	return nil
}
