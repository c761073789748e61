package signing

import (
	"crypto/aes"
	"crypto/subtle"
	"sync"
)

// cmac is AES-CMAC, RFC 4493.
type cmac struct {
	k1, k2 [aes.BlockSize]byte // what the last block is XORed with if it's full, and if it isn't
	key    *macKey
}

// cbcMACs is for what may be passed to an interface, which escapes. It is of all keys, as [gmacStates].
var cbcMACs = sync.Pool{New: func() any { return new(cbcMAC) }}

func newCMAC(key []byte) (*cmac, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	c := &cmac{key: newMACKey(key, b)}
	b.Encrypt(c.k1[:], c.k1[:])
	double(&c.k1)
	c.k2 = c.k1
	double(&c.k2)
	return c, nil
}

// double multiplies by x in GF(2^128), RFC 4493 section 2.3.
func double(k *[aes.BlockSize]byte) {
	carry := k[0] >> 7
	for i := range len(k) - 1 {
		k[i] = k[i]<<1 | k[i+1]>>7
	}
	k[len(k)-1] = k[len(k)-1]<<1 ^ 0x87*carry
}

// sum stores the MAC of msg in sig.
func (c *cmac) sum(sig *[Size]byte, msg []byte) {
	m := cbcMACs.Get().(*cbcMAC)
	m.reset(c.key)
	// The last block, full or not, is what remains once whole blocks are taken; only an empty message has an empty one.
	whole := max(len(msg)-1, 0) &^ (aes.BlockSize - 1)
	m.key.chain(&m.x, msg[:whole])
	n := copy(m.partial[:], msg[whole:])
	k := &c.k1
	if n < aes.BlockSize {
		m.partial[n] = 0x80
		clear(m.partial[n+1:])
		k = &c.k2
	}
	subtle.XORBytes(m.partial[:], m.partial[:], k[:])
	m.key.chain(&m.x, m.partial[:])
	*sig = m.x
	*m = cbcMAC{} // with nothing of a key in it
	cbcMACs.Put(m)
}
