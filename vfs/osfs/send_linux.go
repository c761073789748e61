package osfs

import (
	"errors"
	"io"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Sender = (*File)(nil)

// sending is a sendfile(2) under way.
type sending struct {
	from      int
	off, left int64
	err       error
	try       func(conn uintptr) bool // of this very sending
}

var sendings = sync.Pool{New: func() any {
	s := new(sending)
	s.try = s.send
	return s
}}

// send sends as much as the connection takes now. It reports whether that is all.
func (s *sending) send(conn uintptr) bool {
	for s.left > 0 {
		n, err := unix.Sendfile(int(conn), s.from, &s.off, int(min(s.left, 1<<30)))
		s.left -= int64(max(n, 0))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err != nil:
			s.err = err
			return true
		case n == 0:
			s.err = io.EOF
			return true
		}
	}
	return true
}

// ContentSize implements vfs.Sender.
func (h *File) ContentSize() (int64, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(h.fd, &st) })
	return st.Size, h.fail("stat", err)
}

// SendTo implements vfs.Sender.
func (h *File) SendTo(conn syscall.RawConn, off, n int64) (int64, error) {
	if err := h.content(); err != nil {
		return 0, h.fail("read", err)
	}
	s := sendings.Get().(*sending)
	s.from, s.off, s.left, s.err = h.fd, off, n, nil
	err := conn.Write(s.try)
	if err == nil {
		err = s.err
	}
	sent := n - s.left
	s.from, s.err = -1, nil
	sendings.Put(s)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EOVERFLOW, unix.ESPIPE:
		// The file system has no pages to send, or the end of the connection isn't a socket.
		return sent, errors.ErrUnsupported
	}
	return sent, err
}
