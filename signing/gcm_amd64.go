//go:build !purego

package signing

import (
	"crypto/aes"
	"encoding/binary"

	"golang.org/x/sys/cpu"
)

// hasWide says that the processor does AES and GHASH for four blocks at once. crypto/cipher takes them one by one, which
// takes twice as long or more where there is more than a few blocks, and with them about as long.
var hasWide = hasAES && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL &&
	cpu.X86.HasAVX512VAES && cpu.X86.HasAVX512VPCLMULQDQ

// group is how many bytes are done at once, 32 blocks. What a call takes at most has to be a whole number of groups.
const group = 32 * aes.BlockSize

const _ = uint(-(atOnce % group))

// wideGCM is a key of AES-GCM. It's nil where that is left to crypto/cipher. Short messages, which crypto/cipher does as fast, are done
// by it too: of many keys in turn no other expanded key comes into the cache.
type wideGCM struct {
	powers powers // first, so that none of its loads is of two cache lines
	keys   roundKeys
	rounds int
}

// powers are SP 800-38D's H to the 32nd, then to the 31st and so on to H: what the blocks of a group are multiplied
// with. The bytes of each are the other way round, and it's shifted by one, so that the bits of a product are where the
// reduction looks for them. Four are loaded at a time, so there are three more behind H.
type powers [32 + 3][aes.BlockSize]byte

// indexH is where H is in powers.
const indexH = 31

func newWideGCM(key []byte) *wideGCM {
	if !hasWide {
		return nil
	}
	w := new(wideGCM)
	w.rounds = w.keys.expand(key)
	var zeros, b [group]byte
	w.stream(new([aes.BlockSize]byte), b[:])
	hi, lo := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	carry := -(hi >> 63)
	binary.LittleEndian.PutUint64(w.powers[indexH][:], lo<<1^carry&1)
	binary.LittleEndian.PutUint64(w.powers[indexH][8:], (hi<<1|lo>>63)^carry&(0xC2<<56))
	for i := indexH - 1; i >= 0; i-- {
		w.powers[i] = w.powers[i+1]
		ghash(&w.powers, &w.powers[i], &zeros[0], aes.BlockSize)
	}
	return w
}

// crypt encrypts text in place, or decrypts it to open it, and returns the tag. nonce has 12 bytes, and no text is so long that the
// 32 bits that count blocks aren't enough.
func (w *wideGCM) crypt(nonce, aad, text []byte, open bool) [Size]byte {
	var counter, y [aes.BlockSize]byte
	var b [group]byte
	copy(counter[:], nonce)
	counter[aes.BlockSize-1] = 1
	tag := counter
	macBlocks(&w.keys, w.rounds, &tag, &b[0], 1) // b is zeros
	counter[aes.BlockSize-1] = 2

	w.hash(&y, aad)
	// It's the ciphertext that's hashed: to seal, a group behind what's encrypted.
	whole := len(text) &^ (group - 1)
	p, q := text[:whole], text
	if whole > 0 && !open {
		w.stream(&counter, p[:group])
		p = p[group:]
	}
	for len(p) > 0 {
		n := min(len(p), atOnce)
		cryptHash(&w.keys, w.rounds, &w.powers, &counter, &y, &p[0], &q[0], n)
		p, q = p[n:], q[n:]
	}
	if open {
		w.hash(&y, q)
	}
	if rest := text[whole:]; len(rest) > 0 {
		copy(b[:], rest)
		w.stream(&counter, b[:])
		copy(rest, b[:])
	}
	if !open {
		w.hash(&y, q)
	}
	binary.BigEndian.PutUint64(b[:], 8*uint64(len(aad)))
	binary.BigEndian.PutUint64(b[8:], 8*uint64(len(text)))
	w.hash(&y, b[:aes.BlockSize])
	clear(b[:])
	for i := range tag {
		tag[i] ^= y[aes.BlockSize-1-i]
	}
	return tag
}

// hash goes on with the hash that has come to y, by p and zeros up to a whole block.
func (w *wideGCM) hash(y *[aes.BlockSize]byte, p []byte) {
	for len(p) > 0 {
		n := min(len(p), atOnce)
		ghash(&w.powers, y, &p[0], n)
		p = p[n:]
	}
}

// stream encrypts a group, and makes nothing of its hash.
func (w *wideGCM) stream(counter *[aes.BlockSize]byte, p []byte) {
	var y [aes.BlockSize]byte
	cryptHash(&w.keys, w.rounds, &w.powers, counter, &y, &p[0], &p[0], group)
}

// ghash is hash for the n bytes at p, n > 0. The bytes of y are the other way round.
//
//go:noescape
func ghash(t *powers, y *[aes.BlockSize]byte, p *byte, n int)

// cryptHash encrypts the n bytes at p and hashes the n bytes at q, group by group, each time what's at q before what's at p is
// changed. So q is p, to open, or a group behind it, to seal. n is a whole number of groups, n > 0.
//
//go:noescape
func cryptHash(keys *roundKeys, rounds int, t *powers, counter, y *[aes.BlockSize]byte, p, q *byte, n int)
