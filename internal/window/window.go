// Package window keeps the set of MessageIds that a client may use next, the CommandSequenceWindow of
// [MS-SMB2] 3.3.1.1 and 3.3.1.7. It's pure state: no lock, no clock.
package window

import "math"

// maxSpan is the largest distance, in ids, from the oldest id that a client hasn't used to the newest one that it was granted.
// It's twice the 8192 credits that servers let one connection hold, as [MS-SMB2] note <207> has it: a
// client that skips an id may go on for as many more requests, then gets no credits until it uses the id it skipped.
const maxSpan = 2 * 8192

// maxID is the last id ever granted. The one above is that of break notifications, and the next would wrap:
// "If the 64-bit sequence wraps, the connection MUST be terminated" (3.3.1.1), which comes about since a connection out of ids can send nothing.
const maxID = math.MaxUint64 - 1

// Window is the set of ids granted and not yet taken. In the zero value it's {0}, as on a new connection. Whoever
// shares a Window locks it.
type Window struct {
	low   uint64               // the oldest id not taken; top+1 if there is none
	top   uint64               // the newest id granted
	holes int                  // how many of low..top are taken
	taken [maxSpan / 64]uint64 // a ring of one bit per id at id % maxSpan; clear outside of low..top
}

// Take removes the ids from id to id+charge-1; a charge of 0, as 2.0.2 has it, counts as 1. It reports false if
// not all of them are in the window, because they were taken before or never granted; then nothing is removed and
// the connection is to be dropped (3.3.5.2.3). CANCEL requests take no id: don't call it for them.
func (w *Window) Take(id uint64, charge uint16) bool {
	n := uint64(max(charge, 1))
	if id < w.low || id > w.top || n-1 > w.top-id {
		return false
	}
	for i := range n {
		if w.has(id + i) {
			return false
		}
	}
	for i := range n {
		w.flip(id + i)
	}
	w.holes += int(n)
	for w.low <= w.top && w.has(w.low) {
		w.flip(w.low)
		w.holes--
		w.low++
	}
	return true
}

// Grant makes n more ids available at the upper end, or Room() if that's less, and returns how many: what
// the CreditResponse has to say.
func (w *Window) Grant(n uint16) uint16 {
	n = uint16(min(int(n), w.Room()))
	w.top += uint64(n)
	return n
}

// Room returns how many more ids can be granted. It's 0 while an id maxSpan-1 below the newest is unused.
func (w *Window) Room() int {
	return int(min(uint64(maxSpan-w.span()), maxID-w.top))
}

// Available returns how many ids are granted and not taken: the credits that the client holds.
func (w *Window) Available() int {
	return w.span() - w.holes
}

// span is the number of ids in low..top, at most maxSpan.
func (w *Window) span() int { return int(w.top + 1 - w.low) }

func (w *Window) has(id uint64) bool {
	return w.taken[id%maxSpan/64]>>(id%64)&1 != 0
}

func (w *Window) flip(id uint64) {
	w.taken[id%maxSpan/64] ^= 1 << (id % 64)
}
