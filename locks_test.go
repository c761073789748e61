package smb_test

import (
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// elements are n locks of a byte, two bytes apart.
func elements(first, n uint64, flags smb2.LockFlags) []smb2.LockElement {
	list := make([]smb2.LockElement, n)
	for i := range list {
		list[i] = smb2.LockElement{Offset: 2 * (first + uint64(i)), Length: 1, Flags: flags}
	}
	return list
}

// Whoever gives up a lock doesn't compare all that wait with all that is held.
func TestManyLocksAndWaiters(t *testing.T) {
	const held, clients, each, batch = 8000, 8, 500, 64
	r := newRig(t, nil)
	owner := r.logon(smb.Dialect311)
	id := r.open(owner, "f")
	lock := func(first uint64, flags smb2.LockFlags) {
		want(t, "LOCK", owner.Do(smb2.CommandLock, smb2.LockRequest{FileID: id, Locks: elements(first, batch, flags)}).Status, ok)
	}
	for first := uint64(0); first < held; first += batch {
		lock(first, exclusiveNow)
	}
	type waiter struct {
		c      *smbtest.Client
		id     smb2.FileID
		on     uint64 // what one of its requests waits for
		lockID uint64
	}
	var waiters []*waiter
	for n := range clients {
		w := &waiter{c: r.logon(smb.Dialect311), on: held - 1 - uint64(n)}
		w.id = r.open(w.c, "f")
		for k := range each {
			at := 2 * w.on
			if k > 0 {
				at = 2 * (held - 1 - clients - uint64(n*each+k))
			}
			e := w.c.Req(smb2.CommandLock, smbtest.LockReq(w.id, at, 1, smb2.LockExclusive))
			if w.c.Send(e); k == 0 {
				w.lockID = e.MessageID
			}
			w.c.WaitInterim(e.MessageID)
		}
		waiters = append(waiters, w)
	}
	begun := time.Now()
	lock(0, smb2.LockUnlock)
	lock(0, exclusiveNow)
	if d := time.Since(begun); d > time.Second {
		t.Errorf("%d locks were given up, and taken again, in %v", batch, d)
	}
	// Who waits for one that is given up gets it.
	for _, w := range waiters {
		want(t, "UNLOCK", owner.Lock(id, 2*w.on, 1, smb2.LockUnlock), ok)
		want(t, "the lock that was waited for", w.c.Wait(w.lockID).Status, ok)
	}
	for _, w := range waiters {
		w.c.Close()
	}
}
