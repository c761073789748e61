package smb

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// upload is the rest of a large WRITE that goes on from the connection to the file piece by piece as it comes, without ever
// being in the server's memory: that takes half the time. So this is for those that are neither signed nor encrypted. The
// read goroutine works them off.
//
// A client that is lost in the middle of its WRITE may have changed a part of what it was about to change. It
// has no answer and can't tell.
type upload struct {
	t       *tcp
	via     *conduit
	left    int  // bytes of the frame that are still to be read
	copies  bool // the client is slow, or the system can't move what is left
	armed   bool // the connection waits for so much, and not for ever
	fetched bool // fetch was called: somebody else reads the connection

	buf   *frame.Buf // the piece to be written, if it's copied; else
	ready int        // so much of what is in the pipe

	moved int // by try
	err   error
	try   func(conn uintptr) bool // move, made once
}

const (
	// leastUpload is the length of the shortest frame that is handled so. For others the
	// system calls cost more than the copy.
	leastUpload = 128 << 10

	// uploadAlign is what pieces end at: a part of a page would have the system read the
	// rest of it first.
	uploadAlign = 4 << 10

	// uploadSlow is how long a piece may take to be written. The connection isn't read meanwhile, so if the
	// storage takes longer, a worker does what is left and the next uploadRest WRITEs.
	uploadSlow = 20 * time.Millisecond
	uploadRest = 20
)

var uploads = sync.Pool{New: func() any {
	u := new(upload)
	u.try = u.move
	return u
}}

// newUpload returns an upload for the frame of n bytes that comes next; nil if it's to be read like any other.
func (t *tcp) newUpload(c *conn, n int) *upload {
	if _, ok := t.nc.(*net.TCPConn); !ok || t.raw == nil || n < leastUpload {
		return nil
	}
	b, err := t.r.Peek(t.r.Buffered())
	if err != nil || b[0] != 0xFE {
		return nil
	}
	left := c.uploads(b, n)
	if left == 0 {
		return nil
	}
	if c.uploadRest > 0 {
		c.uploadRest--
		return nil
	}
	p := c.srv.conduits.get()
	if p == nil {
		return nil
	}
	u := uploads.Get().(*upload)
	u.t, u.via, u.left = t, p, left
	return u
}

// uploads reports how many of the n bytes of the frame that begins with b can be uploaded: it's to be a WRITE to a file that
// takes content from a pipe. The rest of what is to be known of it is found out when it's worked off.
func (c *conn) uploads(b []byte, n int) int {
	h, err := smb2.ParseHeader(b)
	if err != nil || h.Command != smb2.CommandWrite || h.NextCommand != 0 || h.Flags&(smb2.FlagSigned|smb2.FlagRelated) != 0 {
		return 0
	}
	req, err := smb2.ParseWriteRequestStart(b, n-len(b))
	if err != nil {
		return 0
	}
	x := c.channel(h.SessionID)
	if x == nil {
		return 0
	}
	o := x.se.pin(req.FileID, nil)
	defer o.unpin()
	if o == nil || o.splicer == nil || o.access&vfs.WriteData == 0 {
		return 0 // who may only append writes where the file ends, which mustn't change meanwhile
	}
	if req.Flags&smb2.WriteFlagWriteThrough != 0 || o.options&smb2.OptionWriteThrough != 0 {
		return 0 // that waits for the storage
	}
	pad := -(int(req.Offset&(uploadAlign-1)) + len(req.Data)) & (uploadAlign - 1)
	return n - len(b) - pad
}

// begin reads the beginning of the frame of n bytes.
func (u *upload) begin(n int) (*frame.Buf, error) {
	ahead := u.t.r.Buffered()
	buf := frame.Get(n - u.left)
	_, err := io.ReadFull(u.t.r, buf.B[:ahead])
	if err == nil { // of the rest t.r is to have nothing
		_, err = io.ReadFull(u.t.nc, buf.B[ahead:])
	}
	if err != nil {
		buf.Free()
		return nil, err
	}
	return buf, nil
}

// end gives u up.
func (u *upload) end(c *conn) {
	c.srv.conduits.put(u.via)
	u.buf.Free()
	*u = upload{try: u.try}
	uploads.Put(u)
}

// runUpload works off ch, of whose frame only the beginning has come.
func (c *conn) runUpload(ch *chain, u *upload) error {
	c.serial = min(c.serial, 0)
	if n := &c.srv.inline; n.last.Load() != c {
		n.last.Store(c)
	}
	defer u.end(c)
	ch.upload = u
	err := ch.run()
	if u.fetched {
		return errRelieved
	}
	return err
}

// skip reads what is left of the frame, which is of no use: the next one comes after it.
func (u *upload) skip(timeout time.Duration) error {
	u.settle()
	if u.left == 0 {
		return nil
	}
	buf := frame.Get(firstRead)
	defer buf.Free()
	for u.left > 0 {
		k := min(u.left, firstRead)
		if err := u.t.fill(buf.B[:k], 0, timeout); err != nil {
			return err
		}
		u.left -= k
	}
	return nil
}

// coming returns how much of the request is still to be read.
func (r *request) coming() int {
	if u := r.ch.upload; u != nil {
		return u.left
	}
	return 0
}

// fetch reads what is left of the request, if anything is, to where the rest of it is, and has another goroutine read on. Who is about to wait for
// something that this very client may have to do must call it.
func (r *request) fetch() error {
	ch, c, u := r.ch, r.c, r.ch.upload
	if u == nil {
		return nil
	}
	u.settle()
	had, held := len(ch.in.B), u.via.n
	n := had + held + u.left
	c.unadmit(ch.cost)
	ch.cost = 0
	if err := c.admit(frameCost(n)); err != nil {
		return err
	}
	ch.cost = frameCost(n)
	ch.in.Grow(n - had + frame.Tailroom)
	ch.in.B = ch.in.B[:n]
	err := u.via.read(ch.in.B[had : had+held])
	if err == nil {
		err = u.t.fill(ch.in.B, had+held, c.srv.limits.WriteTimeout)
	}
	if err != nil {
		return err
	}
	r.msg = ch.in.B
	u.left, u.fetched, ch.upload = 0, true, nil
	ch.hasCome()
	c.srv.wg.Add(1) // the read goroutine, which this is, has one
	go c.serve()
	return nil
}

// stillComing is when a request began that isn't there yet, as chain.began: no client is told that it's being worked on.
const stillComing = math.MaxInt64

// hasCome notes that the request is there.
func (ch *chain) hasCome() {
	ch.c.mu.Lock()
	ch.began = ch.c.srv.clock.Load()
	ch.c.mu.Unlock()
}

// writeUpload writes what is to come, from off on.
func (r *request) writeUpload(ctx context.Context, off int64) error {
	u, slow := r.ch.upload, false
	for u.left > 0 || u.via.n > 0 {
		data, err := r.nextPiece(off, slow)
		if err != nil {
			return err
		}
		o, n := r.open, len(data)
		if data == nil {
			n = u.ready
		}
		if o.m.frozen() {
			return smb2.StatusMediaWriteProtected
		}
		if err := o.file.checkRange(o, uint64(off), uint64(n), true); err != nil {
			return err
		}
		began := time.Now()
		if data != nil {
			err = r.put(ctx, data, off)
		} else {
			n, err = r.putPiped(ctx, off)
		}
		if err != nil {
			return err
		}
		off += int64(n)
		if !u.fetched && time.Since(began) > uploadSlow {
			slow, r.c.uploadRest = true, uploadRest
		}
	}
	return nil
}

// nextPiece waits for the next piece, which is to be written at off: all that is left, if the storage is slow. Nil: it's in the
// pipe. Meanwhile the file can be closed.
func (r *request) nextPiece(off int64, slow bool) (data []byte, err error) {
	ch, u, o := r.ch, r.ch.upload, r.open
	r.open = nil
	o.unpin()
	if slow {
		had := len(ch.in.B)
		if err = r.fetch(); err == nil {
			data = ch.in.B[had:]
		}
	} else if err = u.next(off, r.c.srv.limits.WriteTimeout); u.copies {
		data = u.buf.B
	}
	if err != nil {
		r.c.abort(err)
	}
	if u.left == 0 {
		ch.hasCome()
	}
	if r.open = r.se.pin(o.id, r.tree); r.open == nil {
		r.uncount(o)
		return nil, smb2.StatusFileClosed
	}
	if err != nil {
		return nil, smb2.StatusConnectionDisconnected // nobody gets it
	}
	return data, nil
}

// putPiped writes the piece in the pipe at off, and returns how much of it was written: less only if the rest is to be copied.
func (r *request) putPiped(ctx context.Context, off int64) (int, error) {
	u, o := r.ch.upload, r.open
	note := o.beforeWrite(ctx)
	n, err := o.splicer.WriteFromPipe(uintptr(u.via.r), off, int64(u.ready))
	u.via.n -= int(n)
	r.wrote(ctx, note, n)
	if errors.Is(err, errors.ErrUnsupported) {
		u.copies, err = true, nil
	}
	return int(n), err
}

// next waits for the next piece, which is to be written at off.
func (u *upload) next(off int64, timeout time.Duration) error {
	for !u.copies {
		if err := u.await(timeout); errors.Is(err, os.ErrDeadlineExceeded) || err == syscall.EINVAL {
			u.copies = true
			break
		} else if err != nil {
			return err
		}
		u.ready = u.via.n
		if u.left > 0 {
			u.ready -= int((off + int64(u.via.n)) % uploadAlign)
		}
		if u.ready > 0 {
			return nil
		}
	}
	return u.copy(timeout)
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
	u.buf.B = u.buf.B[:min(u.via.n+u.left, firstRead)]
	held := min(u.via.n, len(u.buf.B))
	if err := u.via.read(u.buf.B[:held]); err != nil {
		return err
	}
	if held == len(u.buf.B) {
		return nil
	}
	err := u.t.fill(u.buf.B, held, timeout)
	u.left -= len(u.buf.B) - held
	return err
}

// settle undoes what await asked of the connection. Where that fails, it's over.
func (u *upload) settle() {
	if u.armed {
		u.armed = false
		u.t.wakeAt(1)
		u.t.nc.SetReadDeadline(time.Time{})
	}
}
