package smb_test

import (
	"testing"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// Locks of POSIX opens, through the protocol. [POSIX-FSA] 2.1.5.7, 2.1.5.8
func TestPosixLocks(t *testing.T) {
	r := posixRig(t)
	put(t, r.fs, "f", "0123456789")
	c, w := r.posix("ann"), r.as("eve", password)
	a, b, win := r.create(c, posixReq("f", smb2.Open, 0)), r.create(c, posixReq("f", smb2.Open, 0)), r.open(w, "f")
	for _, step := range []struct {
		what   string
		c      *smbtest.Client
		id     smb2.FileID
		off, n uint64
		flags  smb2.LockFlags
		want   smb2.Status
	}{
		{"lock", c, a, 0, 10, exclusiveNow, ok},
		{"lock again, shared", c, a, 5, 10, sharedNow, ok},
		{"another's lock", c, b, 0, 1, sharedNow, smb2.StatusLockNotGranted},
		{"another's shared lock", c, b, 7, 2, sharedNow, ok},
		{"upgrade against it", c, a, 5, 10, exclusiveNow, smb2.StatusLockNotGranted},
		{"a Windows lock", w, win, 2, 1, exclusiveNow, smb2.StatusLockNotGranted},
		{"unlock a part", c, a, 2, 2, smb2.LockUnlock, ok},
		{"a Windows lock there", w, win, 2, 2, exclusiveNow, ok},
		{"lock over it", c, b, 2, 1, sharedNow, smb2.StatusLockNotGranted},
		{"unlock what isn't locked", c, b, 20, 5, smb2.LockUnlock, ok},
		{"unlock all", c, a, 0, 1 << 63, smb2.LockUnlock, ok},
		{"lock", c, b, 0, 1, exclusiveNow, ok},
		{"nothing", c, a, 0, 0, exclusiveNow, smb2.StatusInvalidParameter},
		{"too long", c, a, 2, 1<<64 - 1, exclusiveNow, smb2.StatusInvalidLockRange},
		{"to the end", c, a, 100, 1<<64 - 100, exclusiveNow, ok},
		{"unlock to the end", c, a, 100, 1<<64 - 100, smb2.LockUnlock, ok},
		{"no such flags", c, a, 0, 1, smb2.LockShared | smb2.LockExclusive, smb2.StatusInvalidParameter},
	} {
		want(t, step.what, step.c.Lock(step.id, step.off, step.n, step.flags), step.want)
	}
	// Byte 0 is b's, exclusively, 2 and 3 are the Windows client's, 7 and 8 b's, shared.
	for _, x := range []struct {
		what string
		c    *smbtest.Client
		id   smb2.FileID
		off  uint64
		want smb2.Status
	}{
		{"POSIX write to a POSIX lock", c, a, 0, ok},
		{"POSIX write to a Windows lock", c, a, 2, smb2.StatusFileLockConflict},
		{"Windows write to a POSIX lock", w, win, 7, smb2.StatusFileLockConflict},
		{"Windows write elsewhere", w, win, 5, ok},
	} {
		_, st := x.c.Write(x.id, x.off, []byte("x"))
		want(t, x.what, st, x.want)
	}

	// Several at once are taken all or not at all.
	several := func(elems ...smb2.LockElement) smb2.Status {
		return c.Do(smb2.CommandLock, smb2.LockRequest{FileID: a, Locks: elems}).Status
	}
	want(t, "several", several(smb2.LockElement{Offset: 50, Length: 1, Flags: exclusiveNow}, smb2.LockElement{Offset: 8, Length: 1, Flags: exclusiveNow}), smb2.StatusLockNotGranted)
	want(t, "what was not taken", c.Lock(b, 50, 1, exclusiveNow), ok)
	want(t, "several that wait", several(smb2.LockElement{Offset: 60, Length: 1, Flags: smb2.LockExclusive}, smb2.LockElement{Offset: 61, Length: 1, Flags: smb2.LockExclusive}), smb2.StatusInvalidParameter)

	// One that waits gets what is unlocked, or shared, by a part.
	e := c.Req(smb2.CommandLock, smbtest.LockReq(a, 50, 1, smb2.LockShared))
	c.Send(e)
	c.WaitInterim(e.MessageID)
	want(t, "share what was locked", c.Lock(b, 50, 1, sharedNow), ok)
	want(t, "the lock that waited", c.Wait(e.MessageID).Status, ok)
}

// A client can't make the server keep more locks than it may by unlocking parts of one.
func TestPosixLocksLimit(t *testing.T) {
	r := posixRig(t)
	r.srv.Limits.LocksPerFile = 20
	c := r.posix("ann")
	id := r.posixOpen(c, "f")
	want(t, "lock", c.Lock(id, 0, 1<<40, exclusiveNow), ok)
	st := ok
	for i := uint64(1); i < 100 && st == ok; i++ {
		st = c.Lock(id, 2*i, 1, smb2.LockUnlock)
	}
	want(t, "unlock", st, smb2.StatusInsufficientResources)
	want(t, "unlock all", c.Lock(id, 0, 1<<40, smb2.LockUnlock), ok)
	want(t, "lock", c.Lock(id, 0, 1, exclusiveNow), ok)
}
