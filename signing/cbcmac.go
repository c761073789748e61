package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

// cbcMAC computes CBC-MAC, the serial half of both CMAC and CCM. Nearly all the time of those two is spent in its chain,
// where each step waits for the one before: the latency of AES is the bound.
type cbcMAC struct {
	key     *macKey
	x       [aes.BlockSize]byte // the chaining value, in the end the MAC
	partial [aes.BlockSize]byte // bytes of write that don't fill a block yet
	n       int                 // how many
}

// reset starts a new message, under a key.
func (m *cbcMAC) reset(key *macKey) {
	m.key = key
	clear(m.x[:])
	m.n = 0
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
		m.key.chain(&m.x, m.partial[:])
		m.n = 0
	}
	whole := len(p) &^ (aes.BlockSize - 1)
	m.key.chain(&m.x, p[:whole])
	m.n = copy(m.partial[:], p[whole:])
}

// pad fills up the last block with zeros.
func (m *cbcMAC) pad() {
	if m.n > 0 {
		clear(m.partial[m.n:])
		m.key.chain(&m.x, m.partial[:])
		m.n = 0
	}
}

// chainSlow runs p, a whole number of blocks, through the chain that has come to x, on any processor. Measured, it is no
// slower than [cipher.NewCBCEncrypter].
func chainSlow(block cipher.Block, x *[aes.BlockSize]byte, p []byte) {
	for len(p) > 0 {
		subtle.XORBytes(x[:], x[:], p[:aes.BlockSize])
		block.Encrypt(x[:], x[:])
		p = p[aes.BlockSize:]
	}
}
