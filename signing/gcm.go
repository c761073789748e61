package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// gcm is AES-GCM, NIST SP 800-38D, with a nonce of 12 bytes and a tag of 16.
type gcm struct {
	wide *wideGCM    // nil where the processor hasn't the instructions for it
	aead cipher.AEAD // where it hasn't
}

// newGCM takes a key of 16 or 32 bytes.
func newGCM(key []byte) (*gcm, error) {
	if w := newWideGCM(key); w != nil {
		return &gcm{wide: w}, nil
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		return nil, err
	}
	return &gcm{aead: aead}, nil
}

// seal encrypts text in place and stores the tag. The 16 bytes behind text are scratch space, where there are as many.
func (g *gcm) seal(tag, nonce, aad, text []byte) {
	if g.wide != nil {
		sum := g.wide.crypt(nonce, aad, text, false)
		copy(tag, sum[:])
		return
	}
	out := g.aead.Seal(text[:0], nonce, text, aad)
	copy(tag, out[len(text):])
	if cap(text) < len(out) {
		copy(text, out)
	}
}

// open decrypts text in place; if the tag is wrong it zeroes text and returns ErrAuthentication. It has the same use for the bytes
// behind text as seal.
func (g *gcm) open(tag, nonce, aad, text []byte) error {
	if g.wide != nil {
		sum := g.wide.crypt(nonce, aad, text, true)
		if subtle.ConstantTimeCompare(sum[:], tag) != 1 {
			clear(text)
			return ErrAuthentication
		}
		return nil
	}
	// crypto/cipher wants the tag behind the ciphertext; without room there, append moves both to a new buffer.
	sealed := append(text, tag...)
	if _, err := g.aead.Open(sealed[:0], nonce, sealed, aad); err != nil {
		clear(text)
		return ErrAuthentication
	}
	if cap(text) < len(sealed) {
		copy(text, sealed)
	}
	return nil
}
