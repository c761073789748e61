package smb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gosmbd/smb/internal/frame"
)

// transport moves frames. TCP with a 4-byte length before each is the first
// one, [MS-SMB2] 2.1.
type transport interface {
	// recv returns the next frame, no longer than c.maxFrame. Its memory
	// beyond the first smallFrame bytes is taken from c's budget; c.release
	// gives it back. With an upload it's the beginning of a frame, and there is no
	// next one before the upload has read the rest.
	recv(c *conn) (*frame.Buf, *upload, error)

	// send writes frames in one go. Each begins at its off, before which
	// there is room for what the transport prefixes.
	send(frames []outFrame, timeout time.Duration) error

	// more reports whether some of the next frame has come.
	more() bool

	// sendsBodies reports whether the frames may have a body.
	sendsBodies() bool

	// close ends the connection. It doesn't wait for a body, which may wait for the storage.
	close()
}

const (
	// smallFrame is the length up to which a frame is not counted against
	// the budgets: credits bound their number.
	smallFrame = 4 << 10
	// firstRead is the most that is read before more memory is taken, so
	// that an announced length alone holds nothing. Up to this length the
	// frame is counted together with its reply.
	firstRead = 64 << 10
	// strangersRead is the same before the first logon: they get little more than four
	// times what they sent.
	strangersRead = 16 << 10
	// readAhead is the size of the buffer that the connection is read into.
	readAhead = 4 << 10
	// leastProgress is what a client must send or take of a large frame, in
	// bytes, within WriteTimeout.
	leastProgress = 16 << 10
	// wakeBytes is what the reader of a large frame sleeps for.
	wakeBytes = 256 << 10
	// looks is how often within WriteTimeout a client is looked at that takes nothing.
	// The system's buffers take the first of what it is sent.
	looks = 6
)

type tcp struct {
	nc  net.Conn
	r   *bufio.Reader
	vec net.Buffers
	raw syscall.RawConn // nil if not all that is written goes straight to the system

	try   func(fd uintptr) bool // of writeAtOnce
	wrote int                   // by try

	setLowat func(fd uintptr) // of wakeAt
	lowat    int              // for setLowat
	lowatErr error            // of setLowat

	closed  atomic.Bool // or about to be
	sending atomic.Bool // a body

	pressed func() bool   // others wait for memory
	dormant *atomic.Int32 // Server.dormant
}

func newTCP(nc net.Conn, pressed func() bool, dormant *atomic.Int32) *tcp {
	t := &tcp{nc: nc, pressed: pressed, dormant: dormant}
	switch nc := nc.(type) { // and no others: they may do more than write
	case *net.TCPConn:
		t.raw, _ = nc.SyscallConn()
	case *net.UnixConn:
		t.raw, _ = nc.SyscallConn()
	}
	t.r = bufio.NewReaderSize(t.reader(), readAhead)
	return t
}

func (t *tcp) more() bool { return t.r.Buffered() > 0 }

func (t *tcp) recv(c *conn) (*frame.Buf, *upload, error) {
	var n int
	for {
		var hdr [4]byte
		p, err := t.r.Peek(4)
		if err != nil {
			return nil, nil, err
		}
		copy(hdr[:], p)
		t.r.Discard(4)
		// The type octet of RFC 1002: 0x85 is a keep-alive.
		if hdr[0] == 0x85 {
			continue
		}
		if hdr[0] != 0 {
			return nil, nil, dropError{"not an SMB2 frame"}
		}
		n = int(binary.BigEndian.Uint32(hdr[:]))
		break
	}
	if n > c.maxFrame() {
		return nil, nil, dropError{"frame too long"}
	}
	// What the reader's own buffer can hold has to come before there is another.
	if _, err := t.r.Peek(min(n, readAhead-4)); err != nil {
		return nil, nil, err
	}
	if u := t.newUpload(c, n); u != nil {
		buf, err := u.begin(n)
		if err != nil {
			u.end()
			return nil, nil, err
		}
		return buf, u, nil
	}
	first := min(n, firstRead)
	some := first
	if n > smallFrame && !c.authed.Load() {
		some = min(first, strangersRead)
	}
	buf := frame.Get(some + frame.Tailroom)
	buf.B = buf.B[:some]
	_, err := io.ReadFull(t.r, buf.B)
	if err == nil && some < first {
		buf.Grow(first - some + frame.Tailroom)
		buf.B = buf.B[:first]
		_, err = io.ReadFull(t.r, buf.B[some:])
	}
	if err == nil && n > first {
		err = t.recvRest(c, buf, n)
	}
	if err != nil {
		buf.Free()
		return nil, nil, err
	}
	return buf, nil, nil
}

// recvRest reads the rest of a frame of n bytes. Memory is taken from the budget
// only now that some of it has come, and not kept by a client that stops.
func (t *tcp) recvRest(c *conn, buf *frame.Buf, n int) error {
	if err := c.admit(frameCost(n)); err != nil {
		return err
	}
	got := len(buf.B)
	buf.Grow(n - got + frame.Tailroom)
	buf.B = buf.B[:n]
	err := t.fill(buf.B, got, c.srv.limits.WriteTimeout)
	if err != nil {
		c.unadmit(frameCost(n))
	}
	return err
}

// fill reads p from got on. A client that sends less than leastProgress in timeout is
// given up.
func (t *tcp) fill(p []byte, got int, timeout time.Duration) error {
	since, had := time.Now(), got // when leastProgress was begun to be waited for
	fresh := true                 // the deadline is to be set
	raised, slow := false, false  // the system waits for wakeBytes; the client is too slow for that
	defer func() {
		if raised {
			t.wakeAt(1)
		}
	}()
	for got < len(p) {
		if raise := !slow && len(p)-got >= wakeBytes; raise && !raised {
			raised = t.wakeAt(wakeBytes)
			slow = !raised
		} else if !raise && raised {
			t.wakeAt(1) // if it fails, the connection is over
			raised, fresh = false, true
		}
		if fresh && timeout > 0 {
			wait := timeout
			if raised {
				wait /= 2 // in the other half what has come is looked at
			}
			if err := t.nc.SetReadDeadline(since.Add(wait)); err != nil {
				return err
			}
			fresh = false
		}
		k, err := t.r.Read(p[got:min(len(p), had+wakeBytes)])
		got += k
		switch {
		case err == nil && got-had < wakeBytes:
			continue
		case err == nil:
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case raised:
			slow = true
			continue
		case got-had < leastProgress:
			return err
		}
		since, had, fresh = time.Now(), got, true
	}
	if timeout > 0 {
		return t.nc.SetReadDeadline(time.Time{})
	}
	return nil
}

// send prefixes each frame with its length and writes all with one writev, but for
// bodies. A client that takes less than leastProgress in timeout is given up.
func (t *tcp) send(frames []outFrame, timeout time.Duration) error {
	for len(frames) > 0 {
		n := 1
		for n < len(frames) && frames[n-1].body.n == 0 {
			n++
		}
		if err := t.sendBuffers(frames[:n], timeout); err != nil {
			return err
		}
		if b := &frames[n-1].body; b.n > 0 {
			if err := t.sendBody(b, timeout); err != nil {
				return err
			}
		}
		frames = frames[n:]
	}
	return nil
}

func (t *tcp) sendBuffers(frames []outFrame, timeout time.Duration) error {
	t.vec = t.vec[:0]
	for _, f := range frames {
		b := f.buf.B[f.off-4:]
		binary.BigEndian.PutUint32(b, uint32(int64(len(b)-4)+f.body.n))
		t.vec = append(t.vec, b)
	}
	vec := t.vec
	defer func() {
		clear(vec)
		if t.vec = vec[:0]; cap(vec) > 4*burst {
			t.vec = nil
		}
	}()
	if t.writeAtOnce() {
		return nil
	}
	return t.patiently(timeout, func() (int64, error) { return t.vec.WriteTo(t.nc) })
}

// patiently has write called again and again, as long as the client takes something in
// timeout; or less long, if others wait for memory. Write goes on where it was.
func (t *tcp) patiently(timeout time.Duration, write func() (int64, error)) error {
	now := time.Now()
	mark, took := now, int64(0) // what the client took since then
	slow := false               // it didn't take all of it for a look
	defer func() {
		if slow {
			t.dormant.Add(-1)
		}
	}()
	for {
		var deadline time.Time
		if timeout > 0 {
			deadline = now.Add(timeout / looks)
		}
		if err := t.nc.SetWriteDeadline(deadline); err != nil {
			return err
		}
		n, err := write()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if !slow {
			slow = true
			t.dormant.Add(1)
		}
		if took += n; took >= leastProgress {
			mark, took = now, 0 // slow, but reading
		}
		now = time.Now()
		if d := now.Sub(mark); d >= timeout || d >= timeout/looks && t.pressed() {
			return err
		}
	}
}

// frameCost is what a frame of n bytes counts: all of the buffer that it takes.
func frameCost(n int) int { return frame.Size(n + frame.Tailroom) }

// admit waits until n bytes fit the budgets; more than the whole of the connection's
// counts as the whole. Whoever waits holds nothing of them, or two that wait could keep
// each other waiting.
func (c *conn) admit(n int) error { return c.admitWithin(c.ctx, n) }

func (c *conn) admitWithin(ctx context.Context, n int) error {
	n = min(n, int(c.memory.max))
	if err := c.memory.acquire(ctx, n, nil); err != nil {
		return err
	}
	if err := c.srv.memory.acquire(ctx, n, &c.memory); err != nil {
		c.memory.release(n)
		return err
	}
	return nil
}

// tryAdmit is admit for those who can do without.
func (c *conn) tryAdmit(n int) bool {
	n = min(n, int(c.memory.max))
	if !c.memory.tryAcquire(n, nil) {
		return false
	}
	if !c.srv.memory.tryAcquire(n, &c.memory) {
		c.memory.release(n)
		return false
	}
	return true
}

func (c *conn) unadmit(n int) {
	n = min(n, int(c.memory.max))
	c.memory.release(n)
	c.srv.memory.release(n)
}

// release frees a received frame that no chain took over.
func (c *conn) release(buf *frame.Buf) {
	if n := len(buf.B); n > firstRead {
		c.unadmit(frameCost(n))
	}
	c.frame = nil
	buf.Free()
}
