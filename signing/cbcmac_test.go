package signing

import (
	"bytes"
	"crypto/aes"
	"math/rand/v2"
	"testing"
)

// chunk is what the assembly takes at once.
const chunk = 16 << 10

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

// So is the chain with the cipher beside it: what it leaves of the text, the MAC and the counter, which may count over 2^8 and 2^16,
// to seal and to open.
func TestCrypt(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	fill := func(n int) []byte {
		p := make([]byte, n)
		random.Read(p)
		return p
	}
	for _, length := range []int{16, 32} {
		for i := range 50 {
			key := fill(length)
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			k := newMACKey(key, block)
			start := [aes.BlockSize]byte(fill(aes.BlockSize))
			c := counter{block: [aes.BlockSize]byte(fill(aes.BlockSize))}
			if i < 25 {
				copy(c.block[12:], []byte{0, 0, 0xff, 0xff})
			}
			block.Encrypt(c.key[:], c.block[:])
			for _, blocks := range []int{0, 1, 2, 3, 17, 1 << 10, 1<<10 + 1, 3000} {
				for _, off := range []int{0, 1, 15} {
					got := fill(off + blocks*aes.BlockSize + 7)
					want := bytes.Clone(got)
					was := bytes.Clone(got)
					text := func(b []byte) []byte { return b[off : off+blocks*aes.BlockSize] }
					gotX, wantX, gotC, wantC := start, start, c, c
					k.crypt(&gotX, &gotC, text(got), false)
					cryptSlow(block, &wantX, &wantC, text(want), false)
					if gotX != wantX || gotC != wantC || !bytes.Equal(got, want) {
						t.Fatalf("key of %d bytes, %d blocks from %d: sealed otherwise", length, blocks, off)
					}
					gotX, gotC = start, c
					k.crypt(&gotX, &gotC, text(got), true)
					if gotX != wantX || gotC != wantC || !bytes.Equal(got, was) {
						t.Fatalf("key of %d bytes, %d blocks from %d: opened otherwise", length, blocks, off)
					}
				}
			}
		}
	}
}
