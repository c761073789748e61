package signing

import (
	"errors"
	"fmt"
)

// TransformHeaderSize is the length of the SMB2 TRANSFORM_HEADER ([MS-SMB2] 2.2.41), in bytes.
const TransformHeaderSize = 52

// Inside the transform header: the tag, then the nonce, which is also where the authenticated part starts.
const (
	offTag   = 4
	offNonce = 20
)

// ErrAuthentication is returned by [Sealer.Open] for a frame that wasn't sealed with this key, or was changed since.
var ErrAuthentication = errors.New("signing: message authentication failed")

// Cipher is an encryption algorithm, with the numbers of [MS-SMB2] 2.2.3.1.2. Dialects 3.0 and 3.0.2 know only AES128CCM. The
// zero value is no cipher.
type Cipher uint16

const (
	AES128CCM Cipher = 1
	AES128GCM Cipher = 2
	AES256CCM Cipher = 3
	AES256GCM Cipher = 4
)

// String returns the name as the specification writes it.
func (c Cipher) String() string {
	switch c {
	case AES128CCM:
		return "AES-128-CCM"
	case AES128GCM:
		return "AES-128-GCM"
	case AES256CCM:
		return "AES-256-CCM"
	case AES256GCM:
		return "AES-256-GCM"
	}
	return fmt.Sprintf("Cipher(%#04x)", uint16(c))
}

// KeyLen returns the length of the key in bytes, 16 or 32, and 0 for an unknown cipher.
func (c Cipher) KeyLen() int {
	switch c {
	case AES128CCM, AES128GCM:
		return 16
	case AES256CCM, AES256GCM:
		return 32
	}
	return 0
}

// NonceLen returns how many bytes of the transform header's Nonce field the cipher uses, 11 or 12, and 0 for an unknown cipher.
func (c Cipher) NonceLen() int {
	switch c {
	case AES128CCM, AES256CCM:
		return 11
	case AES128GCM, AES256GCM:
		return 12
	}
	return 0
}

// A Sealer encrypts and decrypts frames with one key. It's immutable and may be used by many goroutines at once.
type Sealer struct {
	cipher Cipher
	gcm    *gcm // nil for CCM
	ccm    *ccm // nil for GCM
}

// NewSealer returns a Sealer. The key is copied; it must have c.KeyLen() bytes.
func NewSealer(c Cipher, key []byte) (*Sealer, error) {
	if c.KeyLen() == 0 {
		return nil, fmt.Errorf("signing: unknown cipher %#04x", uint16(c))
	}
	if len(key) != c.KeyLen() {
		return nil, fmt.Errorf("signing: %v with a key of %d bytes", c, len(key))
	}
	s := &Sealer{cipher: c}
	var err error
	if c == AES128CCM || c == AES256CCM {
		s.ccm, err = newCCM(key)
	} else {
		s.gcm, err = newGCM(key)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: %v: %w", c, err)
	}
	return s, nil
}

// Cipher returns what the Sealer was made with.
func (s *Sealer) Cipher() Cipher { return s.cipher }

// Seal encrypts frame in place. frame is a transform header and the plaintext; the caller has filled in all
// of the header but Signature, where Seal stores the tag. The nonce, Cipher().NonceLen() bytes and then zeros, must never have been
// used with this key.
//
// For the GCM ciphers the 16 bytes between len(frame) and cap(frame) are scratch space; where there's less Seal may allocate a buffer as large
// as the message. It panics if frame is shorter than the header.
func (s *Sealer) Seal(frame []byte) {
	text := frame[TransformHeaderSize:]
	tag := frame[offTag:offNonce]
	nonce := frame[offNonce : offNonce+s.cipher.NonceLen()]
	aad := frame[offNonce:TransformHeaderSize]
	if s.ccm != nil {
		s.ccm.seal(tag, nonce, aad, text)
		return
	}
	s.gcm.seal(tag, nonce, aad, text)
}

// Open decrypts frame in place and checks its tag. Wherever the tag is wrong, or frame is shorter than the header, it
// returns ErrAuthentication, and no plaintext is left in frame. The other fields of the header are the caller's to check.
// It has the same use for the room behind the frame as Seal.
func (s *Sealer) Open(frame []byte) error {
	if len(frame) < TransformHeaderSize {
		return ErrAuthentication
	}
	text := frame[TransformHeaderSize:]
	tag := frame[offTag:offNonce]
	nonce := frame[offNonce : offNonce+s.cipher.NonceLen()]
	aad := frame[offNonce:TransformHeaderSize]
	if s.ccm != nil {
		return s.ccm.open(tag, nonce, aad, text)
	}
	return s.gcm.open(tag, nonce, aad, text)
}
