package memfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// maxCopy is the most that one CopyRange copies, as it holds two locks.
const maxCopy = 16 << 20

// handle is what files and directories that are open have in common.
type handle struct {
	fs     *FS
	node   *node
	reads  bool
	writes bool
	closed atomic.Bool
}

type file struct{ handle }

type dir struct{ handle }

var (
	_ io.ReaderAt     = (*file)(nil)
	_ io.WriterAt     = (*file)(nil)
	_ vfs.Truncater   = (*file)(nil)
	_ vfs.Syncer      = (*file)(nil)
	_ vfs.AttrSetter  = (*file)(nil)
	_ vfs.RangeCopier = (*file)(nil)

	_ vfs.DirReader  = (*dir)(nil)
	_ vfs.Syncer     = (*dir)(nil)
	_ vfs.AttrSetter = (*dir)(nil)
)

// handle makes a File of n. FS.mu is held, so n has a name and isn't freed meanwhile. It
// isn't locked, as who writes to it would keep all from the tree.
func (f *FS) handle(n *node, opt vfs.OpenOptions) vfs.File {
	n.opens.Add(1)
	if n.dir != nil {
		d := &dir{}
		d.fs, d.node = f, n
		return d
	}
	h := &file{}
	content := n.target == ""
	h.fs, h.node, h.reads, h.writes = f, n, content && opt.Reads(), content && opt.Writes()
	return h
}

// Stat implements vfs.File.
func (h *handle) Stat(context.Context) (vfs.Attr, error) {
	if h.closed.Load() {
		return vfs.Attr{}, fs.ErrClosed
	}
	return h.node.attr(), nil
}

// Close implements vfs.File.
func (h *handle) Close() error {
	if h.closed.Swap(true) {
		return fs.ErrClosed
	}
	h.fs.closed(h.node)
	return nil
}

// Sync implements vfs.Syncer; memory needs no flush.
func (h *handle) Sync() error {
	if h.closed.Load() {
		return fs.ErrClosed
	}
	return nil
}

// SetAttr implements vfs.AttrSetter.
func (h *handle) SetAttr(_ context.Context, c vfs.AttrChange) error {
	if h.closed.Load() {
		return fs.ErrClosed
	}
	h.node.setAttr(c)
	return nil
}

// allow reports why what needs the given right can't be done.
func (h *handle) allow(right bool) error {
	switch {
	case h.closed.Load():
		return fs.ErrClosed
	case !right:
		return fs.ErrPermission
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (h *file) ReadAt(p []byte, off int64) (int, error) {
	if err := h.allow(h.reads); err != nil {
		return 0, err
	}
	h.node.mu.RLock()
	defer h.node.mu.RUnlock()
	return h.node.content.readAt(p, off)
}

// WriteAt implements io.WriterAt. It writes all or nothing.
func (h *file) WriteAt(p []byte, off int64) (int, error) {
	if err := h.allow(h.writes); err != nil {
		return 0, err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.content.writeAt(p, off, payer{h.fs, n}); err != nil {
		return 0, err
	}
	if len(p) > 0 {
		n.written = time.Now()
		n.changed = n.written
	}
	return len(p), nil
}

// Truncate implements vfs.Truncater.
func (h *file) Truncate(size int64) error {
	if err := h.allow(h.writes); err != nil {
		return err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.content.truncate(size, payer{h.fs, n}); err != nil {
		return err
	}
	n.written = time.Now()
	n.changed = n.written
	return nil
}

// CopyRange implements vfs.RangeCopier. It declines ranges of one file that
// overlap, and files of another FS.
func (h *file) CopyRange(_ context.Context, off int64, src vfs.File, srcOff, n int64) (int64, error) {
	s, ok := vfs.As[*file](src)
	if !ok || s.fs != h.fs {
		return 0, errors.ErrUnsupported
	}
	if err := errors.Join(h.allow(h.writes), s.allow(s.reads)); err != nil {
		return 0, err
	}
	if err := errors.Join(checkRange(off, n), checkRange(srcOff, n)); err != nil {
		return 0, err
	}
	defer lockBoth(h.node, s.node)()
	n = min(n, maxCopy, s.node.content.size-srcOff)
	if n <= 0 {
		return 0, nil
	}
	if h.node == s.node && off < srcOff+n && srcOff < off+n {
		return 0, errors.ErrUnsupported
	}
	if err := h.node.content.copyFrom(&s.node.content, off, srcOff, n, payer{h.fs, h.node}); err != nil {
		return 0, err
	}
	h.node.written = time.Now()
	h.node.changed = h.node.written
	return n, nil
}

// lockBoth locks dst for writing and src for reading, in the order of their
// ids, and returns what unlocks them.
func lockBoth(dst, src *node) (unlock func()) {
	switch {
	case dst == src:
		dst.mu.Lock()
		return dst.mu.Unlock
	case dst.id < src.id:
		dst.mu.Lock()
		src.mu.RLock()
	default:
		src.mu.RLock()
		dst.mu.Lock()
	}
	return func() {
		src.mu.RUnlock()
		dst.mu.Unlock()
	}
}

// ReadDir implements vfs.DirReader. It yields the names that the directory had
// when the iteration began and still has; no lock is held meanwhile.
func (d *dir) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		if d.closed.Load() {
			yield(vfs.DirEntry{}, fs.ErrClosed)
			return
		}
		c := d.fs.newCursor(d.node.dir)
		for {
			if err := ctx.Err(); err != nil {
				yield(vfs.DirEntry{}, err)
				return
			}
			e, ok := c.next(d.fs)
			if !ok || !yield(e, nil) {
				return
			}
		}
	}
}
