package smb

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// lock takes or gives up byte-range locks. [MS-SMB2] 3.3.5.14
func lock(_ context.Context, r *request, w *reply) error {
	req, err := smb2.ParseLockRequest(r.msg)
	if err != nil {
		return err
	}
	o := r.open
	if o.file == nil || o.file.dir {
		return smb2.StatusInvalidParameter
	}
	before := r.lockedBefore(req.LockSequence)
	had := o.posixLocks(req.Locks)
	switch {
	case r.id.expired() && req.Locks[0].Flags&smb2.LockUnlock == 0:
		// By the letter of 3.3.5.2.9 it would be taken, but not by Windows and smbd.
		return smb2.StatusNetworkSessionExpired
	case before:
	case o.posix && req.Locks[0].Flags&smb2.LockUnlock != 0:
		err = o.unlockPosix(req.Locks, r.c.srv.limits.LocksPerFile)
	case req.Locks[0].Flags&smb2.LockUnlock != 0:
		err = o.unlock(req.Locks)
	default:
		err = r.lock(req.Locks)
	}
	if err != nil {
		return err
	}
	r.locked(req.LockSequence)
	if err := o.save(); err != nil {
		r.lockedBefore(req.LockSequence ^ 1) // forgets it
		if !before && req.Locks[0].Flags&smb2.LockUnlock == 0 {
			if o.posix {
				o.restore(req.Locks, had)
			} else {
				o.giveUp(req.Locks)
			}
		}
		return err
	}
	w.buf.B = smb2.LockResponse{}.Append(w.buf.B)
	return nil
}

// unlock gives up locks one by one; those before one that fails stay given up.
func (o *open) unlock(elems []smb2.LockElement) error {
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	for _, e := range elems {
		if e.Flags != smb2.LockUnlock {
			return smb2.StatusInvalidParameter
		}
		if !validRange(e.Offset, e.Length) {
			return smb2.StatusInvalidLockRange
		}
		if err := o.file.locks.unlock(e.Offset, e.Length, o); err != nil {
			return err
		}
	}
	return nil
}

// lock takes locks, all or none.
func (r *request) lock(elems []smb2.LockElement) error {
	if r.open.access&(sharedRead|sharedWrite) == 0 {
		return smb2.StatusAccessDenied
	}
	if r.open.posix {
		return r.lockPosix(elems)
	}
	for i, e := range elems {
		err := r.lockOne(e, len(elems) > 1)
		if err == nil {
			continue
		}
		r.open.giveUp(elems[:i])
		return err
	}
	return nil
}

// giveUp undoes locks.
func (o *open) giveUp(elems []smb2.LockElement) {
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	for _, e := range slices.Backward(elems) {
		o.file.locks.takeBack(byteLock{e.Offset, e.Length, e.Flags&smb2.LockExclusive != 0, o})
	}
}

func (r *request) lockOne(e smb2.LockElement, several bool) error {
	var exclusive, wait bool
	switch e.Flags {
	case smb2.LockShared, smb2.LockExclusive:
		// Several can't wait, or a client could wait for itself.
		if several {
			return smb2.StatusInvalidParameter
		}
		wait = true
	case smb2.LockShared | smb2.LockFailImmediately, smb2.LockExclusive | smb2.LockFailImmediately:
	default:
		return smb2.StatusInvalidParameter
	}
	exclusive = e.Flags&smb2.LockExclusive != 0
	if !validRange(e.Offset, e.Length) {
		return smb2.StatusInvalidLockRange
	}
	o, f := r.open, r.open.file
	if err := r.breakFor(f, o.holder, oplock.OpLock); err != nil {
		return err
	}
	l := byteLock{e.Offset, e.Length, exclusive, o}
	f.mu.Lock()
	switch {
	case len(f.locks.held)+len(f.locks.waits) >= r.c.srv.limits.LocksPerFile || !o.mayLock(1):
		f.mu.Unlock()
		return smb2.StatusInsufficientResources
	case !f.locks.conflict(e.Offset, e.Length, exclusive, true, o):
		f.locks.add(l)
		f.mu.Unlock()
		return nil
	case !wait:
		f.mu.Unlock()
		return smb2.StatusLockNotGranted
	}
	return r.awaitLock(l)
}

// awaitLock waits for a lock that collides with others. The caller holds file.mu, which
// it gives up.
func (r *request) awaitLock(l byteLock) error {
	f := l.owner.file
	lw := &lockWait{byteLock: l, ready: make(chan struct{})}
	f.locks.waits = append(f.locks.waits, lw)
	f.mu.Unlock()
	err := r.waitAtWill(lw.ready)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks.giveUp(lw) {
		return nil
	}
	return err
}
