// Package frame has the pooled buffers that requests and replies travel in.
//
// A Buf has one owner at a time. Whoever holds it frees it, once, after which
// nothing may refer to its bytes.
package frame

import (
	"runtime"
	"slices"
	"sync"
)

const (
	// Headroom is kept free before a reply: the 4-byte length of the
	// transport and the 52-byte transform header of an encrypted message.
	Headroom = 56
	// Tailroom is kept free after a reply or an encrypted request, so that a
	// cipher can put its tag there.
	Tailroom = 16
)

// slack leaves room for headers, so that a payload of a power of two fits its
// class. READs of 4 KiB are the commonest, and no budget counts them.
const slack = 512

var classes = [...]int{1 << 10, 4<<10 + slack, 16<<10 + slack, 64<<10 + slack, 256<<10 + slack, 1<<20 + slack, 4<<20 + slack, 8<<20 + 4*slack}

// The classes from firstLarge on are kept on stacks, since a sync.Pool has a slot per processor that the others
// can't take from. One client that writes 8 MiB at a time would go through a buffer for each processor in turn: memory, and
// the cache of it.
const firstLarge = 4

var (
	pools  [firstLarge]sync.Pool
	stacks [len(classes) - firstLarge]stack
)

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
		if b := pooled(i); b != nil {
			b.B = b.B[:n]
			return b
		}
		return &Buf{B: make([]byte, n, size)}
	}
	return &Buf{B: make([]byte, n)}
}

// pooled returns a buffer of class i, or nil if there is none.
func pooled(i int) *Buf {
	if i >= firstLarge {
		return stacks[i-firstLarge].pop()
	}
	b, _ := pools[i].Get().(*Buf)
	return b
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
			if i >= firstLarge {
				stacks[i-firstLarge].push(b)
			} else {
				pools[i].Put(b)
			}
			return
		}
	}
	b.B = nil
}

// stack has the free buffers of a class. The one that was used last, which the processor's cache may still have, is used next.
type stack struct {
	mu   sync.Mutex
	free []*Buf
	idle int // how many of free, at the bottom, have been there since the last trim
}

func (s *stack) push(b *Buf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, b)
}

func (s *stack) pop() *Buf {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return nil
	}
	b := s.free[last]
	s.free[last] = nil
	s.free = s.free[:last]
	s.idle = min(s.idle, last)
	return b
}

// trim leaves to the garbage collector what hasn't been needed since the last call.
func (s *stack) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = slices.Delete(s.free, 0, s.idle)
	s.idle = len(s.free)
}

func init() { trimAfterGC(0) }

// trimAfterGC trims the stacks after each garbage collection, as sync.Pool does by itself.
func trimAfterGC(int) {
	for i := range stacks {
		stacks[i].trim()
	}
	type unreachable struct{ _ *int } // with a pointer, so that it's by itself in memory
	runtime.AddCleanup(new(unreachable), trimAfterGC, 0)
}
