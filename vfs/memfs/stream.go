package memfs

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// maxStreams is the most streams that an object can have: who lists them gets all at once.
const maxStreams = 4096

// stream is a named stream of a node, whose mutex guards it.
type stream struct {
	name    string // as spelled
	content content
	opens   int  // Files; each is one of the node's as well
	removed bool // no longer among the node's
}

func (s *stream) cost() int64 { return streamCost(s.name) }

func streamCost(name string) int64 { return nameCost + 2*int64(len(name)) }

// streamFile is a File of a stream. What it doesn't have itself is the node's.
type streamFile struct {
	handle
	stream *stream
}

var (
	_ vfs.Streamer = (*file)(nil)
	_ vfs.Streamer = (*dir)(nil)
	_ vfs.Streamer = (*streamFile)(nil)

	_ io.ReaderAt    = (*streamFile)(nil)
	_ io.WriterAt    = (*streamFile)(nil)
	_ vfs.Truncater  = (*streamFile)(nil)
	_ vfs.Syncer     = (*streamFile)(nil)
	_ vfs.AttrSetter = (*streamFile)(nil)
)

// forget takes a stream from the node and frees it unless a File is left. The
// node is locked.
func (n *node) forget(key string, s *stream, f *FS) {
	delete(n.streams, key)
	n.streams = shrunk(n.streams, &n.peak)
	s.removed = true
	f.release(s.cost())
	s.free(payer{f, n})
}

// free gives back what a stream that neither the node nor a File has took.
func (s *stream) free(by payer) {
	if s.removed && s.opens == 0 {
		by.free(&s.content)
	}
}

// OpenStream implements vfs.Streamer. An object can have 4,096 streams; one more is
// vfs.ErrNoSpace.
func (h *handle) OpenStream(_ context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	if err := h.allow(vfs.ValidStreamName(name)); err != nil {
		return nil, invalid(err)
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.streams[fold(name)]
	switch {
	case s == nil && !opt.Create:
		return nil, fs.ErrNotExist
	case s != nil && opt.Create && opt.Exclusive:
		return nil, fs.ErrExist
	case s == nil:
		if len(n.streams) >= maxStreams || !h.fs.reserve(streamCost(name)) {
			return nil, vfs.ErrNoSpace
		}
		s = &stream{name: strings.Clone(name)}
		n.addStream(s)
		n.changed = time.Now()
	}
	s.opens++
	n.opens.Add(1)
	f := &streamFile{stream: s}
	f.fs, f.node, f.reads, f.writes = h.fs, n, opt.Reads(), opt.Writes()
	return f, nil
}

// invalid tells a name that can't be from a File that is closed.
func invalid(err error) error {
	if err == fs.ErrPermission {
		return fs.ErrInvalid
	}
	return err
}

func (n *node) addStream(s *stream) {
	if n.streams == nil {
		n.streams = make(map[string]*stream)
	}
	n.streams[fold(s.name)] = s
	n.peak = max(n.peak, len(n.streams))
}

// Streams implements vfs.Streamer. It yields those that there were when the
// iteration began.
func (h *handle) Streams(ctx context.Context) iter.Seq2[vfs.StreamInfo, error] {
	return func(yield func(vfs.StreamInfo, error) bool) {
		if err := h.allow(true); err != nil {
			yield(vfs.StreamInfo{}, err)
			return
		}
		for _, info := range h.node.streamInfos() {
			if err := ctx.Err(); err != nil {
				yield(vfs.StreamInfo{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (n *node) streamInfos() []vfs.StreamInfo {
	n.mu.RLock()
	defer n.mu.RUnlock()
	infos := make([]vfs.StreamInfo, 0, len(n.streams))
	for _, s := range n.streams {
		infos = append(infos, vfs.StreamInfo{Name: s.name, Size: s.content.size, Alloc: s.content.alloc})
	}
	return infos
}

// RemoveStream implements vfs.Streamer.
func (h *handle) RemoveStream(_ context.Context, name string) error {
	if err := h.allow(true); err != nil {
		return err
	}
	n, key := h.node, fold(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.streams[key]
	if s == nil {
		return fs.ErrNotExist
	}
	n.forget(key, s, h.fs)
	n.changed = time.Now()
	return nil
}

// RenameStream implements vfs.Streamer.
func (h *handle) RenameStream(_ context.Context, from, to string, replace bool) error {
	if err := h.allow(vfs.ValidStreamName(to)); err != nil {
		return invalid(err)
	}
	n, key, newKey := h.node, fold(from), fold(to)
	n.mu.Lock()
	defer n.mu.Unlock()
	s, old := n.streams[key], n.streams[newKey]
	switch {
	case s == nil:
		return fs.ErrNotExist
	case old != nil && old != s && !replace:
		return fs.ErrExist
	}
	if !h.fs.reserve(streamCost(to)) {
		return vfs.ErrNoSpace
	}
	if old != nil && old != s {
		n.forget(newKey, old, h.fs)
	}
	delete(n.streams, key)
	h.fs.release(s.cost())
	s.name = strings.Clone(to)
	n.addStream(s)
	n.changed = time.Now()
	return nil
}

// Stat implements vfs.File.
func (h *streamFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := h.handle.Stat(ctx)
	if err != nil {
		return a, err
	}
	h.node.mu.RLock()
	defer h.node.mu.RUnlock()
	a.Mode, a.Size, a.Alloc = 0o666, h.stream.content.size, h.stream.content.alloc
	return a, nil
}

// Close implements vfs.File.
func (h *streamFile) Close() error {
	if h.closed.Swap(true) {
		return fs.ErrClosed
	}
	h.node.mu.Lock()
	h.stream.opens--
	h.stream.free(payer{h.fs, h.node})
	h.node.mu.Unlock()
	h.fs.closed(h.node)
	return nil
}

// ReadAt implements io.ReaderAt.
func (h *streamFile) ReadAt(p []byte, off int64) (int, error) {
	if err := h.allow(h.reads); err != nil {
		return 0, err
	}
	h.node.mu.RLock()
	defer h.node.mu.RUnlock()
	return h.stream.content.readAt(p, off)
}

// WriteAt implements io.WriterAt. It writes all or nothing.
func (h *streamFile) WriteAt(p []byte, off int64) (int, error) {
	if err := h.allow(h.writes); err != nil {
		return 0, err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := h.stream.content.writeAt(p, off, payer{h.fs, n}); err != nil {
		return 0, err
	}
	if len(p) > 0 {
		n.written = time.Now()
		n.changed = n.written
	}
	return len(p), nil
}

// Truncate implements vfs.Truncater.
func (h *streamFile) Truncate(size int64) error {
	if err := h.allow(h.writes); err != nil {
		return err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := h.stream.content.truncate(size, payer{h.fs, n}); err != nil {
		return err
	}
	n.written = time.Now()
	n.changed = n.written
	return nil
}
