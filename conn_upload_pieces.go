package smb

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
)

// writeUpload writes what is to come, from off on.
func (r *request) writeUpload(ctx context.Context, off int64) error {
	u := r.ch.upload
	for {
		more, err := r.nextPiece(off)
		if !more || err != nil {
			return err
		}
		o, n := r.open, len(u.piece)
		if u.piece == nil {
			n = u.ready
		}
		if o.m.frozen() {
			return smb2.StatusMediaWriteProtected
		}
		if err := o.file.checkRange(o, uint64(off), uint64(n), true); err != nil {
			return err
		}
		if u.piece != nil {
			err = r.put(ctx, u.piece, off)
		} else {
			n, err = r.putPiped(ctx, off)
		}
		if err != nil {
			return err
		}
		off += int64(n)
	}
}

// nextPiece waits for the next piece, which is to be written at off, and reports whether there is one. Meanwhile the file can be closed,
// and the request be repeated on another channel.
func (r *request) nextPiece(off int64) (more bool, err error) {
	ch, u, o := r.ch, r.ch.upload, r.open
	r.uncount(o)
	r.open = nil
	o.unpin()
	if u.unwatch() {
		more, err = u.nextOfRest()
	} else {
		more, err = u.next(off)
		if u.left == 0 {
			ch.hasCome()
		}
		u.watch()
	}
	switch {
	case err != nil:
		r.c.abort(err)
		return false, smb2.StatusConnectionDisconnected // nobody gets it
	case !more:
		return false, nil
	}
	if r.open = r.se.pin(o.id, r.tree); r.open == nil {
		return false, smb2.StatusFileClosed
	}
	return true, r.sequenced(r.open)
}

// putPiped writes the piece in the pipe at off, and returns how much of it was written: less only if the rest is to be copied.
func (r *request) putPiped(ctx context.Context, off int64) (int, error) {
	u, o := r.ch.upload, r.open
	note := o.beforeWrite(ctx)
	n, err := o.splicer.WriteFromPipe(uintptr(u.via.r), off, int64(u.ready))
	u.via.n -= int(n)
	r.wrote(ctx, note, n)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		o.declines.Store(true)
		u.copies, err = true, nil
	case err == nil && n != int64(u.ready):
		err = io.ErrShortWrite
	}
	return int(n), err
}

// next waits for the next piece, which is to be written at off, and reports whether there is one.
func (u *upload) next(off int64) (more bool, err error) {
	timeout := u.c.srv.limits.WriteTimeout
	if u.via == nil && u.left > 0 && !u.copies {
		u.via = u.c.srv.conduits.get()
		u.copies = u.via == nil
	}
	for !u.copies && (u.left > 0 || u.via.n > 0) {
		if err := u.await(timeout); errors.Is(err, os.ErrDeadlineExceeded) || err == syscall.EINVAL {
			u.copies = true
			break
		} else if err != nil {
			return false, err
		}
		u.ready = u.via.n
		if u.left > 0 {
			u.ready -= int((off + int64(u.via.n)) % uploadAlign)
		}
		if u.ready > 0 {
			u.piece = nil
			return true, nil
		}
	}
	if u.held()+u.left == 0 {
		return false, nil
	}
	return true, u.copy(timeout)
}

// held returns how much is in the pipe.
func (u *upload) held() int {
	if u.via == nil {
		return 0
	}
	return u.via.n
}

// nextOfRest is next, when somebody else reads the connection: first there is what is in the pipe.
func (u *upload) nextOfRest() (more bool, err error) {
	switch {
	case u.failed != nil:
		return false, u.failed
	case u.held() > 0:
		return true, u.copy(0)
	case u.rest == nil || u.last:
		return false, nil
	}
	u.last, u.piece = true, u.rest.B
	return true, nil
}

// await moves some more into the pipe. The deadline passes if wakeBytes, or what is left if that is less, don't
// come in half of timeout.
func (u *upload) await(timeout time.Duration) error {
	if u.left == 0 {
		return nil
	}
	u.armed = true
	if n := min(u.left, wakeBytes); u.t.lowat != n {
		u.t.wakeAt(n)
	}
	if timeout > 0 {
		if err := u.t.nc.SetReadDeadline(time.Now().Add(timeout / 2)); err != nil {
			return err
		}
	}
	err := u.t.raw.Read(u.try)
	if err == nil {
		err = u.err
	}
	if err == nil && u.moved == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		u.left -= u.moved
	}
	return err
}

// move is await's system call.
func (u *upload) move(conn uintptr) bool {
	u.moved, u.err = u.via.take(conn, u.left)
	return u.err != syscall.EAGAIN
}

// copy reads a piece: what is in the pipe first.
func (u *upload) copy(timeout time.Duration) error {
	u.settle()
	if u.buf == nil {
		u.buf = frame.Get(firstRead)
	}
	held := min(u.held(), firstRead)
	u.piece = u.buf.B[:min(held+u.left, firstRead)]
	if held > 0 {
		if err := u.via.read(u.piece[:held]); err != nil {
			return err
		}
	}
	if u.held() == 0 {
		u.dropConduit()
	}
	if held == len(u.piece) {
		return nil
	}
	err := u.t.fill(u.piece, held, timeout)
	u.left -= len(u.piece) - held
	return err
}

func (u *upload) dropConduit() {
	if u.via != nil {
		u.c.srv.conduits.put(u.via)
		u.via = nil
	}
}

// settle undoes what await asked of the connection. Where that fails, it's over.
func (u *upload) settle() {
	if u.armed {
		u.armed = false
		u.t.wakeAt(1)
		u.t.nc.SetReadDeadline(time.Time{})
	}
}
