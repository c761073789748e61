package signing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// hmacSHA256 is HMAC-SHA256 cut to its first 16 bytes, the signature of the 2.x dialects.
type hmacSHA256 struct {
	pool sync.Pool // of *hmacState
}

type hmacState struct {
	h   hash.Hash
	sum [sha256.Size]byte // here, not on the stack: what is passed to an interface escapes
}

func newHMAC(key []byte) *hmacSHA256 {
	key = bytes.Clone(key)
	return &hmacSHA256{sync.Pool{New: func() any { return &hmacState{h: hmac.New(sha256.New, key)} }}}
}

func (a *hmacSHA256) sum(sig *[Size]byte, msg []byte) {
	s := a.pool.Get().(*hmacState)
	s.h.Reset()
	s.h.Write(msg)
	copy(sig[:], s.h.Sum(s.sum[:0]))
	a.pool.Put(s)
}
