package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"sync"
)

// ccm is AES-CCM, NIST SP 800-38C and RFC 3610. SMB uses a nonce of 11 bytes and a tag of 16; the lengths here are those
// of the slices passed, 7 to 13 and an even 4 to 16, so that the published examples can be run.
type ccm struct {
	block cipher.Block
	key   *macKey
}

type ccmState struct {
	mac     cbcMAC
	counter counter
	s0      [aes.BlockSize]byte // the encryption of counter block 0, which hides the tag
	b0      [aes.BlockSize]byte
}

// ccmStates is of all keys, as [gmacStates].
var ccmStates = sync.Pool{New: func() any { return new(ccmState) }}

// counter is where the key stream of CTR has come to. Its last 32 bits count: no text has that many blocks.
type counter struct {
	block [aes.BlockSize]byte // SP 800-38C A.3
	key   [aes.BlockSize]byte // and its encryption, which hides the next block of the text
}

func newCCM(key []byte) (*ccm, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &ccm{b, newMACKey(key, b)}, nil
}

// seal encrypts text in place and stores the tag.
func (c *ccm) seal(tag, nonce, aad, text []byte) {
	s := ccmStates.Get().(*ccmState)
	c.start(s, len(tag), nonce, aad, len(text))
	s.crypt(text, false)
	subtle.XORBytes(tag, s.mac.x[:len(tag)], s.s0[:len(tag)])
	s.free()
}

// open decrypts text in place; if the tag is wrong it zeroes text and returns ErrAuthentication.
func (c *ccm) open(tag, nonce, aad, text []byte) error {
	s := ccmStates.Get().(*ccmState)
	c.start(s, len(tag), nonce, aad, len(text))
	s.crypt(text, true)
	subtle.XORBytes(s.s0[:], s.s0[:], s.mac.x[:])
	ok := subtle.ConstantTimeCompare(s.s0[:len(tag)], tag) == 1
	s.free()
	if !ok {
		clear(text)
		return ErrAuthentication
	}
	return nil
}

// free gives s back, with nothing of a key in it.
func (s *ccmState) free() {
	*s = ccmState{}
	ccmStates.Put(s)
}

// crypt encrypts the text, or decrypts it to open it, and ends the MAC.
func (s *ccmState) crypt(text []byte, open bool) {
	whole := len(text) &^ (aes.BlockSize - 1)
	s.mac.key.crypt(&s.mac.x, &s.counter, text[:whole], open)
	rest := text[whole:]
	if !open {
		s.mac.write(rest)
	}
	subtle.XORBytes(rest, rest, s.counter.key[:])
	if open {
		s.mac.write(rest)
	}
	s.mac.pad()
}

// cryptSlow is [macKey.crypt] on any processor.
func cryptSlow(block cipher.Block, x *[aes.BlockSize]byte, c *counter, p []byte, open bool) {
	for len(p) > 0 {
		b := p[:aes.BlockSize]
		if open {
			subtle.XORBytes(b, b, c.key[:])
			subtle.XORBytes(x[:], x[:], b)
		} else {
			subtle.XORBytes(x[:], x[:], b)
			subtle.XORBytes(b, b, c.key[:])
		}
		block.Encrypt(x[:], x[:])
		n := c.block[aes.BlockSize-4:]
		binary.BigEndian.PutUint32(n, binary.BigEndian.Uint32(n)+1)
		block.Encrypt(c.key[:], c.block[:])
		p = p[aes.BlockSize:]
	}
}

// start feeds everything but the text to the MAC and sets the counter to 1.
func (c *ccm) start(s *ccmState, tagLen int, nonce, aad []byte, textLen int) {
	// SP 800-38C A.2.1. The counter and the length of the text share what the nonce leaves of 15 bytes: 4 for SMB, so no frame is too long.
	q := aes.BlockSize - 1 - len(nonce)
	binary.BigEndian.PutUint64(s.b0[8:], uint64(textLen))
	s.b0[0] = byte((tagLen-2)/2<<3 | (q - 1))
	if len(aad) > 0 {
		s.b0[0] |= 1 << 6
	}
	copy(s.b0[1:], nonce)
	s.mac.reset(c.key)
	s.mac.write(s.b0[:])
	c.writeAAD(s, aad)

	n := &s.counter
	clear(n.block[:])
	n.block[0] = byte(q - 1)
	copy(n.block[1:], nonce)
	c.block.Encrypt(s.s0[:], n.block[:])
	n.block[aes.BlockSize-1] = 1
	c.block.Encrypt(n.key[:], n.block[:])
}

// writeAAD adds the associated data with its length in front, SP 800-38C A.2.2.
func (c *ccm) writeAAD(s *ccmState, aad []byte) {
	if len(aad) == 0 {
		return
	}
	length := s.b0[:2] // b0 has been consumed
	binary.BigEndian.PutUint16(length, uint16(len(aad)))
	if len(aad) >= 0xFF00 {
		length = s.b0[:6]
		length[0], length[1] = 0xFF, 0xFE
		binary.BigEndian.PutUint32(length[2:], uint32(len(aad)))
	}
	s.mac.write(length)
	s.mac.write(aad)
	s.mac.pad()
}
