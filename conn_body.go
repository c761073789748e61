package smb

import (
	"errors"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
)

// fileBody is content of a file that follows the reply to a READ, from the system to the
// connection. The server never has it in memory, so this is for replies that are neither
// signed nor encrypted.
type fileBody struct {
	open   *open // pinned; nil: there is none
	off, n int64
	sent   int64
}

const (
	// leastBody is the least that is sent so: for less, another system call is dearer
	// than the copy.
	leastBody = 64 << 10

	// bodyPiece is how much is copied at a time if the system can't send it after all.
	bodyPiece = 256 << 10
)

// end gives up the open.
func (b *fileBody) end() {
	b.open.unpin()
	b.open = nil
}

// readLater has up to n bytes from off follow the reply, as a body. It returns how many
// that will be; zero: they are to be read.
func (r *request) readLater(w *reply, off int64, n int) int {
	o, ch := r.open, r.ch
	if n < leastBody || o.sender == nil || !r.c.tr.sendsBodies() || w.signer != nil || r.sealed || ch.started || len(ch.rest) > 0 {
		return 0
	}
	size, err := o.sender.ContentSize()
	if err != nil || size-off < leastBody {
		return 0
	}
	n = int(min(int64(n), size-off))
	o.pins.Add(1) // the request has it pinned, so it isn't being closed
	ch.body = fileBody{open: o, off: off, n: int64(n)}
	w.buf.B = smb2.ReadResponse{}.AppendFixed(w.buf.B, n)
	return n
}

// sendBody sends b. What the file has lost since the reply was made is zero.
func (t *tcp) sendBody(b *fileBody, timeout time.Duration) (err error) {
	defer func() {
		if p := recover(); p != nil { // of a backend, perhaps on a goroutine that nobody else guards
			b.open.srv.log.Error("smb: panic", "panic", p, "stack", string(debug.Stack()))
			err = dropError{"internal error"}
		}
	}()
	t.sending.Store(true)
	defer t.sending.Store(false)
	if t.closed.Load() { // so close may not have seen the other
		return net.ErrClosed
	}
	err = t.patiently(timeout, func() (int64, error) {
		k, err := b.open.sender.SendTo(t.raw, b.off+b.sent, b.n-b.sent)
		b.sent += k
		return k, err
	})
	if err == io.EOF || errors.Is(err, errors.ErrUnsupported) {
		return t.copyBody(b, timeout)
	}
	return err
}

// copyBody sends what of b is left by way of memory.
func (t *tcp) copyBody(b *fileBody, timeout time.Duration) error {
	buf := frame.Get(bodyPiece)
	defer buf.Free()
	for b.sent < b.n {
		p := buf.B[:min(bodyPiece, b.n-b.sent)]
		n, err := readAt(b.open.reader, p, b.off+b.sent)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		clear(p[n:])
		b.sent += int64(len(p))
		err = t.patiently(timeout, func() (int64, error) {
			k, err := t.nc.Write(p)
			p = p[k:]
			return int64(k), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// close implements transport. To close a [net.TCPConn] is to wait until nobody uses its descriptor.
func (t *tcp) close() {
	t.closed.Store(true)
	if t.sending.Load() {
		go t.nc.Close()
		return
	}
	t.nc.Close()
}

// sendsBodies implements transport.
func (t *tcp) sendsBodies() bool { return t.raw != nil }
