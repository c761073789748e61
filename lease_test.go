package smb_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

const (
	leaseR, leaseRH, leaseRW, leaseRWH = smbtest.R, smbtest.RH, smbtest.RW, smbtest.RWH

	statAccess = 0x100080 // FILE_READ_ATTRIBUTES and SYNCHRONIZE: disturbs nobody
)

// machine is the GUID of the nth client.
func machine(n byte) smb2.GUID { return smb2.GUID{0xC1, n} }

// leaseKey is the nth lease key.
func leaseKey(n byte) smbtest.Key { return smbtest.Key{0x1E, n} }

// channel returns a client of the machine that has negotiated d and all that is
// for caching, without a session.
func (r *rig) channel(d smb.Dialect, m byte) *smbtest.Client {
	r.t.Helper()
	return r.dialect(d, smbtest.NegotiateOptions{ClientGUID: machine(m), Caps: smbtest.CachingCaps})
}

// caching is channel with ann's session and the share "s".
func (r *rig) caching(d smb.Dialect, m byte) *smbtest.Client {
	r.t.Helper()
	c := r.channel(d, m)
	r.setup(c, "ann", password)
	r.tree(c, "s")
	return c
}

// leased opens name, and fails the test unless the lease is want.
func (r *rig) leased(c *smbtest.Client, name string, x smb2.CreateContext, want smb2.LeaseState) (smb2.FileID, smb2.LeaseContext) {
	r.t.Helper()
	return r.granted(c, smbtest.CreateReq(name, smb2.OpenIf), x, want)
}

func (r *rig) granted(c *smbtest.Client, req smb2.CreateRequest, x smb2.CreateContext, want smb2.LeaseState) (smb2.FileID, smb2.LeaseContext) {
	r.t.Helper()
	resp, g, st := c.Open(req, x)
	if st != ok {
		r.t.Fatalf("CREATE %q: %v", req.Name, st)
	}
	if g.Lease == nil || resp.OplockLevel != smb2.OplockLease {
		r.t.Fatalf("CREATE %q: oplock level %v, %d contexts", req.Name, resp.OplockLevel, len(resp.Contexts))
	}
	if g.Lease.State != want {
		r.t.Fatalf("CREATE %q: lease %v, want %v", req.Name, oplock.State(g.Lease.State), oplock.State(want))
	}
	return resp.FileID, *g.Lease
}

// leaseBroken takes a lease break and checks it. epoch is zero for version 1.
func leaseBroken(t testing.TB, c *smbtest.Client, key smbtest.Key, from, to smb2.LeaseState, epoch uint16) {
	t.Helper()
	b := c.Break()
	want := smb2.LeaseBreakNotification{LeaseKey: key, CurrentState: from, NewState: to, NewEpoch: epoch}
	if from != leaseR {
		want.Flags = smb2.LeaseBreakAckRequired
	}
	if b.Lease == nil || *b.Lease != want {
		t.Fatalf("break %+v, %+v, want %+v", b.Lease, b.Oplock, want)
	}
}

// unbroken checks that no break came.
func unbroken(t testing.TB, what string, clients ...*smbtest.Client) {
	t.Helper()
	for i, c := range clients {
		alive(t, c)
		// In a bubble this is exact.
		if !c.Quiet(10 * time.Millisecond) {
			b, _ := c.TakeBreak()
			t.Fatalf("%s: client %d was sent %+v %+v", what, i, b.Lease, b.Oplock)
		}
	}
}

func ackLease(t testing.TB, c *smbtest.Client, key smbtest.Key, s smb2.LeaseState) {
	t.Helper()
	a, st := c.AckLease(key, s)
	want(t, "acknowledgement", st, ok)
	if st == ok && (a.LeaseKey != key || a.State != s) {
		t.Errorf("acknowledged %+v", a)
	}
}

// bubble runs f in a bubble of its own, where nothing that the server does in the
// background goes unnoticed.
func bubble(t *testing.T, edit func(*smb.Server), f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newRig(t, edit)) })
}

// start sends a request that has to wait.
func start(c *smbtest.Client, cmd smb2.Command, body smbtest.Body) (mid uint64) {
	e := c.Req(cmd, body)
	c.Send(e)
	c.WaitInterim(e.MessageID)
	return e.MessageID
}

func startOpen(c *smbtest.Client, req smb2.CreateRequest, x ...smb2.CreateContext) (mid uint64) {
	return start(c, smb2.CommandCreate, smbtest.With(req, x...))
}

// Version 1 needs 2.1, version 2 and directory leases 3.0; 2.0.2 knows none.
func TestLeaseCapabilities(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		var want smb2.Capabilities
		if d >= smb.Dialect210 {
			want |= smb2.CapLeasing
		}
		if d >= smb.Dialect300 {
			want |= smb2.CapDirectoryLeasing
		}
		const mask = smb2.CapLeasing | smb2.CapDirectoryLeasing
		c := r.channel(d, 1)
		if got := c.Server.Capabilities & mask; got != want {
			t.Errorf("capabilities %#x, want %#x", got, want)
		}
		plain := r.dialect(d, smbtest.NegotiateOptions{})
		if plain.Server.Capabilities&smb2.CapDirectoryLeasing != 0 {
			t.Error("directory leases for a client that doesn't ask")
		}
		r.setup(c, "ann", password)
		r.tree(c, "s")
		resp, g, st := c.Open(smbtest.CreateReq("f"+d.String(), smb2.OpenIf), smbtest.Lease(leaseKey(byte(d>>4)^byte(d)), leaseRWH))
		if st != ok || (g.Lease != nil) != (d >= smb.Dialect210) || (resp.OplockLevel == smb2.OplockLease) != (g.Lease != nil) {
			t.Errorf("%v, oplock %v, lease %v", st, resp.OplockLevel, g.Lease)
		}
		c.Close()
	})
}

// What is granted. Combinations without R don't exist. [MS-FSA] 2.1.5.18
func TestLeaseGrant(t *testing.T) {
	r := newRig(t, nil)
	c := r.caching(smb.Dialect311, 1)
	n := byte(0)
	for ask := smb2.LeaseState(0); ask < 8; ask++ {
		grant := ask
		if ask&leaseR == 0 {
			grant = 0
		}
		for v := uint8(1); v <= 2; v++ {
			n++
			x := smb2.LeaseContext{Version: v, Key: leaseKey(n), State: ask, Epoch: 0x30}
			_, got := r.leased(c, fmt.Sprint("f", n), smbtest.LeaseContext(x), grant)
			want := smb2.LeaseContext{Version: v, Key: x.Key, State: grant}
			if v == 2 {
				want.Epoch = 0x31
			}
			if grant == 0 {
				want.Epoch = got.Epoch // nothing changed
			}
			if got != want {
				t.Errorf("lease %+v, want %+v", got, want)
			}
		}
	}
	// The level says that there is a context, and the other way round.
	req := smbtest.CreateReq("level", smb2.OpenIf)
	req.OplockLevel = smb2.OplockLease
	resp, st := c.Create(req)
	want(t, "CREATE", st, ok)
	if resp.OplockLevel != smb2.OplockNone {
		t.Errorf("oplock %v without a context", resp.OplockLevel)
	}
	req = smbtest.With(smbtest.CreateReq("level2", smb2.OpenIf), smbtest.Lease(leaseKey(99), leaseR))
	req.OplockLevel = smb2.OplockNone
	resp, st = c.Create(req)
	want(t, "CREATE", st, ok)
	if resp.OplockLevel != smb2.OplockNone || len(resp.Contexts) != 0 {
		t.Errorf("oplock %v for none, %d contexts", resp.OplockLevel, len(resp.Contexts))
	}
	// Malformed.
	req = smbtest.CreateReq("bad", smb2.OpenIf)
	_, _, st = c.Open(req, smb2.CreateContext{Name: smb2.ContextRqLs, Data: make([]byte, 33)})
	want(t, "CREATE with a context of 33 bytes", st, smb2.StatusInvalidParameter)
}

// A further open with the key may make the lease more, and never less.
func TestLeaseUpgrade(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		key := leaseKey(1)
		for _, x := range []struct {
			ask, want smb2.LeaseState
			epoch     uint16
		}{
			{leaseR, leaseR, 1}, {leaseR, leaseR, 1}, {leaseRH, leaseRH, 2}, {0, leaseRH, 2}, {leaseRW, leaseRH, 2},
			{leaseRWH, leaseRWH, 3}, {leaseR, leaseRWH, 3},
		} {
			_, got := r.leased(c, "f", smbtest.Lease2(key, x.ask, 0), x.want)
			if got.Epoch != x.epoch {
				t.Errorf("asked for %v: epoch %d, want %d", oplock.State(x.ask), got.Epoch, x.epoch)
			}
		}
		unbroken(t, "upgrade", c)
		// Another lease of the same client is another client.
		other := r.caching(smb.Dialect311, 1)
		mid := startOpen(other, smbtest.CreateReq("f", smb2.Open), smbtest.Lease2(leaseKey(2), leaseRWH, 0))
		b, got := c.TakeBreak()
		if !got {
			b = other.Break()
		}
		if b.Lease == nil || b.Lease.LeaseKey != key || b.Lease.NewState != leaseRH || b.Lease.NewEpoch != 4 {
			t.Fatalf("break %+v", b.Lease)
		}
		// While it breaks nothing becomes more, and the client is told.
		_, still := r.leased(c, "f", smbtest.Lease2(key, leaseRWH, 0), leaseRWH)
		if still.Flags != smb2.LeaseBreakInProgress {
			t.Errorf("flags %#x while it breaks", still.Flags)
		}
		ackLease(t, c, key, leaseRH)
		_, g, st := other.Opened(other.Wait(mid))
		if st != ok || g.State() != leaseRH {
			t.Errorf("CREATE: %v, %+v", st, g.Lease)
		}
	})
}

// The epoch counts changes of what is granted: a lease of nothing isn't one.
func TestLeaseEpochOfNothing(t *testing.T) {
	r := newRig(t, nil)
	c := r.caching(smb.Dialect311, 1)
	id := r.open(c, "f")
	want(t, "LOCK", c.Lock(id, 0, 1, smb2.LockExclusive|smb2.LockFailImmediately), ok)
	_, g := r.leased(c, "f", smbtest.Lease2(leaseKey(1), leaseR, 100), 0)
	if g.Epoch != 100 {
		t.Errorf("epoch %d where nothing was granted", g.Epoch)
	}
	want(t, "CLOSE", c.CloseFile(id), ok)
	if _, g = r.leased(c, "f", smbtest.Lease2(leaseKey(1), leaseR, 100), leaseR); g.Epoch != 101 {
		t.Errorf("epoch %d where R was", g.Epoch)
	}
}

// A break, and every wrong answer to it. [MS-SMB2] 3.3.5.22.2
func TestLeaseBreak(t *testing.T) {
	for v := uint8(1); v <= 2; v++ {
		t.Run(fmt.Sprint("v", v), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect302, 2)
				lease := func(key byte, s smb2.LeaseState) smb2.CreateContext {
					return smbtest.LeaseContext(smb2.LeaseContext{Version: v, Key: leaseKey(key), State: s})
				}
				epoch := func(n uint16) uint16 {
					if v == 1 {
						return 0
					}
					return n
				}
				r.leased(a, "f", lease(1, leaseRWH), leaseRWH)
				_, st := a.AckLease(leaseKey(1), leaseR)
				want(t, "an answer to nothing", st, smb2.StatusUnsuccessful)

				mid := startOpen(b, smbtest.CreateReq("f", smb2.Open), lease(2, leaseRWH))
				leaseBroken(t, a, leaseKey(1), leaseRWH, leaseRH, epoch(2))
				_, st = a.AckLease(leaseKey(7), leaseRH)
				want(t, "an answer for another key", st, smb2.StatusObjectNameNotFound)
				_, st = b.AckLease(leaseKey(1), leaseRH)
				want(t, "an answer of another client", st, smb2.StatusObjectNameNotFound)
				_, st = a.AckLease(leaseKey(1), leaseRWH)
				want(t, "an answer that keeps too much", st, smb2.StatusRequestNotAccepted)
				ackLease(t, a, leaseKey(1), leaseRH)
				_, st = a.AckLease(leaseKey(1), leaseRH)
				want(t, "a second answer", st, smb2.StatusUnsuccessful)
				resp, g, st := b.Opened(b.Wait(mid))
				want(t, "CREATE", st, ok)
				if g.State() != leaseRH {
					t.Errorf("granted %+v", g.Lease)
				}

				// Nobody waits for R and H.
				_, st = b.Write(resp.FileID, 0, []byte("x"))
				want(t, "WRITE", st, ok)
				leaseBroken(t, a, leaseKey(1), leaseRH, 0, epoch(3))
				ackLease(t, a, leaseKey(1), 0)
				r.leased(a, "f", lease(1, leaseR), leaseR)
				_, st = b.Write(resp.FileID, 0, []byte("y"))
				want(t, "WRITE", st, ok)
				leaseBroken(t, a, leaseKey(1), leaseR, 0, epoch(5))
				unbroken(t, "the holder's own writes", b)
			})
		})
	}
}

// Each operation takes what it must, from others only.
func TestLeaseOperations(t *testing.T) {
	type op func(t *testing.T, r *rig, c *smbtest.Client, id smb2.FileID) smb2.Status
	for name, x := range map[string]struct {
		hold, to smb2.LeaseState
		op       op
	}{
		"write": {leaseRH, 0, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			_, st := c.Write(id, 0, []byte("x"))
			return st
		}},
		"end of file": {leaseRH, 0, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileEndOfFileInformation, smb2.FileEndOfFileInformation{EndOfFile: 3})
		}},
		"allocation": {leaseRH, 0, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileAllocationInformation, smb2.FileAllocationInformation{AllocationSize: 8192})
		}},
		"lock": {leaseRH, 0, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.Lock(id, 0, 1, exclusiveNow)
		}},
		"rename": {leaseRH, leaseR, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.Rename(id, "g", false)
		}},
		"delete": {leaseRH, leaseR, func(_ *testing.T, _ *rig, c *smbtest.Client, id smb2.FileID) smb2.Status {
			return c.Delete(id, true)
		}},
		"overwrite": {leaseRH, 0, func(_ *testing.T, _ *rig, c *smbtest.Client, _ smb2.FileID) smb2.Status {
			_, st := c.Create(smbtest.CreateReq("f", smb2.Overwrite))
			return st
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				put(t, r.fs, "f", "content")
				idA, _ := r.leased(a, "f", smbtest.Lease2(leaseKey(1), x.hold, 0), x.hold)
				if name != "overwrite" {
					want(t, name+" by the holder", x.op(t, r, a, idA), ok)
					unbroken(t, name+" by the holder", a)
					if name == "delete" {
						want(t, "undelete", a.Delete(idA, false), ok)
					}
					if name == "rename" {
						want(t, "rename back", a.Rename(idA, "f", false), ok)
					}
					if name == "lock" {
						want(t, "unlock", a.Lock(idA, 0, 1, smb2.LockUnlock), ok)
					}
				}
				idB := r.open(b, "f")
				done := make(chan smb2.Status)
				go func() { done <- x.op(t, r, b, idB) }()
				leaseBroken(t, a, leaseKey(1), x.hold, x.to, 2)
				ackLease(t, a, leaseKey(1), x.to)
				want(t, name, <-done, ok)
			})
		})
	}
}

// A key that is used for one file can't be used for another, and an attempt to
// make one leaves nothing behind. [MS-SMB2] 3.3.5.9.8
func TestLeaseKeyOfTwoFiles(t *testing.T) {
	r := newRig(t, nil)
	c := r.caching(smb.Dialect311, 1)
	put(t, r.fs, "g", "content")
	id, _ := r.leased(c, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
	before := dump(t, r.fs)
	for _, req := range []smb2.CreateRequest{
		smbtest.CreateReq("g", smb2.Open), smbtest.CreateReq("g", smb2.Overwrite), smbtest.CreateReq("g", smb2.Supersede),
		smbtest.CreateReq("new", smb2.Create), smbtest.CreateReq("new", smb2.OpenIf),
	} {
		for _, x := range []smb2.CreateContext{smbtest.Lease(leaseKey(1), leaseR), smbtest.Lease2(leaseKey(1), leaseR, 0)} {
			_, _, st := c.Open(req, x)
			want(t, "CREATE "+req.Name, st, smb2.StatusInvalidParameter)
		}
	}
	unchanged(t, "the share", r.fs, before)
	// It's free after the last close; and the same key of another client is
	// another lease.
	other := r.caching(smb.Dialect311, 2)
	r.leased(other, "g", smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
	want(t, "CLOSE", c.CloseFile(id), ok)
	r.leased(c, "h", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
}

// The key of what a client has open by a name that is another file's now is no reason to refuse it that: there is
// no lease then, and nothing that is for opens with one. [MS-SMB2] 3.3.5.9.11, "Lease.Filename"
func TestLeaseKeyOfReplaced(t *testing.T) {
	// over gives the name f to another file, by a rename.
	over := func(t *testing.T, r *rig, _, other *smbtest.Client, _ smb2.FileID) {
		id := r.open(other, "new")
		want(t, "rename", other.SetInfo(id, smb2.ClassFileRenameInformationEx, smb2.FileRenameInformationEx{
			Flags: smb2.RenameReplaceIfExists | smb2.RenamePosixSemantics, FileName: "f",
		}), ok)
		want(t, "CLOSE", other.CloseFile(id), ok)
	}
	for name, x := range map[string]struct {
		opened  string
		replace func(t *testing.T, r *rig, c, other *smbtest.Client, id smb2.FileID)
	}{
		"deleted": {"f", func(t *testing.T, r *rig, _, other *smbtest.Client, _ smb2.FileID) {
			id := r.open(other, "f")
			want(t, "delete", disposeEx(other, id, smb2.DispositionDelete|smb2.DispositionPosixSemantics), ok)
			want(t, "CLOSE", other.CloseFile(id), ok)
		}},
		"renamed away": {"f", func(t *testing.T, r *rig, _, other *smbtest.Client, _ smb2.FileID) {
			want(t, "rename", other.Rename(r.open(other, "f"), "g", false), ok)
		}},
		"renamed over": {"f", over},
		"renamed over after a rename": {"g", func(t *testing.T, r *rig, c, other *smbtest.Client, id smb2.FileID) {
			want(t, "rename", c.Rename(id, "f", false), ok)
			_, _, st := c.Open(smbtest.CreateReq("g", smb2.OpenIf), smbtest.Lease2(leaseKey(1), leaseR, 0))
			want(t, "CREATE of what has the old name", st, smb2.StatusInvalidParameter)
			over(t, r, c, other, id)
		}},
		"outside": {"f", func(t *testing.T, r *rig, _, _ *smbtest.Client, _ smb2.FileID) {
			put(t, r.fs, "new", "other")
			if err := r.fs.Rename(context.Background(), "new", "f", true); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			c, other := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
			id, _ := r.leased(c, x.opened, smbtest.Lease2(leaseKey(1), leaseR, 0), leaseR)
			x.replace(t, r, c, other, id)
			req := smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Lease2(leaseKey(1), leaseRWH, 0), smbtest.Durable2(createGUID(1), 0, 0))
			first, _, st := c.Open(req)
			want(t, "CREATE", st, ok)
			again, _, st := c.Opened(c.DoElem(c.Req(smb2.CommandCreate, req).Replay()))
			want(t, "CREATE again", st, ok)
			for _, resp := range []smb2.CreateResponse{first, again} {
				if resp.FileID != first.FileID || resp.OplockLevel != smb2.OplockNone || len(resp.Contexts) != 0 {
					t.Errorf("%+v", resp)
				}
			}
			want(t, "CLOSE", c.CloseFile(id), ok)
			r.leased(c, "f", smbtest.Lease2(leaseKey(1), leaseR, 0), leaseR)
		})
	}
}

// A share that is another directory for each user has as many files of a name.
func TestLeaseKeyOfTwoUsers(t *testing.T) {
	homes := map[string]*memfs.FS{"ann": {}, "bob": {}}
	r := newRig(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {Open: func(_ context.Context, c *vfs.Caller) (vfs.FS, error) { return homes[c.Name], nil }}}
	})
	a, b := r.caching(smb.Dialect311, 1), r.channel(smb.Dialect311, 1)
	r.setup(b, "bob", password+"!")
	r.tree(b, "s")
	for _, name := range []string{"f", "d:s"} {
		r.leased(a, name, smbtest.Lease2(leaseKey(name[0]), leaseR, 0), leaseR)
		for _, how := range []smb2.Disposition{smb2.Create, smb2.Open} {
			_, g, st := b.Open(smbtest.CreateReq(name, how), smbtest.Lease2(leaseKey(name[0]), leaseR, 0))
			if st != ok || g.Lease != nil {
				t.Errorf("%s: %v, %+v", name, st, g.Lease)
			}
		}
	}
}

// A lease belongs to the client, not to the connection.
func TestLeaseOfTwoConnections(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a1, a2, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		r.leased(a1, "f", smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		_, got := r.leased(a2, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		if got.Epoch != 2 {
			t.Errorf("epoch %d", got.Epoch)
		}
		unbroken(t, "an upgrade by another connection", a1, a2)
		_, _, st := a2.Open(smbtest.CreateReq("g", smb2.OpenIf), smbtest.Lease2(leaseKey(1), leaseRWH, 0))
		want(t, "the key for another file", st, smb2.StatusInvalidParameter)

		// One break for both. The connection that it was opened on is gone.
		a1.Close()
		time.Sleep(time.Second)
		if n := len(opensOf(r)); n != 1 {
			t.Errorf("%d opens", n)
		}
		mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
		leaseBroken(t, a2, leaseKey(1), leaseRWH, leaseRH, 3)
		ackLease(t, a2, leaseKey(1), leaseRH)
		want(t, "CREATE", b.Wait(mid).Status, ok)
	})
}

// opensOf lists what is open.
func opensOf(r *rig) (list []smb.OpenInfo) {
	for o := range r.srv.Opens() {
		list = append(list, o)
	}
	return list
}

// A client that never answers is overruled; its late answer is refused, and it
// has nothing then.
func TestLeaseTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		b.Timeout = time.Hour
		r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		begin := time.Now()
		mid := startOpen(b, smbtest.CreateReq("f", smb2.Open), smbtest.Lease2(leaseKey(2), leaseRWH, 0))
		leaseBroken(t, a, leaseKey(1), leaseRWH, leaseRH, 2)
		_, g, st := b.Opened(b.Wait(mid))
		want(t, "CREATE", st, ok)
		if d := time.Since(begin); d < oplock.AckTimeout || d > oplock.AckTimeout+time.Second {
			t.Errorf("overruled after %v", d)
		}
		if g.State() != leaseRH {
			t.Errorf("granted %+v", g.Lease)
		}
		_, st = a.AckLease(leaseKey(1), leaseRH)
		want(t, "a late answer", st, smb2.StatusUnsuccessful)
		end(r, a, b)
	})
}

// The close, the logoff and the end of the connection answer a break.
func TestLeaseEnds(t *testing.T) {
	for name, how := range map[string]func(*smbtest.Client, smb2.FileID){
		"close":           func(c *smbtest.Client, id smb2.FileID) { c.CloseFile(id) },
		"logoff":          func(c *smbtest.Client, _ smb2.FileID) { c.Logoff() },
		"tree disconnect": func(c *smbtest.Client, _ smb2.FileID) { c.TreeDisconnect() },
		"disconnect":      func(c *smbtest.Client, _ smb2.FileID) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				id, _ := r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
				mid := startOpen(b, smbtest.CreateReq("f", smb2.Open), smbtest.Lease2(leaseKey(2), leaseRWH, 0))
				leaseBroken(t, a, leaseKey(1), leaseRWH, leaseRH, 2)
				how(a, id)
				_, g, st := b.Opened(b.Wait(mid))
				want(t, "CREATE", st, ok)
				if g.State() != leaseRWH {
					t.Errorf("granted %+v", g.Lease)
				}
			})
		})
	}
}

// A handle that is only cached gives way to one that share modes would refuse.
func TestLeaseShareMode(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	req := smbtest.CreateReq("f", smb2.OpenIf)
	req.ShareAccess = 0
	id, _ := r.granted(a, req, smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
	mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
	leaseBroken(t, a, leaseKey(1), leaseRH, leaseR, 2)
	want(t, "CLOSE", a.CloseFile(id), ok)
	want(t, "CREATE", b.Wait(mid).Status, ok)

	// One that is used does not.
	req.Name = "g"
	r.granted(a, req, smbtest.Lease2(leaseKey(2), leaseRH, 0), leaseRH)
	mid = startOpen(b, smbtest.CreateReq("g", smb2.Open))
	leaseBroken(t, a, leaseKey(2), leaseRH, leaseR, 2)
	ackLease(t, a, leaseKey(2), leaseR)
	want(t, "CREATE", b.Wait(mid).Status, smb2.StatusSharingViolation)
}

// A connection that takes nothing doesn't keep the break from the client's other one for
// good.
func TestLeaseBreakOfStuckConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		a1, a2, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		a2.Timeout, b.Timeout = time.Hour, time.Hour
		r.leased(a1, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		r.leased(a2, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		// It reads what is on the way and one more, and then nothing.
		release := a1.Hold()
		defer release()
		a1.Send(a1.Req(smb2.CommandEcho, smb2.EchoRequest{}))
		synctest.Wait()
		a1.Send(a1.Req(smb2.CommandEcho, smb2.EchoRequest{}))
		begin := time.Now()
		mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
		leaseBroken(t, a2, leaseKey(1), leaseRWH, leaseRH, 2)
		ackLease(t, a2, leaseKey(1), leaseRH)
		want(t, "CREATE", b.Wait(mid).Status, ok)
		if d := time.Since(begin); d > oplock.AckTimeout {
			t.Errorf("after %v", d)
		}
		end(r, a1, a2, b)
	})
}

// slowConn takes its time for each write.
type slowConn struct{ net.Conn }

func (s slowConn) Write(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.Conn.Write(b)
}

// A break comes through on a connection that always has something else to send.
func TestLeaseBreakOfBusyConnection(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		x, y := net.Pipe()
		go r.srv.ServeConn(context.Background(), slowConn{y})
		a, b := smbtest.New(t, x), r.caching(smb.Dialect311, 2)
		a.Ask = 64
		_, st := a.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{ClientGUID: machine(1), Caps: smbtest.CachingCaps})
		want(t, "NEGOTIATE", st, ok)
		r.setup(a, "ann", password)
		r.tree(a, "s")
		other := r.open(a, "other")
		a.Write(other, 0, make([]byte, 4096))
		read := func() { a.Send(a.Req(smb2.CommandRead, smb2.ReadRequest{FileID: other, Length: 4096})) }
		e := a.Req(smb2.CommandCreate, smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Lease2(leaseKey(1), leaseRWH, 0)))
		time.Sleep(10 * time.Millisecond)
		a.Send(e)
		// The answer is being written when these come, and stays the last that was
		// before them.
		time.Sleep(500 * time.Microsecond)
		for range 8 {
			read()
		}
		want(t, "CREATE", a.Wait(e.MessageID).Status, ok)
		startOpen(b, smbtest.CreateReq("f", smb2.Open))
		for range 100 {
			rep, got := a.Recv()
			if !got {
				t.Fatal("the connection is gone")
			}
			if rep.Command == smb2.CommandOplockBreak {
				return
			}
			if rep.MessageID != ^uint64(0) {
				read()
			}
		}
		t.Error("no break after 100 answers")
	})
}

// The break of a lease that went out on a connection of the client that has nothing to do with the file is repeated
// when that connection is lost. [MS-SMB2] 3.3.4.7
func TestLeaseBreakOfLostConnection(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a1, a2, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		a2.Timeout, b.Timeout = time.Hour, time.Hour
		r.leased(a2, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
		a1.Break()
		a1.Close()
		a2.Break()
		_, st := a2.AckLease(leaseKey(1), leaseRH)
		want(t, "the answer to the break", st, ok)
		want(t, "CREATE", b.Wait(mid).Status, ok)
	})
}

// A break that many opens with the same lease wait for is one break.
func TestUnansweredOnceForLease(t *testing.T) {
	const opens = 1000
	r := newRig(t, nil)
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	for range opens {
		r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
	}
	mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a.Close()
	want(t, "CREATE", b.Wait(mid).Status, ok)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > opens*5000 { // 33,000 when each open had a list of all
		t.Errorf("%d bytes for each of %d opens", n/opens, opens)
	}
}
