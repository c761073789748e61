package smb

import (
	"encoding/binary"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
)

// receiveSealed decrypts a frame in place and starts it. [MS-SMB2] 3.3.5.2.1.1
func (c *conn) receiveSealed(buf *frame.Buf) error {
	h, err := smb2.ParseTransformHeader(buf.B)
	if err != nil {
		return c.badFrame(buf, "malformed transform header")
	}
	x := c.channel(h.SessionID)
	if x == nil {
		return c.badFrame(buf, "encrypted for no session of this connection")
	}
	se := x.se
	keys := se.keys.Load()
	if keys == nil || keys.in == nil {
		return c.badFrame(buf, "encrypted, but the session has no keys")
	}
	const n = smb2.TransformHeaderSize
	if uint64(h.OriginalMessageSize) != uint64(len(buf.B)-n) || len(buf.B) < n+smb2.HeaderSize {
		return c.badFrame(buf, "transform header with a wrong size")
	}
	if err := keys.in.Open(buf.B); err != nil {
		return c.badFrame(buf, "decryption failed")
	}
	if b := buf.B[n:]; b[0] != 0xFE {
		return c.badFrame(buf, "encrypted within encrypted")
	}
	return c.start(buf, n, se)
}

// seal encrypts the message in buf, which begins after the headroom, in place.
// [MS-SMB2] 3.1.4.3
func (se *session) seal(buf *frame.Buf) {
	keys := se.keys.Load()
	h := smb2.TransformHeader{
		OriginalMessageSize: uint32(len(buf.B) - frame.Headroom),
		Flags:               1,
		SessionID:           se.id,
	}
	// A nonce must never come twice under one key; all channels share it.
	binary.LittleEndian.PutUint64(h.Nonce[:], se.nonce.Add(1))
	buf.Grow(frame.Tailroom)
	h.Put(buf.B[frame.Headroom-smb2.TransformHeaderSize:])
	keys.out.Seal(buf.B[frame.Headroom-smb2.TransformHeaderSize:])
}
