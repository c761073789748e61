package smb_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

const (
	exclusiveNow = smb2.LockExclusive | smb2.LockFailImmediately
	sharedNow    = smb2.LockShared | smb2.LockFailImmediately
)

// blocked is a LOCK that waits because holder has the range.
type blocked struct {
	holder, c *smbtest.Client
	held, id  smb2.FileID
	mid       uint64
	async     uint64
}

// block makes a LOCK wait.
func (r *rig) block(d smb.Dialect) *blocked {
	r.t.Helper()
	b := &blocked{holder: r.logon(smb.Dialect311), c: r.logon(d)}
	b.held = r.open(b.holder, "locked")
	want(r.t, "LOCK", b.holder.Lock(b.held, 0, 10, exclusiveNow), ok)
	b.id = r.open(b.c, "locked")
	b.wait(r.t)
	return b
}

// wait sends the LOCK and takes the interim reply.
func (b *blocked) wait(t testing.TB) {
	t.Helper()
	e := b.c.Req(smb2.CommandLock, smbtest.LockReq(b.id, 5, 1, smb2.LockExclusive))
	b.mid = e.MessageID
	b.c.Send(e)
	rep := b.c.WaitInterim(b.mid)
	b.async = rep.AsyncID
	if rep.Credits == 0 && rep.CreditCharge != 0 {
		t.Errorf("the interim reply grants nothing")
	}
}

// final takes the reply.
func (b *blocked) final(t testing.TB, status smb2.Status) {
	t.Helper()
	rep := b.c.Wait(b.mid)
	want(t, "LOCK", rep.Status, status)
	if rep.Flags&smb2.FlagAsync == 0 || rep.AsyncID != b.async {
		t.Errorf("the final reply has flags %x and AsyncId %d, want %d", rep.Flags, rep.AsyncID, b.async)
	}
	if rep.Credits != 0 {
		t.Errorf("the final reply of an asynchronous request grants %d", rep.Credits)
	}
	if rep.BadSig {
		t.Error("bad signature")
	}
}

func TestLockWaits(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		b := r.block(d)
		alive(t, b.c) // others are served meanwhile
		want(t, "UNLOCK", b.holder.Lock(b.held, 0, 10, smb2.LockUnlock), ok)
		b.final(t, ok)
		want(t, "LOCK of the same", b.holder.Lock(b.held, 5, 1, exclusiveNow), smb2.StatusLockNotGranted)
		// The next dialect wants the lock before the server notices a lost connection.
		want(t, "CLOSE", b.c.CloseFile(b.id), ok)
		b.holder.Close()
		b.c.Close()
	})
}

func TestCancel(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		b := r.block(d)
		b.c.Cancel(b.mid, 0)
		b.final(t, smb2.StatusCancelled)
		b.wait(t)
		b.c.Cancel(0, b.async)
		b.final(t, smb2.StatusCancelled)
		// What doesn't exist can't be canceled, and isn't answered.
		b.c.Cancel(b.mid, 0)
		b.c.Cancel(1<<40, 0)
		b.c.Cancel(0, 1<<40)
		alive(t, b.c)
		// Canceling doesn't take the lock.
		want(t, "UNLOCK", b.holder.Lock(b.held, 0, 10, smb2.LockUnlock), ok)
		want(t, "LOCK", b.holder.Lock(b.held, 0, 10, exclusiveNow), ok)
		// The next dialect wants the lock before the server notices a lost connection.
		want(t, "CLOSE", b.holder.CloseFile(b.held), ok)
		b.holder.Close()
		b.c.Close()
	})
}

// The answer to what was canceled comes before that to the next request, however busy the
// machine is: the server's clock stands still while anybody works.
func TestCancelAnsweredFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.srv.Close()
		b := r.block(smb.Dialect311)
		for range 200 {
			b.c.Cancel(b.mid, 0)
			echo := b.c.Req(smb2.CommandEcho, smb2.EchoRequest{})
			b.c.Send(echo)
			if first, _ := b.c.Recv(); first.MessageID != b.mid {
				t.Fatal("the next request is answered first")
			}
			want(t, "ECHO", b.c.Wait(echo.MessageID).Status, ok)
			b.wait(t)
		}
	})
}

func TestCancelEncrypted(t *testing.T) {
	r := newRig(t, nil)
	b := r.block(smb.Dialect311)
	b.c.Session.Seal = true
	b.c.Cancel(0, b.async)
	b.final(t, smb2.StatusCancelled)
}

// A CANCEL without the signature that the session needs does nothing.
func TestCancelUnsigned(t *testing.T) {
	r := newRig(t, nil)
	b := r.block(smb.Dialect311)
	for _, bad := range []bool{false, true} {
		e := b.c.Req(smb2.CommandCancel, smb2.CancelRequest{})
		e.MessageID, e.AsyncID, e.Flags = b.mid, b.async, smb2.FlagAsync
		e.Unsigned = !bad
		if bad {
			e.Tamper = func(msg []byte) { msg[50] ^= 1 }
		}
		b.c.Send(e)
		if !b.c.Quiet(50 * time.Millisecond) {
			t.Error("it was canceled")
		}
	}
	b.c.Cancel(b.mid, 0)
	b.final(t, smb2.StatusCancelled)
}

// Nobody cancels what others wait for.
func TestCancelOfAnother(t *testing.T) {
	r := newRig(t, nil)
	b := r.block(smb.Dialect311)
	other := r.as("bob", password+"!")
	other.Cancel(b.mid, 0)
	other.Cancel(0, b.async)
	alive(t, other)
	if !b.c.Quiet(50 * time.Millisecond) {
		t.Error("another connection canceled the request")
	}
	b.c.Cancel(b.mid, 0)
	b.final(t, smb2.StatusCancelled)
}

// A CANCEL in front of other requests is for what it names, and what follows is canceled
// by its own name.
func TestCancelInFront(t *testing.T) {
	r := newRig(t, nil)
	b := r.block(smb.Dialect311)
	e := b.c.Req(smb2.CommandCancel, smb2.CancelRequest{})
	e.MessageID = b.mid
	lock := b.c.Req(smb2.CommandLock, smbtest.LockReq(b.id, 0, 1, smb2.LockExclusive))
	b.c.Send(e, lock)
	b.final(t, smb2.StatusCancelled)
	b.c.Cancel(lock.MessageID, 0)
	want(t, "the LOCK behind it", b.c.Wait(lock.MessageID).Status, smb2.StatusCancelled)
	alive(t, b.c)
}

// Who waits is answered when what it waits on goes.
func TestWaitEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b *blocked) smb2.Status
		want smb2.Status
	}{
		// [MS-FSA] 2.1.5.8: a lock on a file that is closed.
		{"CLOSE", func(b *blocked) smb2.Status { return b.c.CloseFile(b.id) }, smb2.StatusRangeNotLocked},
		{"TREE_DISCONNECT", func(b *blocked) smb2.Status { return b.c.TreeDisconnect() }, smb2.StatusRangeNotLocked},
		{"LOGOFF", func(b *blocked) smb2.Status { return b.c.Logoff() }, smb2.StatusRangeNotLocked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			b := r.block(smb.Dialect311)
			want(t, tt.name, tt.do(b), ok)
			rep := b.c.Wait(b.mid)
			if !rep.Status.IsError() || rep.AsyncID != b.async {
				t.Errorf("LOCK: %v", rep.Status)
			}
			want(t, "UNLOCK", b.holder.Lock(b.held, 0, 10, smb2.LockUnlock), ok)
			want(t, "LOCK", b.holder.Lock(b.held, 0, 10, exclusiveNow), ok)
		})
	}
	t.Run("connection", func(t *testing.T) {
		r := newRig(t, nil)
		b := r.block(smb.Dialect311)
		b.c.Close()
		gone(t, r, 1)
		want(t, "UNLOCK", b.holder.Lock(b.held, 0, 10, smb2.LockUnlock), ok)
	})
	t.Run("connection of the holder", func(t *testing.T) {
		r := newRig(t, nil)
		b := r.block(smb.Dialect311)
		b.holder.Close()
		b.final(t, ok)
	})
	t.Run("Shutdown", func(t *testing.T) {
		r := newRig(t, nil)
		b := r.block(smb.Dialect311)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		dropped(t, "Shutdown", b.c)
	})
}

// gone waits until the server has n connections.
func gone(t testing.TB, r *rig, n int) {
	t.Helper()
	for i := range 1000 {
		if r.srv.Counters().Conns == n {
			return
		}
		time.Sleep(min(time.Duration(i)*10*time.Microsecond, 10*time.Millisecond))
	}
	t.Errorf("%d connections, want %d", r.srv.Counters().Conns, n)
}

func TestAsyncCap(t *testing.T) {
	r := newRig(t, func(s *smb.Server) { s.Limits.AsyncPerConn = 3 })
	b := r.block(smb.Dialect311)
	mids := []uint64{b.mid}
	for range 2 {
		b.wait(t)
		mids = append(mids, b.mid)
	}
	want(t, "one more", b.c.Lock(b.id, 5, 1, smb2.LockExclusive), smb2.StatusInsufficientResources)
	alive(t, b.c)
	for _, m := range mids {
		b.c.Cancel(m, 0)
		want(t, "LOCK", b.c.Wait(m).Status, smb2.StatusCancelled)
	}
	b.wait(t)
}

// An element that waits within a compound: what was answered before goes out, and
// what comes after waits with it.
func TestAsyncInCompound(t *testing.T) {
	r := newRig(t, nil)
	for _, seal := range []bool{false, true} {
		b := r.block(smb.Dialect311)
		b.c.Session.Seal = seal
		elems := related(b.c,
			b.c.Req(smb2.CommandCreate, smbtest.CreateReq("locked", smb2.Open)),
			b.c.Req(smb2.CommandLock, smbtest.LockReq(smb2.RelatedFileID, 0, 1, smb2.LockExclusive)),
			b.c.Req(smb2.CommandClose, smb2.CloseRequest{FileID: smb2.RelatedFileID}))
		b.c.Send(elems...)
		create := b.c.Wait(elems[0].MessageID)
		want(t, "CREATE", create.Status, ok)
		b.c.WaitInterim(elems[1].MessageID)
		b.c.Cancel(b.mid, 0)
		want(t, "the other LOCK", b.c.Wait(b.mid).Status, smb2.StatusCancelled)
		want(t, "UNLOCK", b.holder.Lock(b.held, 0, 10, smb2.LockUnlock), ok)
		lock, cl := b.c.Wait(elems[1].MessageID), b.c.Wait(elems[2].MessageID)
		want(t, "LOCK", lock.Status, ok)
		want(t, "CLOSE", cl.Status, ok)
		for _, rep := range []smbtest.Reply{create, lock, cl} {
			if rep.BadSig || rep.Sealed != seal {
				t.Errorf("%v: signature bad %v, encrypted %v", rep.Command, rep.BadSig, rep.Sealed)
			}
		}
		b.c.Close()
		b.holder.Close()
	}
}

// Several in one LOCK can't wait. [MS-SMB2] 3.3.5.14.2
func TestLockSeveralElements(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id, other := r.open(c, "f"), r.open(c, "f")
	lock := func(id smb2.FileID, elems ...smb2.LockElement) smb2.Status {
		return c.Do(smb2.CommandLock, smb2.LockRequest{FileID: id, Locks: elems}).Status
	}
	want(t, "waiting", lock(id, smb2.LockElement{Length: 1, Flags: smb2.LockExclusive}, smb2.LockElement{Offset: 5, Length: 1, Flags: smb2.LockExclusive}), smb2.StatusInvalidParameter)
	want(t, "not waiting", lock(id, smb2.LockElement{Length: 1, Flags: exclusiveNow}, smb2.LockElement{Offset: 5, Length: 1, Flags: sharedNow}), ok)
	// All or none.
	want(t, "one taken", lock(other, smb2.LockElement{Offset: 9, Length: 1, Flags: exclusiveNow}, smb2.LockElement{Offset: 0, Length: 1, Flags: exclusiveNow}), smb2.StatusLockNotGranted)
	want(t, "the first of these", lock(id, smb2.LockElement{Offset: 9, Length: 1, Flags: exclusiveNow}), ok)
	want(t, "unlock", lock(id, smb2.LockElement{Length: 1, Flags: smb2.LockUnlock}, smb2.LockElement{Offset: 5, Length: 1, Flags: smb2.LockUnlock}, smb2.LockElement{Offset: 9, Length: 1, Flags: smb2.LockUnlock}), ok)
	want(t, "unlock twice", lock(id, smb2.LockElement{Length: 1, Flags: smb2.LockUnlock}), smb2.StatusRangeNotLocked)
	want(t, "wrapping", lock(id, smb2.LockElement{Offset: ^uint64(0), Length: 2, Flags: exclusiveNow}), smb2.StatusInvalidLockRange)
	want(t, "no flags", lock(id, smb2.LockElement{Length: 1}), smb2.StatusInvalidParameter)
}

// Locks guard reads and writes of others. [MS-FSA] 2.1.4.10
func TestLocksGuardContent(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "0123456789")
	c := r.logon(smb.Dialect311)
	a, b := r.open(c, "f"), r.open(c, "f")
	const conflict = smb2.StatusFileLockConflict
	want(t, "LOCK", c.Lock(a, 2, 3, exclusiveNow), ok)
	for _, tt := range []struct {
		off  uint64
		n    int
		want smb2.Status
	}{{0, 2, ok}, {0, 3, conflict}, {3, 1, conflict}, {4, 5, conflict}, {5, 5, ok}, {0, 10, conflict}} {
		_, st := c.Read(b, tt.off, tt.n)
		want(t, "READ of another", st, tt.want)
		_, st = c.Read(a, tt.off, tt.n)
		want(t, "READ of the owner", st, ok)
		_, st = c.Write(b, tt.off, make([]byte, tt.n))
		want(t, "WRITE of another", st, tt.want)
	}
	want(t, "cutting off a locked range", c.SetInfo(b, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 1}), ok)
	end := smb2.FileEndOfFileInformation{EndOfFile: 20}
	want(t, "growing over a locked range", c.SetInfo(b, smb2.ClassFileEndOfFileInformation, end), ok)
	want(t, "CLOSE", c.CloseFile(a), ok)
	_, st := c.Write(b, 0, []byte("x"))
	want(t, "WRITE after CLOSE of the owner", st, ok)
}

// A backend that takes long: the client is told that its request is alive, and
// the answer comes when it comes.
func TestSlowBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var gate chan struct{}
		r := newRig(t, func(s *smb.Server) {
			s.Shares.(smb.Shares)["s"].FS = faultfs.New(s.Shares.(smb.Shares)["s"].FS, func(op faultfs.Op) error {
				mu.Lock()
				g := gate
				mu.Unlock()
				if g != nil && op.Kind == faultfs.Sync {
					<-g
				}
				return nil
			})
		})
		for _, seal := range []bool{false, true} {
			c := r.logon(smb.Dialect311)
			c.Timeout = time.Hour
			c.Session.Seal = seal
			id := r.open(c, "f")
			mu.Lock()
			gate = make(chan struct{})
			mu.Unlock()
			e := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
			start := time.Now()
			c.Send(e)
			interim := c.WaitInterim(e.MessageID)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("interim reply after %v", d)
			}
			alive(t, c)
			time.Sleep(time.Minute)
			close(gate)
			final := c.Wait(e.MessageID)
			if final.Status != ok || final.AsyncID != interim.AsyncID || final.Sealed != seal || final.BadSig {
				t.Errorf("%v, AsyncId %d, want %d", final.Status, final.AsyncID, interim.AsyncID)
			}
			c.Close()
		}
		end(r)
	})
}

// A client that sends hundreds of requests at once doesn't have all of them ready to run
// before others' can.
func TestCrowd(t *testing.T) {
	const many = 600
	var most atomic.Int64
	r := newRig(t, func(s *smb.Server) {
		fsys := s.Shares.(smb.Shares)["s"].FS
		s.Shares = smb.Shares{"s": {FS: faultfs.New(fsys, func(op faultfs.Op) error {
			if op.Kind == faultfs.Sync {
				most.Store(max(most.Load(), int64(runtime.NumGoroutine())))
			}
			return nil
		})}}
	})
	c, _, _ := r.dialTCP()
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	id := r.open(c, "f")
	c.Ask = 1000
	alive(t, c)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	before := runtime.NumGoroutine()
	var burst []byte
	var ids []uint64
	for range many {
		e := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
		msg := c.Build(e)
		burst = append(binary.BigEndian.AppendUint32(burst, uint32(len(msg))), msg...)
		ids = append(ids, e.MessageID)
	}
	if !c.SendBytes(burst) {
		t.Fatal("the connection ended")
	}
	for _, mid := range ids {
		want(t, "FLUSH", c.Wait(mid).Status, ok)
	}
	if n := int(most.Load()) - before; n > 300 {
		t.Errorf("%d requests of one client were ready to run at once", n)
	} else if n < 10 {
		t.Errorf("%d at once are too few for a test", n)
	}
}

// A LOCK that fails gives back what it took, and not what was there.
func TestLockRollback(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		ia, ib := r.open(a, "f"), r.open(b, "f")
		want(t, "LOCK of the other", b.Lock(ib, 100, 1, exclusiveNow), ok)
		want(t, "LOCK", a.Lock(ia, 0, 10, exclusiveNow), ok)
		sharedNow := smb2.LockShared | smb2.LockFailImmediately
		st := a.Do(smb2.CommandLock, smb2.LockRequest{FileID: ia, Locks: []smb2.LockElement{
			{Offset: 0, Length: 10, Flags: sharedNow}, {Offset: 100, Length: 1, Flags: exclusiveNow},
		}}).Status
		want(t, "LOCK of two", st, smb2.StatusLockNotGranted)
		_, st = b.Read(ib, 0, 10)
		want(t, "READ of the other", st, smb2.StatusFileLockConflict)
		want(t, "LOCK of the other, shared", b.Lock(ib, 0, 10, sharedNow), smb2.StatusLockNotGranted)
	})
}
