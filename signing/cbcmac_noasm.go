//go:build !(amd64 || arm64) || purego

package signing

import (
	"crypto/aes"
	"crypto/cipher"
)

// macKey is the key of a CBC-MAC.
type macKey struct {
	block cipher.Block
}

func newMACKey(_ []byte, block cipher.Block) *macKey { return &macKey{block} }

// chain runs p, a whole number of blocks, through the chain that has come to x.
func (k *macKey) chain(x *[aes.BlockSize]byte, p []byte) { chainSlow(k.block, x, p) }

// crypt encrypts p, a whole number of blocks, or decrypts it to open it, and runs the plaintext through the chain that has come to x.
func (k *macKey) crypt(x *[aes.BlockSize]byte, c *counter, p []byte, open bool) {
	cryptSlow(k.block, x, c, p, open)
}
