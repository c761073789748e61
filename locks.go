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
}

type byteLock struct {
	off, len  uint64
	exclusive bool
	owner     *open
}

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
	l.held = slices.Delete(l.held, found, found+1)
	l.grant(freed)
	return nil
}

// takeBack removes b, if it is held: of several that are the same, the latest.
func (l *locks) takeBack(b byteLock) {
	for i := len(l.held) - 1; i >= 0; i-- {
		if l.held[i] == b {
			l.held = slices.Delete(l.held, i, i+1)
			l.grant([]byteLock{b})
			return
		}
	}
}

// release removes all locks of o.
func (l *locks) release(o *open) {
	var freed []byteLock
	l.held = slices.DeleteFunc(l.held, func(h byteLock) bool {
		if h.owner == o {
			freed = append(freed, h)
		}
		return h.owner == o
	})
	if len(freed) > 0 {
		l.grant(freed)
	}
}

// grant gives the locks that are waited for and possible now that others were freed; nil:
// any. Those that didn't wait for one of these aren't compared with all that is held, and
// neither are those instead of which another one is given.
func (l *locks) grant(freed []byteLock) {
	var given []byteLock
	l.waits = slices.DeleteFunc(l.waits, func(w *lockWait) bool {
		stops := func(h byteLock) bool { return h.stopsLock(w) }
		if freed != nil && !slices.ContainsFunc(freed, stops) || slices.ContainsFunc(given, stops) ||
			l.conflict(w.off, w.len, w.exclusive, true, w.owner) {
			return false
		}
		given = append(given, w.byteLock)
		l.add(w.byteLock)
		w.granted = true
		close(w.ready)
		return true
	})
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
