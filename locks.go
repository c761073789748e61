package smb

import (
	"slices"

	"github.com/gosmbd/smb/smb2"
)

// locks holds the byte-range locks of a file. It is pure state, guarded by
// file.mu. [MS-FSA] 2.1.5.8
type locks struct {
	held  []byteLock
	freed chan struct{} // closed when a lock goes; nil while nobody waits
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
		if h.off == 0 && h.len == 0 {
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
	l.wake()
	return nil
}

// release removes all locks of o.
func (l *locks) release(o *open) {
	n := len(l.held)
	l.held = slices.DeleteFunc(l.held, func(h byteLock) bool { return h.owner == o })
	if len(l.held) != n {
		l.wake()
	}
}

func (l *locks) wake() {
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
	}
}

// wait returns a channel that is closed when a lock goes.
func (l *locks) wait() <-chan struct{} {
	if l.freed == nil {
		l.freed = make(chan struct{})
	}
	return l.freed
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
