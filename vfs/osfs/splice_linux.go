package osfs

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Splicer = (*File)(nil)

// WriteFromPipe implements vfs.Splicer.
func (h *File) WriteFromPipe(pipe uintptr, off, n int64) (int64, error) {
	if err := h.content(); err != nil {
		return 0, h.fail("write", err)
	}
	if h.as == nil || !h.as.guarded() {
		return h.splice(int(pipe), off, n)
	}
	return h.spliceGuarded(int(pipe), off, n)
}

// spliceGuarded stands by itself as writeGuarded does.
func (h *File) spliceGuarded(pipe int, off, n int64) (wrote int64, err error) {
	err = h.change(func() (err error) {
		wrote, err = h.splice(pipe, off, n)
		return err
	})
	return wrote, err
}

func (h *File) splice(pipe int, off, n int64) (wrote int64, err error) {
	for wrote < n {
		k, err := unix.Splice(pipe, nil, h.fd, &off, int(n-wrote), unix.SPLICE_F_MOVE)
		wrote += int64(max(k, 0)) // k is an int on 32 bits
		switch {
		case err == unix.EINTR:
		case err == unix.EINVAL: // the file system can't
			return wrote, errors.ErrUnsupported
		case err != nil:
			return wrote, h.fail("write", err)
		case k == 0:
			return wrote, h.fail("write", io.ErrUnexpectedEOF)
		}
	}
	return wrote, nil
}
