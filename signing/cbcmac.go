package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// chunk is how much of a message a cbcMAC takes at a time: small enough that CCM finds it in the first-level cache for
// its second pass, large enough that the fixed cost of a call vanishes.
const chunk = 2048

// cbcMAC computes CBC-MAC, the serial half of both CMAC and CCM. All the time those two take is spent here, in blocks.
//
// It is the standard library's CBC encryption with everything but the last block thrown away, since that
// checks its arguments once per call where cipher.Block.Encrypt does it for each 16 bytes.
type cbcMAC struct {
	mode    cipher.BlockMode
	last    [aes.BlockSize]byte // the latest block out of mode, hence what it chains the next one with
	fresh   bool                // no block of the current message has gone through mode yet
	partial [aes.BlockSize]byte // bytes of write that don't fill a block yet
	n       int                 // how many
	waste   [chunk]byte
}

func newCBCMAC(b cipher.Block) *cbcMAC {
	m := &cbcMAC{fresh: true}
	m.mode = cipher.NewCBCEncrypter(b, m.last[:])
	return m
}

// reset starts a new message.
func (m *cbcMAC) reset() {
	m.fresh = true
	m.n = 0
}

// blocks runs p, a whole number of blocks, through the chain; the result so far is in last.
func (m *cbcMAC) blocks(p []byte) {
	if m.fresh && len(p) > 0 {
		// A BlockMode can't go back to its zero IV: cancel the one that it's going to use.
		first := m.waste[:aes.BlockSize]
		subtle.XORBytes(first, p[:aes.BlockSize], m.last[:])
		m.mode.CryptBlocks(first, first)
		copy(m.last[:], first)
		m.fresh = false
		p = p[aes.BlockSize:]
	}
	for len(p) > 0 {
		k := min(len(p), chunk)
		m.mode.CryptBlocks(m.waste[:k], p[:k])
		copy(m.last[:], m.waste[k-aes.BlockSize:k])
		p = p[k:]
	}
}

// write adds p, of any length.
func (m *cbcMAC) write(p []byte) {
	if m.n > 0 {
		k := copy(m.partial[m.n:], p)
		m.n += k
		p = p[k:]
		if m.n < aes.BlockSize {
			return
		}
		m.blocks(m.partial[:])
		m.n = 0
	}
	whole := len(p) &^ (aes.BlockSize - 1)
	m.blocks(p[:whole])
	m.n = copy(m.partial[:], p[whole:])
}

// pad fills up the last block with zeros.
func (m *cbcMAC) pad() {
	if m.n > 0 {
		clear(m.partial[m.n:])
		m.blocks(m.partial[:])
		m.n = 0
	}
}
