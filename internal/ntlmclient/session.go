package ntlmclient

import (
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"errors"
)

// Session protects messages after a logon, [MS-NLMP] 3.4, with extended session security.
type Session struct{ out, in way }

// way is one direction.
type way struct {
	key    []byte
	stream *rc4.Cipher
	seq    uint32
	kx     bool
}

// Session begins after Authenticate. Signed is how many messages either side has signed
// before, for SPNEGO.
func (c *Client) Session(signed uint32) (*Session, error) {
	way := func(name string) (w way, err error) {
		weak := c.key[:5]
		if c.flags&flag128 != 0 {
			weak = c.key
		} else if c.flags&flag56 != 0 {
			weak = c.key[:7]
		}
		w.key = md5sum(c.key, "session key to "+name+" signing key magic constant\x00")
		w.stream, err = rc4.NewCipher(md5sum(weak, "session key to "+name+" sealing key magic constant\x00"))
		w.seq, w.kx = signed, c.flags&flagKeyExch != 0
		return w, err
	}
	out, err1 := way("client-to-server")
	in, err2 := way("server-to-client")
	return &Session{out, in}, errors.Join(err1, err2)
}

func (w *way) sign(parts ...[]byte) []byte {
	le := binary.LittleEndian
	sum := mac(w.key, append([][]byte{le.AppendUint32(nil, w.seq)}, parts...)...)[:8]
	if w.kx {
		w.stream.XORKeyStream(sum, sum)
	}
	sig := le.AppendUint32(append([]byte{1, 0, 0, 0}, sum...), w.seq)
	w.seq++
	return sig
}

// Sign signs the next message.
func (s *Session) Sign(parts ...[]byte) []byte { return s.out.sign(parts...) }

// Verify reports whether the server signed a message.
func (s *Session) Verify(sig []byte, parts ...[]byte) bool {
	return hmac.Equal(sig, s.in.sign(parts...))
}

// Seal signs the next message and encrypts its body in place.
func (s *Session) Seal(head, body, tail []byte) []byte {
	plain := append([]byte{}, body...)
	s.out.stream.XORKeyStream(body, body)
	return s.out.sign(head, plain, tail)
}

// Unseal decrypts the body of the server's next message in place, and reports whether the
// server sealed it.
func (s *Session) Unseal(sig, head, body, tail []byte) bool {
	s.in.stream.XORKeyStream(body, body)
	return s.Verify(sig, head, body, tail)
}
