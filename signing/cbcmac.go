package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// cbcMAC computes CBC-MAC, the serial half of both CMAC and CCM. All the time those two take is spent here, in blocks,
// where each step waits for the one before: the latency of AES is the bound, and measured, a loop over Encrypt comes as close to
// it as cipher.NewCBCEncrypter.
type cbcMAC struct {
	block   cipher.Block
	x       [aes.BlockSize]byte // the chaining value, in the end the MAC
	partial [aes.BlockSize]byte // bytes of write that don't fill a block yet
	n       int                 // how many
}

// reset starts a new message.
func (m *cbcMAC) reset() {
	clear(m.x[:])
	m.n = 0
}

// blocks runs p, a whole number of blocks, through the chain.
func (m *cbcMAC) blocks(p []byte) {
	x := m.x[:]
	for len(p) > 0 {
		subtle.XORBytes(x, x, p[:aes.BlockSize])
		m.block.Encrypt(x, x)
		p = p[aes.BlockSize:]
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
