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
	if off == 0 && n == 0 {
		return false
	}
	last := off + n - 1
	for i := range l.held {
		h := &l.held[i]
		if h.off == 0 && h.len == 0 || h.overlooks(o, locking) {
			continue
		}
		if off > h.off+h.len-1 || last < h.off {
			continue
		}
		switch {
		case h.exclusive && h.owner != o:
			return true
		case h.exclusive:
			if exclusive && locking {
				return true
			}
		case exclusive:
			// A shared lock stops its owner from writing, too.
			return true
		}
	}
	return false
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
	l.held = slices.Delete(l.held, found, found+1)
	l.grant()
	return nil
}

// release removes all locks of o.
func (l *locks) release(o *open) {
	n := len(l.held)
	l.held = slices.DeleteFunc(l.held, func(h byteLock) bool { return h.owner == o })
	if len(l.held) != n {
		l.grant()
	}
}

// grant gives the locks that are waited for and possible now.
func (l *locks) grant() {
	l.waits = slices.DeleteFunc(l.waits, func(w *lockWait) bool {
		if l.conflict(w.off, w.len, w.exclusive, true, w.owner) {
			return false
		}
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
