package oplock

import (
	"slices"
	"time"
)

// File is the caching of one file (one stream) or directory: who opened it, and
// what each of them caches. The caller guards it. The zero value is a file that
// nobody has open. It must not be copied after first use.
type File struct {
	// Ref is the caller's own value for the file, set before the first open;
	// it leads from what [Table.Find] returns to the lock that guards it.
	Ref any

	// Deleted is whether the file is to be removed: no new handles are cached.
	Deleted bool

	// Locked is whether byte ranges are locked: nobody begins to cache reads
	// along with others. [MS-FSA] 2.1.5.18
	Locked bool

	holders  []*Holder
	holdings []*holding    // those of holders, each once
	changed  chan struct{} // closed when those who wait should check again
}

// Idle reports whether nobody has f open.
func (f *File) Idle() bool { return len(f.holders) == 0 }

// Close removes h. It answers the break of its oplock, and that of its lease if
// that has no other opens. It does nothing to a holder that isn't part of f.
// Close is also what ends a conflict of share modes, so all who wait check again.
func (f *File) Close(t *Table, h *Holder) {
	if h == nil || h.file != f {
		return
	}
	h.file = nil
	f.holders = remove(f.holders, h)
	if g := h.holding; g != nil {
		h.holding = nil
		g.holders = remove(g.holders, h)
		if len(g.holders) == 0 {
			f.holdings = remove(f.holdings, g)
			if g.lease {
				t.drop(g)
			}
		}
	}
	f.wake()
}

// remove takes x out of s, which keeps its order.
func remove[T comparable](s []T, x T) []T {
	if i := slices.Index(s, x); i >= 0 {
		s = slices.Delete(s, i, i+1)
	}
	if len(s) == 0 {
		return nil
	}
	return s
}

// wake lets all who wait check again.
func (f *File) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// wait returns what the next wake closes.
func (f *File) wait() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// Overrule takes all caching from h, and so from those it shares a lease with:
// its client can't be told of a break. [MS-SMB2] 3.3.4.6, 3.3.4.7
func (f *File) Overrule(h *Holder) {
	if h == nil || h.file != f || h.holding == nil {
		return
	}
	h.holding.settle(0)
	f.wake()
}

// Unanswered returns the break that h's client owes an answer to, for those who
// don't know whether it arrived.
func (f *File) Unanswered(h *Holder) (Break, bool) {
	if h == nil || h.file != f || h.holding == nil || !h.holding.breaking {
		return Break{}, false
	}
	g := h.holding
	b := Break{Holder: h, From: g.state, To: g.to, AckRequired: true}
	g.describe(&b)
	return b, true
}

// Expire overrules the clients that didn't answer in time, and returns one
// holder of each for the log. [MS-SMB2] 3.3.6.1, 3.3.6.5
func (f *File) Expire(now time.Time) []*Holder {
	var late []*Holder
	for _, g := range f.holdings {
		if g.breaking && !now.Before(g.deadline) {
			g.settle(0)
			late = append(late, g.holders[0])
		}
	}
	if late != nil {
		f.wake()
	}
	return late
}

// Deadline returns when Expire should be called next, if clients don't answer
// by then. It reports false if no answer is due.
func (f *File) Deadline() (time.Time, bool) {
	var first time.Time
	found := false
	for _, g := range f.holdings {
		if g.breaking && (!found || g.deadline.Before(first)) {
			first, found = g.deadline, true
		}
	}
	return first, found
}
