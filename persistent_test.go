package smb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// hookedHandles is a HandleStore whose writes can be held up or fail.
type hookedHandles struct {
	smb.MemoryHandles
	mu  sync.Mutex
	put func() error // asked before each write of a handle, if set
}

func (h *hookedHandles) onPut(f func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.put = f
}

func (h *hookedHandles) Put(id uint64, record []byte) error {
	h.mu.Lock()
	put := h.put
	h.mu.Unlock()
	if put != nil && id != 0 {
		if err := put(); err != nil {
			return err
		}
	}
	return h.MemoryHandles.Put(id, record)
}

var errDiskFull = errors.New("disk full")

func diskFull() error { return errDiskFull }

// stored counts the handles that a store has.
func stored(st smb.HandleStore) (n int) {
	st.All(func(id uint64, _ []byte) bool {
		if id != 0 { // the server's own record
			n++
		}
		return true
	})
	return n
}

// continuous makes the share "s" of a server one with persistent handles.
func continuous(st smb.HandleStore) func(*smb.Server) {
	return func(s *smb.Server) {
		s.Handles = st
		s.Shares.(smb.Shares)["s"].ContinuouslyAvailable = true
		s.Logger = quiet()
	}
}

// successor returns a server as it is when r's process is killed now and started again:
// r's is abandoned as it stands, but isn't closed.
func (r *rig) successor(st smb.HandleStore) *rig {
	r.t.Helper()
	n := newRig(r.t, func(s *smb.Server) {
		continuous(st)(s)
		s.Shares = r.srv.Shares
	})
	n.fs = r.fs
	n.dial().Close() // what is stored is opened before the first connection
	return n
}

// bob is rig.caching for another user.
func (r *rig) bob(m byte) *smbtest.Client {
	r.t.Helper()
	c := r.channel(smb.Dialect311, m)
	r.setup(c, "bob", password+"!")
	r.tree(c, "s")
	return c
}

// persistent opens req.Name with a persistent handle.
func (r *rig) persistent(c *smbtest.Client, req smb2.CreateRequest, lease ...smb2.LeaseContext) handle {
	r.t.Helper()
	h := handle{name: req.Name, guid: createGUID(1), flags: smb2.DurableFlagPersistent}
	copy(h.guid[2:], req.Name)
	x := []smb2.CreateContext{smbtest.Durable2(h.guid, 0, h.flags)}
	for _, l := range lease {
		h.lease = l
		x = append(x, smbtest.LeaseContext(l))
	}
	resp, g, st := c.Open(req, x...)
	if st != ok || g.Durable2 == nil || g.Durable2.Flags != h.flags {
		r.t.Fatalf("CREATE %q: %v, %+v", req.Name, st, g)
	}
	h.id = resp.FileID
	return h
}

var rwh = smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRWH}

// eachLoss runs f with what loses the client a's connection, by itself or with the
// server's process; it returns the server that the client comes back to.
func eachLoss(t *testing.T, f func(t *testing.T, r *rig, st smb.HandleStore, lose func(*smbtest.Client) *rig)) {
	for _, kill := range []bool{false, true} {
		name := "connection lost"
		if kill {
			name = "server killed"
		}
		t.Run(name, func(t *testing.T) {
			var st smb.MemoryHandles
			bubble(t, continuous(&st), func(t *testing.T, r *rig) {
				f(t, r, &st, func(c *smbtest.Client) *rig {
					if kill {
						return r.successor(&st)
					}
					lose(c)
					return r
				})
			})
		})
	}
}

// Persistent handles are promised where they can be had: the server by a capability,
// the share by another. Elsewhere who asks for one gets a durable handle, of which
// nothing is stored. [MS-SMB2] 3.3.5.4, 3.3.5.7, 3.3.5.9.10
func TestPersistentPromised(t *testing.T) {
	for name, x := range map[string]struct {
		dialect                         smb.Dialect
		plainClient, noStore, plainOnly bool
		server, share                   bool
	}{
		"3.1.1":          {dialect: smb.Dialect311, server: true, share: true},
		"3.0.2":          {dialect: smb.Dialect302, server: true, share: true},
		"3.0":            {dialect: smb.Dialect300, server: true, share: true},
		"2.1":            {dialect: smb.Dialect210},
		"a plain share":  {dialect: smb.Dialect311, plainOnly: true, server: true},
		"no store":       {dialect: smb.Dialect311, noStore: true},
		"a plain client": {dialect: smb.Dialect311, plainClient: true},
	} {
		t.Run(name, func(t *testing.T) {
			var st smb.MemoryHandles
			bubble(t, func(s *smb.Server) {
				continuous(&st)(s)
				if x.noStore {
					s.Handles = nil
				}
				s.Shares.(smb.Shares)["s"].ContinuouslyAvailable = !x.plainOnly
			}, func(t *testing.T, r *rig) {
				o := smbtest.NegotiateOptions{ClientGUID: machine(1), Caps: smbtest.CachingCaps}
				if x.plainClient {
					o.Caps &^= smb2.CapPersistentHandles
				}
				c := r.dialect(x.dialect, o)
				if got := c.Server.Capabilities&smb2.CapPersistentHandles != 0; got != x.server {
					t.Errorf("the server's capability: %v, want %v", got, x.server)
				}
				r.setup(c, "ann", password)
				resp, status := c.TreeConnect("s")
				want(t, "TREE_CONNECT", status, ok)
				if got := resp.Capabilities&smb2.ShareCapContinuousAvailability != 0; got != x.share {
					t.Errorf("the share's capability: %v, want %v", got, x.share)
				}
				h := handle{name: "f", guid: createGUID(1), flags: smb2.DurableFlagPersistent}
				created, g, status := c.Open(batchReq("f"), smbtest.Durable2(h.guid, 0, h.flags))
				want(t, "CREATE", status, ok)
				h.id = created.FileID
				durable := x.dialect >= smb.Dialect300
				if (g.Durable2 != nil) != durable || durable && (g.Durable2.Flags == h.flags) != x.share {
					t.Errorf("durable %+v", g.Durable2)
				}
				if n := stored(&st); n == 1 != x.share {
					t.Errorf("%d handles are stored", n)
				}
				if !durable || x.share {
					return
				}
				// It's durable as others are, and lost with the server's process.
				h.flags = 0
				lose(c)
				c = r.caching(x.dialect, 1)
				want(t, "reconnect", h.back(c), ok)
				n := r.successor(&st)
				want(t, "reconnect to another process", h.back(n.caching(x.dialect, 1)), notFound)
			})
		})
	}
}

// A handle survives the server's process with all that belongs to it: lease, locks, what
// is known of their repetition, and that the file is to be deleted.
func TestPersistentSurvives(t *testing.T) {
	for name, open := range map[string]func() (vfs.FS, error){
		"memfs": func() (vfs.FS, error) { return &memfs.FS{}, nil },
		"osfs":  func() (vfs.FS, error) { return osfs.New(t.TempDir(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			fsys, err := open()
			if err != nil {
				t.Fatal(err)
			}
			var st smb.MemoryHandles
			bubble(t, func(s *smb.Server) {
				s.Shares = smb.Shares{"s": {FS: fsys}}
				continuous(&st)(s)
			}, func(t *testing.T, r *rig) {
				c := r.caching(smb.Dialect311, 1)
				h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), rwh)
				_, status := c.Write(h.id, 0, []byte("content"))
				want(t, "WRITE", status, ok)
				lock := smbtest.LockReq(h.id, 2, 3, exclusiveNow)
				lock.LockSequence = smbtest.LockSeq(1, 1)
				want(t, "LOCK", c.Do(smb2.CommandLock, lock).Status, ok)
				want(t, "SET_INFO delete", c.Delete(h.id, true), ok)

				for range 2 {
					r = r.successor(&st)
					c = persistentKept(t, r, &h)
				}
				want(t, "UNLOCK", c.Lock(h.id, 2, 3, smb2.LockUnlock), ok)
				want(t, "CLOSE", c.CloseFile(h.id), ok)
				if s := dump(t, fsys); s != "" {
					t.Errorf("still there: %s", s)
				}
				if n := stored(&st); n != 0 {
					t.Errorf("%d handles are stored of none", n)
				}
			})
		})
	}
}

// persistentKept takes h back from a new process and looks at it.
func persistentKept(t *testing.T, r *rig, h *handle) *smbtest.Client {
	t.Helper()
	list := opensOf(r)
	if len(list) != 1 || !list[0].Persistent || list[0].Locks != 1 || list[0].Caller.Name != "ann" {
		t.Errorf("open before the client came back: %+v", list)
	}
	c := r.caching(smb.Dialect311, 1)
	old := h.id
	resp, g, st := c.Open(h.request())
	if st != ok {
		t.Fatalf("reconnect: %v", st)
	}
	h.id = resp.FileID
	if resp.Action != smb2.ActionOpened || resp.EndOfFile != 7 || h.id.Persistent != old.Persistent {
		t.Errorf("reconnected %+v", resp)
	}
	if g.Lease == nil || g.Lease.State != leaseRWH || g.Lease.Key != h.lease.Key || g.Lease.Version != 2 {
		t.Errorf("lease %+v", g.Lease)
	}
	got, st := c.Read(h.id, 0, 100)
	if st != ok || string(got) != "content" {
		t.Errorf("READ: %v, %q", st, got)
	}
	lock := smbtest.LockReq(h.id, 2, 3, exclusiveNow)
	want(t, "LOCK of the same", c.Do(smb2.CommandLock, lock).Status, smb2.StatusLockNotGranted)
	lock.LockSequence = smbtest.LockSeq(1, 1)
	want(t, "the first LOCK again", c.Do(smb2.CommandLock, lock).Status, ok)
	_, st = r.bob(2).Create(smbtest.CreateReq("f", smb2.Open))
	want(t, "CREATE of another", st, smb2.StatusDeletePending)
	return c
}

// Who would disturb a client that is gone is told to try again, until the client is
// back; who only looks is not. [MS-SMB2] 3.3.5.9
func TestPersistentConflict(t *testing.T) {
	eachLoss(t, func(t *testing.T, r *rig, _ smb.HandleStore, lose func(*smbtest.Client) *rig) {
		c := r.caching(smb.Dialect311, 1)
		r.persistent(c, smbtest.CreateReq("cached", smb2.OpenIf), rwh)
		req := smbtest.CreateReq("exclusive", smb2.OpenIf)
		req.ShareAccess = 0
		r.persistent(c, req)
		r.persistent(c, smbtest.CreateReq("shared", smb2.OpenIf))
		r = lose(c)
		other := r.bob(2)
		for range 2 {
			for _, x := range []struct {
				name   string
				how    smb2.Disposition
				status smb2.Status
			}{
				{"cached", smb2.Open, notAvailable},
				{"cached", smb2.OverwriteIf, notAvailable},
				{"exclusive", smb2.Open, notAvailable},
				{"shared", smb2.Open, ok},
				{"shared", smb2.Overwrite, notAvailable},
			} {
				resp, st := other.Create(smbtest.CreateReq(x.name, x.how))
				want(t, fmt.Sprint("CREATE ", x.name, ", ", x.how), st, x.status)
				if st == ok {
					other.CloseFile(resp.FileID)
				}
			}
			stat := smbtest.CreateReq("cached", smb2.Open)
			stat.DesiredAccess = statAccess
			want(t, "CLOSE", other.CloseFile(r.create(other, stat)), ok)
			time.Sleep(25 * time.Second)
		}
	})
}

// Once the client is back others find its handles as they find any.
func TestPersistentConflictOver(t *testing.T) {
	eachLoss(t, func(t *testing.T, r *rig, _ smb.HandleStore, lose func(*smbtest.Client) *rig) {
		c := r.caching(smb.Dialect311, 1)
		cached := r.persistent(c, smbtest.CreateReq("cached", smb2.OpenIf), rwh)
		req := smbtest.CreateReq("exclusive", smb2.OpenIf)
		req.ShareAccess = 0
		exclusive := r.persistent(c, req)
		r = lose(c)
		other := r.bob(2)
		time.Sleep(50 * time.Second)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", cached.back(c), ok)
		want(t, "reconnect", exclusive.back(c), ok)
		_, st := other.Create(smbtest.CreateReq("exclusive", smb2.Open))
		want(t, "CREATE exclusive", st, smb2.StatusSharingViolation)
		mid := startOpen(other, smbtest.CreateReq("cached", smb2.Open))
		leaseBroken(t, c, leaseKey(1), leaseRWH, leaseRH, 2)
		ackLease(t, c, leaseKey(1), leaseRH)
		want(t, "CREATE cached", other.Wait(mid).Status, ok)
	})
}

// Nothing is stored of a handle that was closed, or whose client didn't come back in
// time.
func TestPersistentEnds(t *testing.T) {
	eachLoss(t, func(t *testing.T, r *rig, st smb.HandleStore, lose func(*smbtest.Client) *rig) {
		c := r.caching(smb.Dialect311, 1)
		closed := r.persistent(c, smbtest.CreateReq("closed", smb2.OpenIf))
		h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), rwh)
		if n := stored(st); n != 2 {
			t.Errorf("%d handles are stored of two", n)
		}
		want(t, "CLOSE", c.CloseFile(closed.id), ok)
		if n := stored(st); n != 1 {
			t.Errorf("%d handles are stored of one", n)
		}
		r = lose(c)
		time.Sleep(70 * time.Second)
		if n := len(opensOf(r)); n != 0 {
			t.Errorf("%d opens are left", n)
		}
		if n := stored(st); n != 0 {
			t.Errorf("%d handles are stored of none", n)
		}
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), notFound)
		r.open(r.bob(2), "f")
		if n := len(opensOf(r.successor(st))); n != 0 {
			t.Errorf("%d opens in a new process", n)
		}
	})
}

// A LOCK that can't be stored isn't had, and isn't taken for the first one when it comes
// again.
func TestPersistentLockNotStored(t *testing.T) {
	var st hookedHandles
	bubble(t, continuous(&st), func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.persistent(c, batchReq("f"))
		lock := smbtest.LockReq(h.id, 0, 10, exclusiveNow)
		lock.LockSequence = smbtest.LockSeq(1, 1)
		for _, x := range []struct {
			hook   func() error
			status smb2.Status
			locks  int
		}{{diskFull, smb2.StatusUnexpectedIoError, 0}, {nil, ok, 1}} {
			st.onPut(x.hook)
			want(t, "LOCK", c.Do(smb2.CommandLock, lock).Status, x.status)
			if n := opensOf(r)[0].Locks; n != x.locks {
				t.Errorf("%d locks, want %d", n, x.locks)
			}
		}
	})
}

// A handle whose file was renamed is found when the server ended before that was stored.
func TestPersistentRenameNotStored(t *testing.T) {
	// Before and after the file has its new name.
	for writes := range 2 {
		t.Run(fmt.Sprint(writes, " writes"), func(t *testing.T) {
			var st hookedHandles
			bubble(t, continuous(&st), func(t *testing.T, r *rig) {
				c := r.caching(smb.Dialect311, 1)
				h := r.persistent(c, batchReq("f"))
				n := 0
				st.onPut(func() error {
					if n++; n > writes {
						return errDiskFull
					}
					return nil
				})
				want(t, "SET_INFO rename", c.Rename(h.id, "g", false), smb2.StatusUnexpectedIoError)
				st.onPut(nil)
				r = r.successor(&st)
				want(t, "reconnect", h.back(r.caching(smb.Dialect311, 1)), ok)
				name := opensOf(r)[0].Path
				if s := dump(t, r.fs); s != fmt.Sprintf("%s %q 0x20\n", name, "") {
					t.Errorf("the handle is of %s, there is %s", name, s)
				}
			})
		})
	}
}

// What the client is told of a lease is stored, also when another open made it more.
func TestPersistentLeaseUpgrade(t *testing.T) {
	var st smb.MemoryHandles
	bubble(t, continuous(&st), func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseR})
		r.leased(c, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
		list := opensOf(r.successor(&st))
		if len(list) != 1 || smb2.LeaseState(list[0].Caching.State) != leaseRWH || list[0].Caching.Epoch != 2 {
			t.Errorf("after it: %+v", list)
		}
	})
}

// A CREATE stores only what it changes, however many share its lease: each write waits
// for the disk.
func TestPersistentLeaseStoredOnce(t *testing.T) {
	var st hookedHandles
	bubble(t, continuous(&st), func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		writes := 0
		st.onPut(func() error { writes++; return nil })
		const opens = 20
		for i := range opens {
			req := smbtest.CreateReq("f", smb2.OpenIf)
			guid := createGUID(byte(i))
			_, g, status := c.Open(req, smbtest.Durable2(guid, 0, smb2.DurableFlagPersistent), smbtest.LeaseContext(rwh))
			if status != ok || g.Durable2 == nil || g.Durable2.Flags != smb2.DurableFlagPersistent {
				t.Fatalf("CREATE: %v, %+v", status, g)
			}
		}
		if n := stored(&st); writes != opens || n != opens {
			t.Errorf("%d writes for %d handles, %d are stored", writes, opens, n)
		}
	})
}

// Another's close may leave the file to be deleted, which is stored with the handle that
// holds it up.
func TestPersistentDeletePending(t *testing.T) {
	var st smb.MemoryHandles
	bubble(t, continuous(&st), func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf))
		req := smbtest.CreateReq("f", smb2.Open)
		req.Options |= smb2.OptionDeleteOnClose
		want(t, "CLOSE", c.CloseFile(r.create(c, req)), ok)
		r = r.successor(&st)
		other := r.bob(2)
		_, status := other.Create(smbtest.CreateReq("f", smb2.Open))
		want(t, "CREATE", status, notAvailable)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), ok)
		_, status = other.Create(smbtest.CreateReq("f", smb2.Open))
		want(t, "CREATE", status, smb2.StatusDeletePending)
		want(t, "CLOSE", c.CloseFile(h.id), ok)
		if s := dump(t, r.fs); s != "" {
			t.Errorf("still there: %s", s)
		}
	})
}

// Close leaves what is stored as it was before, also when somebody waits for a break
// then, and doesn't touch it once it returned.
func TestPersistentServerClosed(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute} {
		t.Run(wait.String(), func(t *testing.T) {
			var st hookedHandles
			bubble(t, continuous(&st), func(t *testing.T, r *rig) {
				c := r.caching(smb.Dialect311, 1)
				h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), rwh)
				want(t, "LOCK", c.Lock(h.id, 0, 10, exclusiveNow), ok)
				startOpen(r.bob(2), smbtest.CreateReq("f", smb2.Open))
				r.srv.Close()
				st.onPut(func() error {
					t.Error("written after Close returned")
					return nil
				})
				time.Sleep(wait)
				st.onPut(nil)
				r = r.successor(&st)
				if list := opensOf(r); len(list) != 1 || list[0].Locks != 1 {
					t.Errorf("after it: %+v", list)
				}
				want(t, "reconnect", h.back(r.caching(smb.Dialect311, 1)), ok)
			})
		})
	}
}

// A CREATE that comes again while the first is still at work has to wait for it. Then it
// gets what that made, though the session for which it was made has ended.
// [MS-SMB2] 3.3.5.9
func TestPersistentCreateAtWork(t *testing.T) {
	var st hookedHandles
	bubble(t, continuous(&st), func(t *testing.T, r *rig) {
		a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 1)
		hold := make(chan struct{})
		st.onPut(func() error { <-hold; return nil })
		req := smbtest.With(smbtest.CreateReq("f", smb2.Create), smbtest.Durable2(createGUID(1), 0, smb2.DurableFlagPersistent))
		a.Send(a.Req(smb2.CommandCreate, req))
		synctest.Wait()
		for range 2 {
			want(t, "CREATE", b.Do(smb2.CommandCreate, req).Status, notAvailable)
			want(t, "CREATE again", b.DoElem(b.Req(smb2.CommandCreate, req).Replay()).Status, notAvailable)
			lose(a)
		}
		st.onPut(nil)
		close(hold)
		synctest.Wait()
		resp, g, status := b.Opened(b.DoElem(b.Req(smb2.CommandCreate, req).Replay()))
		want(t, "CREATE again", status, ok)
		if g.Durable2 == nil || g.Durable2.Flags != smb2.DurableFlagPersistent {
			t.Errorf("durable %+v", g.Durable2)
		}
		_, status = b.Write(resp.FileID, 0, []byte("x"))
		want(t, "WRITE", status, ok)
		if n := len(opensOf(r)); n != 1 {
			t.Errorf("%d opens", n)
		}
	})
}

// Who sends the CREATE again whose answer got lost gets the handle, if it is the same
// CREATE of the same user. [MS-SMB2] 3.3.5.9
func TestPersistentCreateAgain(t *testing.T) {
	eachLoss(t, func(t *testing.T, r *rig, _ smb.HandleStore, lose func(*smbtest.Client) *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf))
		r = lose(c)
		c = r.caching(smb.Dialect311, 1)
		again := func(c *smbtest.Client, flags uint32, edit func(*smb2.CreateRequest)) *smbtest.Elem {
			req := smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Durable2(h.guid, 0, flags))
			if edit != nil {
				edit(&req)
			}
			return c.Req(smb2.CommandCreate, req)
		}
		const flags = smb2.DurableFlagPersistent
		want(t, "without the flag", c.DoElem(again(c, flags, nil)).Status, notAvailable)
		bob := r.bob(1)
		want(t, "of another user", bob.DoElem(again(bob, flags, nil).Replay()).Status, smb2.StatusAccessDenied)
		want(t, "not persistent", c.DoElem(again(c, 0, nil).Replay()).Status, smb2.StatusInvalidParameter)
		for name, edit := range map[string]func(*smb2.CreateRequest){
			"name":    func(req *smb2.CreateRequest) { req.Name = "other" },
			"access":  func(req *smb2.CreateRequest) { req.DesiredAccess = statAccess },
			"sharing": func(req *smb2.CreateRequest) { req.ShareAccess = 0 },
			"options": func(req *smb2.CreateRequest) { req.Options |= smb2.OptionSequentialOnly },
		} {
			want(t, "with another "+name, c.DoElem(again(c, flags, edit).Replay()).Status, smb2.StatusContextMismatch)
		}
		resp, _, st := c.Opened(c.DoElem(again(c, flags, nil).Replay()))
		want(t, "the same", st, ok)
		if resp.FileID.Persistent != h.id.Persistent {
			t.Errorf("id %v, want %v", resp.FileID, h.id)
		}
		if s := dump(t, r.fs); s != "f \"\" 0x20\n" {
			t.Errorf("there is %s", s)
		}
	})
}

// A lease that was broken while its client was away is what it was broken to, though the server ends before the client is back.
func TestPersistentLeaseBrokenMeanwhile(t *testing.T) {
	for _, state := range []smb2.LeaseState{leaseR, leaseRH} {
		var stored smb.MemoryHandles
		bubble(t, continuous(&stored), func(t *testing.T, r *rig) {
			c := r.caching(smb.Dialect311, 1)
			h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: state})
			lose(c)
			o := r.bob(2)
			_, st := o.Write(r.open(o, "f"), 0, []byte("new"))
			want(t, "WRITE of another", st, ok)
			n := r.successor(&stored)
			c = n.caching(smb.Dialect311, 1)
			_, g, st := c.Open(h.request())
			want(t, "CREATE", st, ok)
			if g.Lease == nil || g.Lease.State&leaseR != 0 || g.Lease.Epoch != 2 {
				t.Errorf("a lease %v that was broken is now %+v", state, g.Lease)
			}
		})
	}
}

// A persistent CREATE whose tree is disconnected meanwhile: the session lives on, and what was reserved is to be given back.
func TestTreeDisconnectDuringPersistentCreate(t *testing.T) {
	var st hookedHandles
	bubble(t, func(s *smb.Server) {
		continuous(&st)(s)
		s.Limits.OpensPerSession = 4
	}, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		for i := range 4 {
			hold := make(chan struct{})
			st.onPut(func() error { <-hold; return nil })
			req := smbtest.With(smbtest.CreateReq("f"+string(rune('0'+i)), smb2.Create), smbtest.Durable2(createGUID(byte(i+1)), 0, smb2.DurableFlagPersistent))
			e := a.Req(smb2.CommandCreate, req)
			a.Send(e)
			synctest.Wait()
			want(t, "TREE_DISCONNECT", a.TreeDisconnect(), ok)
			st.onPut(nil)
			close(hold)
			t.Logf("CREATE: %v", a.Wait(e.MessageID).Status)
			want(t, "ECHO", a.Echo(), ok)
			r.tree(a, "s")
		}
		// nothing is open in the session
		for s := range r.srv.Sessions() {
			t.Logf("session: %d opens", s.Opens)
		}
		_, status := a.Create(smbtest.CreateReq("g", smb2.OpenIf))
		want(t, "CREATE in a session that has nothing open", status, ok)
	})
}

// TestPersistentLockNotStored for a POSIX open, which has the range beside it already, or has it shared.
func TestPosixLockNotStored(t *testing.T) {
	var st hookedHandles
	bubble(t, func(s *smb.Server) {
		continuous(&st)(s)
		s.POSIX = true
		s.Shares.(smb.Shares)["s"].FS.(*memfs.FS).CaseSensitive = true
	}, func(t *testing.T, r *rig) {
		c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{ClientGUID: machine(1), Caps: smbtest.CachingCaps, Contexts: []smb2.NegotiateContext{posixContext}})
		r.setup(c, "ann", password)
		r.tree(c, "s")
		b := r.bob(2)
		for _, held := range []smb2.LockFlags{exclusiveNow, sharedNow} {
			req := posixReq("f"+lockName(held), smb2.OpenIf, 0)
			guid := createGUID(byte(held))
			resp, g, status := c.Open(req, smbtest.Durable2(guid, 0, smb2.DurableFlagPersistent))
			want(t, "CREATE", status, ok)
			t.Logf("%+v", g.Durable2)
			id := resp.FileID
			want(t, "LOCK 0-9", c.Lock(id, 0, 10, held), ok)
			st.onPut(diskFull)
			off := uint64(10)
			if held == sharedNow {
				off = 0 // the same range
			}
			want(t, "LOCK that isn't stored", c.Lock(id, off, 10, exclusiveNow), smb2.StatusUnexpectedIoError)
			st.onPut(nil)
			win := r.open(b, req.Name)
			flags := exclusiveNow
			if held == sharedNow {
				flags = sharedNow
			}
			want(t, "LOCK of another where nobody has one that collides", b.Lock(win, off, 10, flags), ok)
		}
	})
}

func lockName(f smb2.LockFlags) string {
	if f == sharedNow {
		return "shared"
	}
	return "exclusive"
}

// A lease that is to become R loses that, too, when others write before its client has answered: it isn't told so until
// then, and the server that it comes back to doesn't let it have R.
func TestPersistentLeaseBrokenFurther(t *testing.T) {
	var stored smb.MemoryHandles
	bubble(t, continuous(&stored), func(t *testing.T, r *rig) {
		c, o := r.caching(smb.Dialect311, 1), r.bob(2)
		h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRH})
		id := r.open(o, "f")
		start(o, smb2.CommandSetInfo, smb2.SetInfoRequest{
			FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileRenameInformation),
			Data: smb2.FileRenameInformation{FileName: "g"}.Append(nil),
		})
		leaseBroken(t, c, leaseKey(1), leaseRH, leaseR, 2)
		_, st := o.Write(id, 0, []byte("new"))
		want(t, "WRITE of another", st, ok)
		n := r.successor(&stored)
		_, g, st := n.caching(smb.Dialect311, 1).Open(h.request())
		want(t, "CREATE", st, ok)
		if g.Lease == nil || g.Lease.State&leaseR != 0 {
			t.Errorf("the lease is now %+v", g.Lease)
		}
	})
}
