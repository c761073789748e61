package smb

import (
	"container/list"
	"context"
	"sync"
)

// budget bounds the bytes that requests under way hold.
type budget struct {
	max int64

	mu      sync.Mutex
	used    int64
	waiting list.List // of *admission, the oldest first
}

// admission is somebody who waits for n bytes.
type admission struct {
	n     int64
	own   *budget
	ready chan struct{} // closed when he has them
}

func (b *budget) init(n int) { b.max = int64(n) }

// little is what a connection may hold of the last quarter.
const little = 128 << 10

// fits reports whether somebody may have n bytes. He may hold no more than he leaves to
// others, and the last quarter is for those who hold little: so who wants little gets it,
// however many ask for much and read nothing of it. What is too large to ever fit like
// this may have all. The caller holds b.mu.
func (b *budget) fits(n int64, own *budget) bool {
	left := b.max - b.used - n
	if left < 0 {
		return false
	}
	if own == nil {
		return true
	}
	holds := own.held()
	if holds == n && n > b.max/4 {
		return true
	}
	return holds <= left && (left >= b.max/4 || holds <= little)
}

// wanted reports whether somebody waits.
func (b *budget) wanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting.Len() > 0
}

func (b *budget) held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// acquire waits for n bytes. own is what the connection holds, with n; nil: nobody has to
// share.
func (b *budget) acquire(ctx context.Context, n int, own *budget) error {
	b.mu.Lock()
	if b.fits(int64(n), own) {
		b.used += int64(n)
		b.mu.Unlock()
		return nil
	}
	a := &admission{int64(n), own, make(chan struct{})}
	e := b.waiting.PushBack(a)
	b.mu.Unlock()
	select {
	case <-a.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-a.ready:
		b.releaseLocked(a.n)
	default:
		b.waiting.Remove(e)
	}
	return ctx.Err()
}

// tryAcquire is acquire that doesn't wait.
func (b *budget) tryAcquire(n int, own *budget) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.fits(int64(n), own) {
		return false
	}
	b.used += int64(n)
	return true
}

func (b *budget) release(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.releaseLocked(int64(n))
}

func (b *budget) releaseLocked(n int64) {
	b.used -= n
	for e := b.waiting.Front(); e != nil; {
		a, next := e.Value.(*admission), e.Next()
		if b.fits(a.n, a.own) {
			b.used += a.n
			b.waiting.Remove(e)
			close(a.ready)
		}
		e = next
	}
}
