package smb

import (
	"slices"

	"github.com/gosmbd/smb/smb2"
)

// locks holds the byte-range locks of a file. It is pure state, guarded by
// file.mu. [MS-FSA] 2.1.5.8
type locks struct {
	held  []byteLock
	waits []*lockWait // in the order in which they came
}

// lockWait is a lock that is waited for. Whoever gives up a lock grants those
// that become possible, so that none is lost between.
type lockWait struct {
	byteLock
	ready   chan struct{} // closed when granted
	granted bool
	by      int // where in held the lock was that it waits for, when that was last looked for
}

type byteLock struct {
	off, len  uint64
	exclusive bool
	owner     *open
}

// fewLocks is how many a file has room for when it has none any more.
const fewLocks = 64

// validRange reports whether a range ends within 64 bits.
func validRange(off, n uint64) bool { return n == 0 || off+n-1 >= off }

// conflict reports whether an access collides with a lock: taking a lock, or
// reading and writing. [MS-FSA] 2.1.4.10
func (l *locks) conflict(off, n uint64, exclusive, locking bool, o *open) bool {
	for i := range l.held {
		if l.held[i].stops(off, n, exclusive, locking, o) {
			return true
		}
	}
	return false
}

// stops is conflict for one lock.
func (h *byteLock) stops(off, n uint64, exclusive, locking bool, o *open) bool {
	switch {
	case off > h.off+h.len-1 || off+n-1 < h.off, // so it is with most
		off == 0 && n == 0, h.off == 0 && h.len == 0, h.overlooks(o, locking):
		return false
	case h.exclusive && h.owner == o:
		return exclusive && locking
	}
	// A shared lock stops its owner from writing, too.
	return h.exclusive || exclusive
}

// stopsLock reports whether w would have to wait for h.
func (h *byteLock) stopsLock(w *lockWait) bool {
	return h.stops(w.off, w.len, w.exclusive, true, w.owner)
}

// unlock removes the lock of o on exactly this range, an exclusive one first.
func (l *locks) unlock(off, n uint64, o *open) error {
	found := -1
	for i, h := range l.held {
		if h.off == off && h.len == n && h.owner == o {
			found = i
			if h.exclusive {
				break
			}
		}
	}
	if found < 0 {
		return smb2.StatusRangeNotLocked
	}
	freed := []byteLock{l.held[found]}
	l.delete(found)
	l.grant(freed)
	return nil
}

// delete removes a lock. Those that wait for one behind it go on knowing where that is.
func (l *locks) delete(i int) {
	l.held = slices.Delete(l.held, i, i+1)
	for _, w := range l.waits {
		if w.by > i {
			w.by--
		}
	}
}

// deleteFunc removes the locks for which del returns true.
func (l *locks) deleteFunc(del func(byteLock) bool) {
	if len(l.waits) == 0 {
		l.held = slices.DeleteFunc(l.held, del)
		return
	}
	gone := make([]int, 0, len(l.held)) // how many up to each
	n := 0
	l.held = slices.DeleteFunc(l.held, func(h byteLock) bool {
		is := del(h)
		if is {
			n++
		}
		gone = append(gone, n)
		return is
	})
	for _, w := range l.waits {
		if w.by < len(gone) {
			w.by = max(w.by-gone[w.by], 0)
		}
	}
}

// takeBack removes b, if it is held: of several that are the same, the latest.
func (l *locks) takeBack(b byteLock) {
	for i := len(l.held) - 1; i >= 0; i-- {
		if l.held[i] == b {
			l.delete(i)
			l.grant([]byteLock{b})
			return
		}
	}
}

// release removes all locks of o.
func (l *locks) release(o *open) {
	var freed []byteLock
	l.deleteFunc(func(h byteLock) bool {
		if h.owner == o {
			freed = append(freed, h)
		}
		return h.owner == o
	})
	if len(freed) > 0 {
		l.grant(freed)
	}
	if cap(l.held) > fewLocks && len(l.held) < cap(l.held)/4 {
		l.held = slices.Clone(l.held)
	}
}

// grant gives the locks that are waited for and possible now that others were freed; nil:
// any. Those that didn't wait for one of these aren't compared with all that is held, and
// neither are those instead of which another one is given.
func (l *locks) grant(freed []byteLock) {
	for l.grantOnce(freed) {
		freed = nil
	}
}

// grantOnce reports whether what it gave may let others in: it takes the place of what its owner
// had, which may have been in their way.
func (l *locks) grantOnce(freed []byteLock) (again bool) {
	var given []byteLock
	l.waits = slices.DeleteFunc(l.waits, func(w *lockWait) bool {
		stops := func(h byteLock) bool { return h.stopsLock(w) }
		if freed != nil && !slices.ContainsFunc(freed, stops) || slices.ContainsFunc(given, stops) || l.stops(w) {
			return false
		}
		given = append(given, w.byteLock)
		again = again || w.owner.posix && !w.exclusive
		l.add(w.byteLock)
		w.granted = true
		close(w.ready)
		return true
	})
	return again
}

// stops reports whether w has to wait on. What was in its way before mostly still is.
func (l *locks) stops(w *lockWait) bool {
	if w.by < len(l.held) && l.held[w.by].stopsLock(w) {
		return true
	}
	w.by = slices.IndexFunc(l.held, func(h byteLock) bool { return h.stopsLock(w) })
	if w.by < 0 {
		w.by = 0
		return false
	}
	return true
}

// giveUp ends a wait. It reports whether the lock was granted all the same.
func (l *locks) giveUp(w *lockWait) bool {
	l.waits = slices.DeleteFunc(l.waits, func(x *lockWait) bool { return x == w })
	return w.granted
}

// count returns how many locks o has.
func (l *locks) count(o *open) int {
	n := 0
	for _, h := range l.held {
		if h.owner == o {
			n++
		}
	}
	return n
}
