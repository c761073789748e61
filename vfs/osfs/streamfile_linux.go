package osfs

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// streamFile is an open stream. What isn't the stream's own is done by base, a
// descriptor of the object without access to its content.
type streamFile struct {
	base   *File
	object *streamObject
	stream *openStream
	opt    vfs.OpenOptions
	closed atomic.Bool
}

var (
	_ io.ReaderAt    = (*streamFile)(nil)
	_ io.WriterAt    = (*streamFile)(nil)
	_ vfs.Truncater  = (*streamFile)(nil)
	_ vfs.Syncer     = (*streamFile)(nil)
	_ vfs.AttrSetter = (*streamFile)(nil)
	_ vfs.Streamer   = (*streamFile)(nil)
)

// load returns the content, which store may be given changed. The object is
// locked.
func (s *streamFile) load() ([]byte, error) {
	if s.stream.removed {
		return s.stream.content, nil
	}
	value, err := s.base.readAttr(s.stream.attr)
	return streamContent(value), err
}

// store replaces the content. The object is locked for writing.
func (s *streamFile) store(content []byte) error {
	if s.stream.removed {
		s.stream.content = content
		return nil
	}
	// If another program removed the stream it isn't made again.
	err := s.base.change(func() error {
		return s.base.writeAttr(s.stream.attr, appendStream(nil, content), unix.XATTR_REPLACE)
	})
	if err != nil {
		return err
	}
	s.base.touch()
	if s.opt.WriteThrough {
		return s.sync()
	}
	return nil
}

// Stat returns the object's attributes with the stream's size.
func (s *streamFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := s.base.Stat(ctx)
	if err != nil {
		return a, err
	}
	s.object.mu.RLock()
	defer s.object.mu.RUnlock()
	a.Mode = a.Mode.Perm()
	if side := s.stream.side; side != nil {
		var st status
		err := st.fd(int(side.Fd()))
		a.Size, a.Alloc = st.size, st.blocks*512
		return a, s.fail("stat", err)
	}
	content, err := s.load()
	if err != nil {
		return vfs.Attr{}, s.fail("stat", err)
	}
	a.Size, a.Alloc = int64(len(content)), 0
	return a, nil
}

// ReadAt implements io.ReaderAt.
func (s *streamFile) ReadAt(b []byte, off int64) (int, error) {
	if err := s.allow(s.opt.Reads(), off); err != nil {
		return 0, s.fail("read", err)
	}
	s.object.mu.RLock()
	defer s.object.mu.RUnlock()
	if side := s.stream.side; side != nil {
		n, err := side.ReadAt(b, off)
		if err != io.EOF {
			err = s.fail("read", err)
		}
		return n, err
	}
	content, err := s.load()
	if err != nil {
		return 0, s.fail("read", err)
	}
	if len(b) == 0 {
		return 0, nil
	}
	n := copy(b, content[min(off, int64(len(content))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt. It writes all or nothing.
func (s *streamFile) WriteAt(b []byte, off int64) (int, error) {
	err := s.allow(s.opt.Writes(), off)
	if err == nil && len(b) > 0 {
		err = s.change(off+int64(len(b)), func(content []byte, end int) []byte {
			content = resize(content, max(len(content), end))
			copy(content[off:], b)
			return content
		}, func(side *os.File) error {
			_, err := side.WriteAt(b, off)
			return err
		})
	}
	if err != nil {
		return 0, s.fail("write", err)
	}
	return len(b), nil
}

// Truncate sets the end of the stream.
func (s *streamFile) Truncate(size int64) error {
	err := s.allow(s.opt.Writes(), size)
	if err == nil {
		err = s.change(size, resize, func(side *os.File) error { return side.Truncate(size) })
	}
	return s.fail("truncate", err)
}

// change replaces the content by what edit makes of it, which is given how far
// it reaches. Where that doesn't fit into an attribute, or didn't before, it is done to a
// sidecar.
func (s *streamFile) change(end int64, edit func(content []byte, end int) []byte, aside func(side *os.File) error) error {
	if end < 0 { // a sum that overflowed
		return vfs.ErrNoSpace
	}
	s.object.mu.Lock()
	defer s.object.mu.Unlock()
	if s.stream.side == nil {
		content, err := s.load()
		if err != nil {
			return err
		}
		err = vfs.ErrNoSpace
		if end <= maxStream {
			if err = s.store(edit(content, int(end))); !isFull(err) {
				return err
			}
		}
		if s.moveAside() != nil {
			return err // that there is no room elsewhere either
		}
	}
	if err := s.base.change(func() error { return aside(s.stream.side) }); err != nil {
		return err
	}
	if s.stream.removed {
		return nil
	}
	s.base.touch()
	if s.opt.WriteThrough {
		return s.sync()
	}
	return nil
}

// resize cuts, or appends zeros.
func resize(content []byte, size int) []byte {
	if size <= len(content) {
		return content[:size]
	}
	return append(content, make([]byte, size-len(content))...)
}

// allow reports why what needs the given right can't be done.
func (s *streamFile) allow(right bool, off int64) error {
	switch {
	case s.closed.Load():
		return fs.ErrClosed
	case !right:
		return fs.ErrPermission
	case off < 0:
		return fs.ErrInvalid
	}
	return nil
}

// Sync returns when what was written is on stable storage.
func (s *streamFile) Sync() error {
	s.object.mu.RLock()
	defer s.object.mu.RUnlock()
	return s.fail("sync", s.sync())
}

// sync syncs the object, which its attributes belong to, after what they refer to.
func (s *streamFile) sync() error {
	if side := s.stream.side; side != nil {
		if err := side.Sync(); err != nil {
			return err
		}
	}
	fd := s.base.fd
	if s.base.path {
		content, err := s.base.fs.reopen(fd, os.O_RDONLY|unix.O_NONBLOCK)
		if err != nil {
			return err
		}
		defer unix.Close(content)
		fd = content
	}
	return again(func() error { return unix.Fsync(fd) })
}

// SetAttr changes the object's attributes.
func (s *streamFile) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	return s.base.SetAttr(ctx, c)
}

// OpenStream is that of the object, as are those that follow.
func (s *streamFile) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	return s.base.OpenStream(ctx, name, opt)
}

// Streams implements vfs.Streamer.
func (s *streamFile) Streams(ctx context.Context) iter.Seq2[vfs.StreamInfo, error] {
	return s.base.Streams(ctx)
}

// RemoveStream implements vfs.Streamer.
func (s *streamFile) RemoveStream(ctx context.Context, name string) error {
	return s.base.RemoveStream(ctx, name)
}

// RenameStream implements vfs.Streamer.
func (s *streamFile) RenameStream(ctx context.Context, from, to string, replace bool) error {
	return s.base.RenameStream(ctx, from, to, replace)
}

// Close closes the stream.
func (s *streamFile) Close() error {
	if s.closed.Swap(true) {
		return s.fail("close", fs.ErrClosed)
	}
	o := s.object
	o.mu.Lock()
	if s.stream.files--; s.stream.files == 0 {
		if !s.stream.removed {
			delete(o.open, s.stream.attr)
		}
		if s.stream.side != nil {
			s.stream.side.Close()
		}
	}
	o.mu.Unlock()
	// The entry goes first: once the descriptor is closed the inode number may
	// become another file's.
	s.base.fs.sys.streams.release(o)
	return s.base.Close()
}

func (s *streamFile) fail(op string, err error) error { return s.base.failStream(op, err) }
