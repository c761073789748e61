package notify

import "sync/atomic"

// Budget bounds what watching may take. It must not be copied.
type Budget struct {
	// Watches is the most watches at once.
	Watches int64
	// Bytes is the most memory of changes that nobody has asked for yet.
	Bytes int64
	// Parent, if set, bounds this budget and others together.
	Parent *Budget

	watches, bytes atomic.Int64
}

// Held returns what is in use.
func (b *Budget) Held() (watches, bytes int64) { return b.watches.Load(), b.bytes.Load() }

func (b *Budget) takeWatch() bool {
	if b == nil {
		return true
	}
	if b.watches.Add(1) > b.Watches || !b.Parent.takeWatch() {
		b.watches.Add(-1)
		return false
	}
	return true
}

func (b *Budget) giveWatch() {
	for ; b != nil; b = b.Parent {
		b.watches.Add(-1)
	}
}

func (b *Budget) take(n int64) bool {
	if b == nil {
		return true
	}
	if b.bytes.Add(n) > b.Bytes || !b.Parent.take(n) {
		b.bytes.Add(-n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) {
	for ; b != nil; b = b.Parent {
		b.bytes.Add(-n)
	}
}
