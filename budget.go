package smb

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// budget bounds the bytes that requests under way hold. Waiters are served in
// order.
type budget struct {
	sem *semaphore.Weighted
	max int64
}

func (b *budget) init(n int) {
	b.max = int64(n)
	b.sem = semaphore.NewWeighted(b.max)
}

// acquire waits for n bytes; more than the whole budget counts as the whole.
func (b *budget) acquire(ctx context.Context, n int) error {
	return b.sem.Acquire(ctx, min(int64(n), b.max))
}

// tryAcquire is acquire that doesn't wait.
func (b *budget) tryAcquire(n int) bool { return b.sem.TryAcquire(min(int64(n), b.max)) }

func (b *budget) release(n int) {
	b.sem.Release(min(int64(n), b.max))
}
