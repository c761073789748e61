package signing

import (
	"bytes"
	"crypto/aes"
	"math/rand/v2"
	"testing"
)

// The chain in assembly is what the loop over crypto/aes is: for keys of both lengths, from any chaining value, for
// messages of one block and of more than one call takes, and wherever they begin.
func TestChain(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	fill := func(n int) []byte {
		p := make([]byte, n)
		random.Read(p)
		return p
	}
	for _, length := range []int{16, 32} {
		for range 50 {
			key := fill(length)
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			k := newMACKey(key, block)
			start := [aes.BlockSize]byte(fill(aes.BlockSize))
			for _, blocks := range []int{0, 1, 2, 3, 17, 1 << 10, 1<<10 + 1, 3000} {
				for _, off := range []int{0, 1, 15} {
					buf := fill(off + blocks*aes.BlockSize + 7)
					was := bytes.Clone(buf)
					p := buf[off : off+blocks*aes.BlockSize]
					got, want := start, start
					k.chain(&got, p)
					chainSlow(block, &want, p)
					if got != want {
						t.Fatalf("key of %d bytes, %d blocks from %d: %x, want %x", length, blocks, off, got, want)
					}
					if !bytes.Equal(buf, was) {
						t.Fatal("the message was changed")
					}
				}
			}
		}
	}
}
