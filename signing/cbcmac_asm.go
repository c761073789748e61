//go:build (amd64 || arm64) && !purego

package signing

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/cpu"
)

// hasAES says that the processor has the instructions that the functions of CBC-MAC in assembly are made of. Each step of CBC-MAC waits
// for the one before; with the chaining value in a register all the time that takes half as long as by calls of
// [cipher.Block.Encrypt].
var hasAES = cpu.X86.HasAES && cpu.X86.HasSSE41 || cpu.ARM64.HasAES

// The scheduler can't interrupt assembly, and the garbage collector waits for it: so no call gets more bytes than this, some 10 µs.
const atOnce = 16 << 10

// roundKeys is an expanded key, FIPS 197 section 5.2, its words as they are in memory.
type roundKeys [4 * (14 + 1)]uint32

// macKey is the key of a CBC-MAC.
type macKey struct {
	block  cipher.Block // where the processor has no instructions for AES
	rounds int
	keys   roundKeys
}

func newMACKey(key []byte, block cipher.Block) *macKey {
	k := &macKey{block: block}
	if hasAES {
		k.rounds = k.keys.expand(key)
	}
	return k
}

// expand stores the expanded key and returns how many rounds it has.
func (k *roundKeys) expand(key []byte) (rounds int) {
	words := len(key) / 4
	rounds = words + 6
	for i := range words {
		k[i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	rcon := uint32(1)
	for i := words; i < 4*(rounds+1); i++ {
		t := k[i-1]
		switch {
		case i%words == 0:
			t = subWord(bits.RotateLeft32(t, -8)) ^ rcon
			rcon = rcon<<1 ^ rcon>>7*0x11b
		case words == 8 && i%words == 4:
			t = subWord(t)
		}
		k[i] = k[i-words] ^ t
	}
	return rounds
}

// chain runs p, a whole number of blocks, through the chain that has come to x.
func (k *macKey) chain(x *[aes.BlockSize]byte, p []byte) {
	if !hasAES {
		chainSlow(k.block, x, p)
		return
	}
	for len(p) >= aes.BlockSize {
		n := min(len(p), atOnce)
		macBlocks(&k.keys, k.rounds, x, &p[0], n/aes.BlockSize)
		p = p[n:]
	}
}

// crypt encrypts p, a whole number of blocks, or decrypts it to open it, and runs the plaintext through the chain that has come to x.
func (k *macKey) crypt(x *[aes.BlockSize]byte, c *counter, p []byte, open bool) {
	if !hasAES {
		cryptSlow(k.block, x, c, p, open)
		return
	}
	var mask uint64
	if open {
		mask--
	}
	for len(p) >= aes.BlockSize {
		n := min(len(p), atOnce)
		ccmBlocks(&k.keys, k.rounds, x, c, &p[0], n/aes.BlockSize, mask)
		p = p[n:]
	}
}

// subWord is FIPS 197's SubWord.
//
//go:noescape
func subWord(w uint32) uint32

// macBlocks takes the n blocks at p, n > 0, through the chain.
//
//go:noescape
func macBlocks(keys *roundKeys, rounds int, x *[aes.BlockSize]byte, p *byte, n int)

// ccmBlocks is crypt for the n blocks at p, n > 0; open is 0 or all ones.
//
//go:noescape
func ccmBlocks(keys *roundKeys, rounds int, x *[aes.BlockSize]byte, c *counter, p *byte, n int, open uint64)
