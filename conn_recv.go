package smb

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/gosmbd/smb/internal/frame"
)

// transport moves frames. TCP with a 4-byte length before each is the first
// one, [MS-SMB2] 2.1.
type transport interface {
	// recv returns the next frame, no longer than c.maxFrame. Its memory
	// beyond the first smallFrame bytes is taken from c's budget; c.release
	// gives it back.
	recv(c *conn) (*frame.Buf, error)

	// send writes frames in one go. Each begins at its off, before which
	// there is room for what the transport prefixes.
	send(frames []outFrame, deadline time.Time) error
}

const (
	// smallFrame is the length up to which a frame is not counted against
	// the budgets: credits bound their number.
	smallFrame = 4 << 10
	// firstRead is the most that is read before more memory is taken, so
	// that an announced length alone holds nothing. Up to this length the
	// frame is counted together with its reply.
	firstRead = 64 << 10
)

type tcp struct {
	nc  net.Conn
	r   *bufio.Reader
	vec net.Buffers
}

func newTCP(nc net.Conn) *tcp {
	return &tcp{nc: nc, r: bufio.NewReaderSize(nc, 4<<10)}
}

func (t *tcp) recv(c *conn) (*frame.Buf, error) {
	var n int
	for {
		var hdr [4]byte
		p, err := t.r.Peek(4)
		if err != nil {
			return nil, err
		}
		copy(hdr[:], p)
		t.r.Discard(4)
		// The type octet of RFC 1002: 0x85 is a keep-alive.
		if hdr[0] == 0x85 {
			continue
		}
		if hdr[0] != 0 {
			return nil, dropError{"not an SMB2 frame"}
		}
		n = int(binary.BigEndian.Uint32(hdr[:]))
		break
	}
	if n > c.maxFrame() {
		return nil, dropError{"frame too long"}
	}
	if n > firstRead {
		if err := c.admit(n); err != nil {
			return nil, err
		}
	}
	first := min(n, firstRead)
	buf := frame.Get(first + frame.Tailroom)
	buf.B = buf.B[:first]
	_, err := io.ReadFull(t.r, buf.B)
	if err == nil && n > first {
		buf.Grow(n - first + frame.Tailroom)
		buf.B = buf.B[:n]
		_, err = io.ReadFull(t.r, buf.B[first:])
	}
	if err != nil {
		if n > firstRead {
			c.unadmit(n)
		}
		buf.Free()
		return nil, err
	}
	return buf, nil
}

// send prefixes each frame with its length and writes all with one writev.
func (t *tcp) send(frames []outFrame, deadline time.Time) error {
	t.vec = t.vec[:0]
	for _, f := range frames {
		b := f.buf.B[f.off-4:]
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		t.vec = append(t.vec, b)
	}
	if err := t.nc.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if len(t.vec) == 1 {
		_, err := t.nc.Write(t.vec[0])
		return err
	}
	vec := t.vec
	_, err := t.vec.WriteTo(t.nc)
	clear(vec)
	t.vec = vec[:0]
	return err
}

// admit waits until n bytes fit the budgets. Whoever waits holds nothing of them,
// or two that wait could keep each other waiting.
func (c *conn) admit(n int) error {
	if err := c.memory.acquire(c.ctx, n); err != nil {
		return err
	}
	if err := c.srv.memory.acquire(c.ctx, n); err != nil {
		c.memory.release(n)
		return err
	}
	return nil
}

func (c *conn) unadmit(n int) {
	c.memory.release(n)
	c.srv.memory.release(n)
}

// release frees a received frame that no chain took over.
func (c *conn) release(buf *frame.Buf) {
	if n := len(buf.B); n > firstRead {
		c.unadmit(n)
	}
	buf.Free()
}
