// Package frame has the pooled buffers that requests and replies travel in.
//
// A Buf has one owner at a time. Whoever holds it frees it, once, after which
// nothing may refer to its bytes.
package frame

import "sync"

const (
	// Headroom is kept free before a reply: the 4-byte length of the
	// transport and the 52-byte transform header of an encrypted message.
	Headroom = 56
	// Tailroom is kept free after a reply or an encrypted request, so that a
	// cipher can put its tag there.
	Tailroom = 16
)

// slack leaves room for headers, so that a payload of a power of two fits its
// class.
const slack = 512

var classes = [...]int{1 << 10, 4 << 10, 16<<10 + slack, 64<<10 + slack, 256<<10 + slack, 1<<20 + slack, 4<<20 + slack, 8<<20 + 4*slack}

var pools [len(classes)]sync.Pool

// Size returns how many bytes a buffer of length n takes.
func Size(n int) int {
	for _, size := range classes {
		if n <= size {
			return size
		}
	}
	return n
}

// Buf is a buffer. B may be re-sliced and appended to; when it outgrew its
// class the garbage collector takes it instead of the pool.
type Buf struct {
	B []byte
}

// Get returns a buffer of length n. Its content is arbitrary.
func Get(n int) *Buf {
	for i, size := range classes {
		if n > size {
			continue
		}
		if b, _ := pools[i].Get().(*Buf); b != nil {
			b.B = b.B[:n]
			return b
		}
		return &Buf{B: make([]byte, n, size)}
	}
	return &Buf{B: make([]byte, n)}
}

// Grow makes room for n more bytes after len(b.B), keeping the content.
func (b *Buf) Grow(n int) {
	if cap(b.B)-len(b.B) >= n {
		return
	}
	old := b.B
	nb := Get(len(old) + n)
	copy(nb.B, old)
	b.B, nb.B = nb.B[:len(old)], old
	nb.Free()
}

// Free gives the buffer back.
func (b *Buf) Free() {
	if b == nil {
		return
	}
	for i, size := range classes {
		if cap(b.B) == size {
			b.B = b.B[:0]
			pools[i].Put(b)
			return
		}
	}
	b.B = nil
}
