package smb

import (
	"cmp"
	"slices"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// Byte-range locks of POSIX opens are those of fcntl(2): an open's own never collide, a
// new one takes the place of what it overlaps, and any range can be unlocked. Among POSIX
// opens they don't keep anybody from reading and writing; against other opens they are
// as binding as any. An open stands for a process, as far as the server knows one.
// [POSIX-FSA] 2.1.4.10, 2.1.5.7, 2.1.5.8

// overlooks reports whether o, to whom locking is what he is about, needn't mind h.
func (h *byteLock) overlooks(o *open, locking bool) bool {
	return o.posix && h.owner.posix && (h.owner == o || !locking)
}

// last returns the end of the range, which isn't empty.
func (h *byteLock) last() uint64 { return h.off + h.len - 1 }

// add puts a lock that doesn't collide with others in force.
func (l *locks) add(b byteLock) {
	if !b.owner.posix {
		l.held = append(l.held, b)
		return
	}
	l.carve(b.off, b.last(), b.owner)
	// What touches it and is the same is one with it.
	l.deleteFunc(func(h byteLock) bool {
		switch {
		case h.owner != b.owner || h.exclusive != b.exclusive, b.len+h.len == 0: // of all 64 bits there is no length
			return false
		case h.last() < b.off && h.last()+1 == b.off:
			b.off, b.len = h.off, b.len+h.len
		case b.last() < h.off && b.last()+1 == h.off:
			b.len += h.len
		default:
			return false
		}
		return true
	})
	l.held = append(l.held, b)
}

// carve takes a range out of the locks of o.
func (l *locks) carve(off, last uint64, o *open) {
	for i := len(l.held) - 1; i >= 0; i-- {
		h := l.held[i]
		if h.owner != o || h.last() < off || h.off > last {
			continue
		}
		l.delete(i)
		if h.off < off {
			before := h
			before.len = off - h.off
			l.held = append(l.held, before)
		}
		if h.last() > last {
			after := h
			after.off, after.len = last+1, h.last()-last
			l.held = append(l.held, after)
		}
	}
}

// splits reports whether carve leaves more locks than there were.
func (l *locks) splits(off, last uint64, o *open) bool {
	return slices.ContainsFunc(l.held, func(h byteLock) bool { return h.owner == o && h.off < off && h.last() > last })
}

// posixElement checks an element of a request.
func posixElement(e smb2.LockElement) error {
	switch {
	case e.Length == 0:
		return smb2.StatusInvalidParameter
	case !validRange(e.Offset, e.Length):
		return smb2.StatusInvalidLockRange
	}
	return nil
}

// unlockPosix is unlock for a POSIX open.
func (o *open) unlockPosix(elems []smb2.LockElement, limit int) error {
	for _, e := range elems {
		if e.Flags != smb2.LockUnlock {
			return smb2.StatusInvalidParameter
		}
		if err := posixElement(e); err != nil {
			return err
		}
	}
	l := &o.file.locks
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	for _, e := range elems {
		last := e.Offset + e.Length - 1
		if l.splits(e.Offset, last, o) && (len(l.held)+len(l.waits) >= limit || !o.mayLock(1)) {
			return smb2.StatusInsufficientResources
		}
		l.carve(e.Offset, last, o)
	}
	l.grant(nil)
	return nil
}

// lockPosix is lock for a POSIX open.
func (r *request) lockPosix(elems []smb2.LockElement) error {
	o, f := r.open, r.open.file
	wait := false
	for _, e := range elems {
		switch e.Flags {
		case smb2.LockShared, smb2.LockExclusive:
			if wait = true; len(elems) > 1 {
				return smb2.StatusInvalidParameter
			}
		case smb2.LockShared | smb2.LockFailImmediately, smb2.LockExclusive | smb2.LockFailImmediately:
		default:
			return smb2.StatusInvalidParameter
		}
		if err := posixElement(e); err != nil {
			return err
		}
	}
	if err := r.breakFor(f, o.holder, oplock.OpLock); err != nil {
		return err
	}
	f.mu.Lock()
	if len(f.locks.held)+len(f.locks.waits)+2*len(elems) > r.c.srv.limits.LocksPerFile || !o.mayLock(2*len(elems)) {
		f.mu.Unlock()
		return smb2.StatusInsufficientResources
	}
	for _, e := range elems {
		b := byteLock{e.Offset, e.Length, e.Flags&smb2.LockExclusive != 0, o}
		if !f.locks.conflict(b.off, b.len, b.exclusive, true, o) {
			continue
		}
		if !wait {
			f.mu.Unlock()
			return smb2.StatusLockNotGranted
		}
		return r.awaitLock(b)
	}
	for _, e := range elems {
		f.locks.add(byteLock{e.Offset, e.Length, e.Flags&smb2.LockExclusive != 0, o})
	}
	f.locks.grant(nil) // a lock that became a shared one lets others in
	f.mu.Unlock()
	return nil
}

// byteRange is a range of bytes that isn't empty.
type byteRange struct{ off, last uint64 }

// byteRanges returns the ranges of a request in order, those that overlap or touch as one.
func byteRanges(elems []smb2.LockElement) []byteRange {
	all := make([]byteRange, 0, len(elems))
	for _, e := range elems {
		if posixElement(e) == nil {
			all = append(all, byteRange{e.Offset, e.Offset + e.Length - 1})
		}
	}
	slices.SortFunc(all, func(a, b byteRange) int { return cmp.Compare(a.off, b.off) })
	n := 0
	for _, x := range all {
		if n > 0 && (x.off <= all[n-1].last || x.off-1 == all[n-1].last) {
			all[n-1].last = max(all[n-1].last, x.last)
			continue
		}
		all[n] = x
		n++
	}
	return all[:n]
}

// posixLocks returns what a POSIX open, if what it has is stored, has of the ranges of a request. As neither
// these nor its locks overlap, there are no more parts than of both together.
func (o *open) posixLocks(elems []smb2.LockElement) (had []byteLock) {
	if !o.posix || !o.durability.persistent {
		return nil
	}
	ranges := byteRanges(elems)
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	for _, h := range o.file.locks.held {
		if h.owner != o {
			continue
		}
		first, _ := slices.BinarySearchFunc(ranges, h.off, func(r byteRange, off uint64) int { return cmp.Compare(r.last, off) })
		for _, r := range ranges[first:] {
			if r.off > h.last() {
				break
			}
			part := h
			part.off = max(h.off, r.off)
			part.len = min(h.last(), r.last) - part.off + 1
			had = append(had, part)
		}
	}
	return had
}

// restore gives up the ranges of a request, but for what o had of them.
func (o *open) restore(elems []smb2.LockElement, had []byteLock) {
	ranges := byteRanges(elems)
	l := &o.file.locks
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	for _, r := range ranges {
		l.carve(r.off, r.last, o)
	}
	for _, h := range had {
		l.add(h)
	}
	l.grant(nil)
}
