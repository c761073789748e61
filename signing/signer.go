package signing

import (
	"crypto/subtle"
	"fmt"
)

// Size is the length of a signature and of an authentication tag, in bytes.
const Size = 16

// HeaderSize is the length of the SMB2 header ([MS-SMB2] 2.2.1), in bytes.
const HeaderSize = 64

const offSignature = 48

// Algorithm is a signing algorithm, with the numbers of [MS-SMB2] 2.2.3.1.7. Dialects 2.x use HMACSHA256, 3.0 and 3.0.2 AESCMAC,
// and so does 3.1.1 unless another was negotiated.
type Algorithm uint16

const (
	HMACSHA256 Algorithm = 0
	AESCMAC    Algorithm = 1
	AESGMAC    Algorithm = 2
)

// String returns the name as the specification writes it.
func (a Algorithm) String() string {
	switch a {
	case HMACSHA256:
		return "HMAC-SHA256"
	case AESCMAC:
		return "AES-CMAC"
	case AESGMAC:
		return "AES-GMAC"
	}
	return fmt.Sprintf("Algorithm(%#04x)", uint16(a))
}

// mac is a keyed hash cut to 16 bytes, safe for many goroutines.
type mac interface {
	sum(sig *[Size]byte, msg []byte)
}

// A Signer signs and verifies messages with one key. It's immutable and may be used by many goroutines at once.
type Signer struct {
	alg Algorithm
	mac mac
}

// NewSigner returns a Signer. The key is copied; it has 16 bytes for AES, and at least one for HMAC.
func NewSigner(alg Algorithm, key []byte) (*Signer, error) {
	var m mac
	var err error
	switch {
	case alg > AESGMAC:
		return nil, fmt.Errorf("signing: unknown algorithm %#04x", uint16(alg))
	case len(key) == 0, alg != HMACSHA256 && len(key) != 16:
		return nil, fmt.Errorf("signing: %v with a key of %d bytes", alg, len(key))
	case alg == HMACSHA256:
		m = newHMAC(key)
	case alg == AESCMAC:
		m, err = newCMAC(key)
	default:
		m, err = newGMAC(key)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: %v: %w", alg, err)
	}
	return &Signer{alg, m}, nil
}

// Algorithm returns what the Signer was made with.
func (s *Signer) Algorithm() Algorithm { return s.alg }

// Sign stores the signature of msg in its header. msg is one element of a frame: header, body, and the padding up to
// the next element. The caller has set SMB2_FLAGS_SIGNED. It panics if msg is shorter than a header.
//
// With AESGMAC the nonce is the MessageId and the direction, and two messages signed under one nonce give the key away. So a server
// must sign one response per MessageId: neither an interim response ([MS-SMB2] 3.3.4.1.1) nor a break
// notification (3.3.4.6), whose MessageId is all ones, is signed.
func (s *Signer) Sign(msg []byte) {
	field := (*[Size]byte)(msg[offSignature:HeaderSize])
	clear(field[:])
	s.mac.sum(field, msg)
}

// Verify reports whether msg carries the right signature, in time that doesn't depend on where they differ. It says no to
// anything shorter than a header. The signature field is zeroed meanwhile, so no one else may read msg; on return
// msg is as it was.
//
// Signer doesn't know which end it serves: a server has to refuse SMB2_FLAGS_SERVER_TO_REDIR in a request, or its own
// responses could be played back to it.
func (s *Signer) Verify(msg []byte) bool {
	if len(msg) < HeaderSize {
		return false
	}
	field := (*[Size]byte)(msg[offSignature:HeaderSize])
	got := *field
	clear(field[:])
	s.mac.sum(field, msg)
	ok := subtle.ConstantTimeCompare(field[:], got[:]) == 1
	*field = got
	return ok
}
