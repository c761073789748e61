package smb_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
)

// createGUID is the nth CreateGuid.
func createGUID(n byte) smb2.GUID { return smb2.GUID{0xC6, n} }

// handle is a durable handle, and what it takes to get it back.
type handle struct {
	id    smb2.FileID
	name  string
	guid  smb2.GUID // zero: version 1
	flags uint32    // of version 2
	lease smb2.LeaseContext
}

// batchReq asks for a batch oplock, without which there is no durability.
func batchReq(name string) smb2.CreateRequest {
	req := smbtest.CreateReq(name, smb2.OpenIf)
	req.OplockLevel = smb2.OplockBatch
	return req
}

// durable opens name with a batch oplock and a durable handle of version 1 or 2.
func (r *rig) durable(c *smbtest.Client, name string, version int) handle {
	r.t.Helper()
	return r.keep(c, batchReq(name), version)
}

// durableLease is durable with a lease instead of the oplock.
func (r *rig) durableLease(c *smbtest.Client, name string, version int, x smb2.LeaseContext) handle {
	r.t.Helper()
	return r.keep(c, smbtest.CreateReq(name, smb2.OpenIf), version, x)
}

func (r *rig) keep(c *smbtest.Client, req smb2.CreateRequest, version int, lease ...smb2.LeaseContext) handle {
	r.t.Helper()
	h := handle{name: req.Name}
	x := []smb2.CreateContext{smbtest.Durable()}
	if version == 2 {
		rand.Read(h.guid[:])
		x[0] = smbtest.Durable2(h.guid, 0, 0)
	}
	for _, l := range lease {
		h.lease = l
		x = append(x, smbtest.LeaseContext(l))
	}
	resp, g, st := c.Open(req, x...)
	if st != ok {
		r.t.Fatalf("CREATE %q: %v", req.Name, st)
	}
	if g.Durable != (version == 1) || (g.Durable2 != nil) != (version == 2) {
		r.t.Fatalf("CREATE %q: not durable: oplock %v, %+v", req.Name, resp.OplockLevel, g)
	}
	h.id = resp.FileID
	return h
}

// request asks for h back.
func (h handle) request() smb2.CreateRequest {
	x := []smb2.CreateContext{smbtest.Reconnect(h.id)}
	if h.guid != (smb2.GUID{}) {
		x[0] = smbtest.Reconnect2(h.id, h.guid, h.flags)
	}
	req := batchReq(h.name)
	if h.lease.Version != 0 {
		x = append(x, smbtest.LeaseContext(h.lease))
	}
	return smbtest.With(req, x...)
}

// back asks for h, which becomes what it got.
func (h *handle) back(c *smbtest.Client) smb2.Status {
	resp, _, st := c.Open(h.request())
	if st == ok {
		h.id = resp.FileID
	}
	return st
}

// lose cuts the connections, and waits until the server noticed.
func lose(clients ...*smbtest.Client) {
	for _, c := range clients {
		c.Close()
	}
	time.Sleep(time.Millisecond)
}

const notFound = smb2.StatusObjectNameNotFound

// What is durable. [MS-SMB2] 3.3.5.9.6, 3.3.5.9.10
func TestDurableGrant(t *testing.T) {
	for _, d := range smbtest.AllDialects {
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				c := r.caching(d, 1)
				n := byte(0)
				for version := 1; version <= 2; version++ {
					for _, level := range []smb2.OplockLevel{smb2.OplockNone, smb2.OplockLevelII, smb2.OplockExclusive, smb2.OplockBatch} {
						n++
						req := smbtest.CreateReq(fmt.Sprint("f", n), smb2.OpenIf)
						req.OplockLevel = level
						durableGrant(t, c, req, version, n, level == smb2.OplockBatch)
					}
					for s := smb2.LeaseState(0); s < 8 && d >= smb.Dialect210; s++ {
						n++
						req := smbtest.With(smbtest.CreateReq(fmt.Sprint("f", n), smb2.OpenIf), smbtest.Lease(leaseKey(n), s))
						durableGrant(t, c, req, version, n, s&leaseRH == leaseRH)
					}
					if d >= smb.Dialect300 {
						n++
						req := smbtest.With(dirReq(fmt.Sprint("d", n), smb2.OpenIf), smbtest.Lease2(leaseKey(n), leaseRH, 0))
						durableGrant(t, c, req, version, n, false)
					}
				}
				// The oplock counts that was granted.
				other := r.caching(d, 2)
				r.create(other, smbtest.CreateReq("shared", smb2.OpenIf))
				n++
				durableGrant(t, c, batchReq("shared"), 1, n, false)
				n++
				durableGrant(t, c, batchReq("shared"), 2, n, false)
			})
		})
	}
}

func durableGrant(t *testing.T, c *smbtest.Client, req smb2.CreateRequest, version int, n byte, durable bool) {
	t.Helper()
	x := smbtest.Durable()
	if version == 2 {
		x = smbtest.Durable2(createGUID(n), 0, 0)
		durable = durable && c.Dialect >= smb.Dialect300
	}
	_, g, st := c.Open(req, x)
	if got := g.Durable || g.Durable2 != nil; st != ok || got != durable || g.Durable && version == 2 || g.Durable2 != nil && version == 1 {
		t.Errorf("%s, version %d, oplock %v: %v, durable %v, want %v", req.Name, version, req.OplockLevel, st, got, durable)
	}
}

// The timeout of version 2 is what the client asks for, up to 300 s. A persistent
// handle needs a share for it.
func TestDurableTimeoutGranted(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		for i, x := range []struct{ ask, got, flags uint32 }{
			{0, 60000, 0}, {1, 1, 0}, {5000, 5000, 0}, {300000, 300000, 0}, {300001, 300000, 0}, {1<<32 - 1, 300000, 0},
			{1000, 1000, smb2.DurableFlagPersistent},
		} {
			_, g, st := c.Open(batchReq(fmt.Sprint("f", i)), smbtest.Durable2(createGUID(byte(i)), x.ask, x.flags))
			if st != ok || g.Durable2 == nil || g.Durable2.Timeout != x.got || g.Durable2.Flags != 0 {
				t.Errorf("asked for %d ms: %v, %+v", x.ask, st, g.Durable2)
			}
		}
	})
}

// Contexts that don't go together.
func TestDurableContexts(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		var id smb2.FileID
		q, c1, q2, c2 := smbtest.Durable(), smbtest.Reconnect(id), smbtest.Durable2(createGUID(1), 0, 0), smbtest.Reconnect2(id, createGUID(1), 0)
		for i, x := range [][]smb2.CreateContext{{q, q2}, {q, c2}, {c1, q2}, {c1, c2}, {q2, c2}} {
			for range 2 {
				_, _, st := c.Open(batchReq("f"), x...)
				want(t, fmt.Sprint("contexts ", i), st, smb2.StatusInvalidParameter)
				slices.Reverse(x)
			}
		}
		for _, x := range []smb2.CreateContext{q, c1, q2, c2} {
			x.Data = x.Data[1:]
			_, _, st := c.Open(batchReq("f"), x)
			want(t, "a short "+x.Name, st, smb2.StatusInvalidParameter)
		}
		if s := dump(t, r.fs); s != "" {
			t.Errorf("something was made: %s", s)
		}
		// The request next to the reconnect of version 1 is ignored.
		h := r.durable(c, "f", 1)
		lose(c)
		c = r.caching(smb.Dialect311, 1)
		_, _, st := c.Open(smbtest.With(h.request(), q))
		want(t, "reconnect with both", st, ok)
	})
}

// kinds are the durable handles that there are.
var kinds = map[string]struct {
	version int
	lease   smb2.LeaseContext
}{
	"v1":             {version: 1},
	"v1, lease RWH":  {1, smb2.LeaseContext{Version: 1, Key: leaseKey(1), State: leaseRWH}},
	"v1, lease RH":   {1, smb2.LeaseContext{Version: 1, Key: leaseKey(1), State: leaseRH}},
	"v1, lease2 RWH": {1, smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRWH}},
	"v2":             {version: 2},
	"v2, lease RH":   {2, smb2.LeaseContext{Version: 1, Key: leaseKey(1), State: leaseRH}},
	"v2, lease2 RH":  {2, smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRH}},
	"v2, lease2 RWH": {2, smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRWH}},
}

// eachKind runs f with a client that has a handle of each kind.
func eachKind(t *testing.T, f func(t *testing.T, r *rig, c *smbtest.Client, h handle)) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				c := r.caching(smb.Dialect311, 1)
				if k.lease.Version == 0 {
					f(t, r, c, r.durable(c, "f", k.version))
				} else {
					f(t, r, c, r.durableLease(c, "f", k.version, k.lease))
				}
			})
		})
	}
}

// A handle survives the connection with all that belongs to it.
func TestDurableReconnect(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
		_, st := c.Write(h.id, 0, []byte("content"))
		want(t, "WRITE", st, ok)
		want(t, "LOCK", c.Lock(h.id, 2, 3, exclusiveNow), ok)
		for range 3 {
			lose(c)
			if n := len(opensOf(r)); n != 1 {
				t.Errorf("%d opens without a connection", n)
			}
			c = r.caching(smb.Dialect311, 1)
			old := h.id
			resp, g, st := c.Open(h.request())
			want(t, "reconnect", st, ok)
			if resp.Action != smb2.ActionOpened || resp.EndOfFile != 7 || resp.FileID.Persistent != old.Persistent {
				t.Errorf("reconnected %+v", resp)
			}
			if h.lease.Version != 0 {
				if g.Lease == nil || g.Lease.State != h.lease.State || g.Lease.Key != h.lease.Key || g.Lease.Version != h.lease.Version {
					t.Errorf("lease %+v", g.Lease)
				}
			} else if resp.OplockLevel != smb2.OplockBatch {
				t.Errorf("oplock %v", resp.OplockLevel)
			}
			h.id = resp.FileID
			got, st := c.Read(h.id, 0, 100)
			if st != ok || string(got) != "content" {
				t.Errorf("READ: %v, %q", st, got)
			}
		}
		want(t, "UNLOCK", c.Lock(h.id, 2, 3, smb2.LockUnlock), ok)
		want(t, "CLOSE", c.CloseFile(h.id), ok)
		want(t, "reconnect after CLOSE", h.back(c), notFound)
	})
}

// Every check of a reconnect, after each of which the right one still works.
// [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12
func TestDurableChecks(t *testing.T) {
	type edit struct {
		machine  byte
		user     bool // another
		edit     func(req *smb2.CreateRequest, h handle)
		v1, v2   smb2.Status // with an oplock
		lv1, lv2 smb2.Status // with a lease
	}
	context := func(req *smb2.CreateRequest, name string, f func(b []byte)) {
		req.Contexts = slices.Clone(req.Contexts)
		for i, x := range req.Contexts {
			if x.Name == name || name == "" && (x.Name == smb2.ContextDHnC || x.Name == smb2.ContextDH2C) {
				req.Contexts[i].Data = slices.Clone(x.Data)
				f(req.Contexts[i].Data)
			}
		}
	}
	without := func(req *smb2.CreateRequest, name string) {
		req.Contexts = slices.DeleteFunc(slices.Clone(req.Contexts), func(x smb2.CreateContext) bool { return x.Name == name })
	}
	const denied, invalid = smb2.StatusAccessDenied, smb2.StatusInvalidParameter
	for name, x := range map[string]edit{
		"other user":   {user: true, v1: denied, v2: denied, lv1: denied, lv2: denied},
		"other client": {machine: 2, v1: ok, v2: ok, lv1: notFound, lv2: notFound},
		"other id": {v1: notFound, v2: notFound, lv1: notFound, lv2: notFound, edit: func(req *smb2.CreateRequest, _ handle) {
			context(req, "", func(b []byte) { b[2]++ })
		}},
		"other create guid": {v1: ok, v2: notFound, lv1: ok, lv2: notFound, edit: func(req *smb2.CreateRequest, _ handle) {
			context(req, smb2.ContextDH2C, func(b []byte) { b[20]++ })
		}},
		"persistent": {v1: ok, v2: invalid, lv1: ok, lv2: invalid, edit: func(req *smb2.CreateRequest, _ handle) {
			context(req, smb2.ContextDH2C, func(b []byte) { b[32] |= 2 })
		}},
		"other lease key": {v1: ok, v2: ok, lv1: notFound, lv2: notFound, edit: func(req *smb2.CreateRequest, _ handle) {
			context(req, smb2.ContextRqLs, func(b []byte) { b[0]++ })
		}},
		"other lease version": {v1: ok, v2: ok, lv1: notFound, lv2: notFound, edit: func(req *smb2.CreateRequest, h handle) {
			if x := h.lease; x.Version != 0 {
				without(req, smb2.ContextRqLs)
				x.Version = 3 - x.Version
				*req = smbtest.With(*req, smbtest.LeaseContext(x))
			}
		}},
		"no lease": {v1: ok, v2: ok, lv1: notFound, lv2: notFound, edit: func(req *smb2.CreateRequest, _ handle) {
			without(req, smb2.ContextRqLs)
		}},
		"a lease": {v1: notFound, v2: notFound, lv1: ok, lv2: ok, edit: func(req *smb2.CreateRequest, h handle) {
			if h.lease.Version == 0 {
				*req = smbtest.With(*req, smbtest.Lease2(leaseKey(1), leaseRWH, 0))
			}
		}},
		"other name": {v1: ok, v2: ok, lv1: invalid, lv2: invalid, edit: func(req *smb2.CreateRequest, _ handle) {
			req.Name = "g"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
				lose(c)
				m := byte(1)
				if x.machine != 0 {
					m = x.machine
				}
				bad := r.channel(smb.Dialect311, m)
				if x.user {
					r.setup(bad, "bob", password+"!")
				} else {
					r.setup(bad, "ann", password)
				}
				r.tree(bad, "s")
				req := h.request()
				if x.edit != nil {
					x.edit(&req, h)
				}
				status := x.v1
				switch v2 := h.guid != (smb2.GUID{}); {
				case v2 && h.lease.Version != 0:
					status = x.lv2
				case v2:
					status = x.v2
				case h.lease.Version != 0:
					status = x.lv1
				}
				_, _, st := bad.Open(req)
				want(t, "reconnect", st, status)
				if st == ok {
					return
				}
				c = r.caching(smb.Dialect311, 1)
				want(t, "the right reconnect", h.back(c), ok)
			})
		})
	}
}

// A handle that is in use can't be had, nor one that isn't durable, nor over
// another share.
func TestDurableNotGone(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
		other := r.caching(smb.Dialect311, 1)
		x := h
		want(t, "reconnect of what is connected", x.back(other), notFound)
		_, st := c.Write(h.id, 0, []byte("x"))
		want(t, "WRITE", st, ok)

		plain := handle{id: r.open(c, "plain"), name: "plain", guid: h.guid}
		lose(c)
		want(t, "reconnect of what isn't durable", plain.back(other), notFound)
		tree := other.Tree
		r.tree(other, "ro")
		x = h
		if st := x.back(other); st == ok {
			t.Error("reconnected over another share")
		}
		other.Tree = tree
		want(t, "reconnect", h.back(other), ok)
	})
}

// An open whose client doesn't come back is closed in time, not before.
func TestDurableTimeout(t *testing.T) {
	for _, x := range []struct {
		ask, life time.Duration
	}{{0, 60 * time.Second}, {5 * time.Second, 5 * time.Second}, {time.Hour, 300 * time.Second}} {
		t.Run(x.ask.String(), func(t *testing.T) {
			bubble(t, func(s *smb.Server) { s.Limits.AuthTimeout = time.Hour }, func(t *testing.T, r *rig) {
				req := batchReq("f")
				req.ShareAccess = 0
				for round := range byte(2) {
					c := r.caching(smb.Dialect311, 1)
					guid := createGUID(100 + round)
					resp, g, st := c.Open(req, smbtest.Durable2(guid, uint32(x.ask/time.Millisecond), 0))
					if st != ok || g.Durable2 == nil {
						t.Fatalf("CREATE: %v, %+v", st, g)
					}
					h := handle{id: resp.FileID, name: "f", guid: guid}
					// The time begins anew each time.
					for range 2 {
						lose(c)
						time.Sleep(x.life - time.Second)
						c = r.caching(smb.Dialect311, 1)
						want(t, "reconnect in time", h.back(c), ok)
					}
					lose(c)
					// Not sooner than that, and not much later.
					time.Sleep(x.life + max(x.life/10, 5*time.Second))
					if n := len(opensOf(r)); n != 0 {
						t.Errorf("%d opens are left", n)
					}
					c = r.caching(smb.Dialect311, 1)
					want(t, "reconnect after it", h.back(c), notFound)
					lose(c)
				}
			})
		})
	}
}

// Version 1 lives as long as the server likes, 16 minutes at most.
func TestDurableTimeoutV1(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.durable(c, "f", 1)
		lose(c)
		time.Sleep(59 * time.Second)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), ok)
		lose(c)
		time.Sleep(17 * time.Minute)
		if n := len(opensOf(r)); n != 0 {
			t.Errorf("%d opens are left", n)
		}
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), notFound)
	})
}

// Meanwhile another client opens the file. An oplock can't be broken without its
// client, so the handle goes, at once; so does one whose lease would lose H or W.
// One that has RH stays as long as nobody writes. [MS-SMB2] 3.3.4.6, 3.3.4.7
func TestDurableConflict(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
		lose(c)
		other := r.caching(smb.Dialect311, 2)
		// Who only looks disturbs nobody.
		stat := smbtest.CreateReq("f", smb2.Open)
		stat.DesiredAccess = statAccess
		r.create(other, stat)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect after a look", h.back(c), ok)
		lose(c)

		begin := time.Now()
		id := r.create(other, smbtest.CreateReq("f", smb2.Open))
		if d := time.Since(begin); d > time.Second {
			t.Errorf("the open took %v", d)
		}
		c = r.caching(smb.Dialect311, 1)
		if h.lease.State == leaseRH {
			want(t, "reconnect after another's open", h.back(c), ok)
			lose(c)
			begin = time.Now()
			_, st := other.Write(id, 0, []byte("x"))
			want(t, "WRITE", st, ok)
			if d := time.Since(begin); d > time.Second {
				t.Errorf("the WRITE took %v", d)
			}
			c = r.caching(smb.Dialect311, 1)
		}
		want(t, "reconnect after a conflict", h.back(c), notFound)
		synctest.Wait() // it may still be being closed
		if n := len(opensOf(r)); n != 2 {
			t.Errorf("%d opens, want two of the other client", n)
		}
	})
}

// A handle that shares nothing gives way, too, as one that is only cached does.
func TestDurableShareMode(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				c := r.caching(smb.Dialect311, 1)
				req := batchReq("f")
				req.ShareAccess = 0
				var h handle
				if k.lease.Version == 0 {
					h = r.keep(c, req, k.version)
				} else {
					h = r.keep(c, req, k.version, k.lease)
				}
				lose(c)
				other := r.caching(smb.Dialect311, 2)
				r.create(other, smbtest.CreateReq("f", smb2.Open))
				c = r.caching(smb.Dialect311, 1)
				want(t, "reconnect", h.back(c), notFound)
			})
		})
	}
}

// Locks hold through a disconnect. RH lets others read beside it.
func TestDurableLocks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		put(t, r.fs, "f", "0123456789")
		c := r.caching(smb.Dialect311, 1)
		h := r.durableLease(c, "f", 2, smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRH})
		want(t, "LOCK", c.Lock(h.id, 2, 3, exclusiveNow), ok)
		lose(c)
		other := r.caching(smb.Dialect311, 2)
		req := smbtest.CreateReq("f", smb2.Open)
		req.DesiredAccess = 0x120089
		id := r.create(other, req)
		_, st := other.Read(id, 3, 1)
		want(t, "READ of what is locked", st, smb2.StatusFileLockConflict)
		_, st = other.Read(id, 6, 1)
		want(t, "READ of the rest", st, ok)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), ok)
		want(t, "LOCK of the same", c.Lock(h.id, 2, 3, exclusiveNow), smb2.StatusLockNotGranted)
		want(t, "UNLOCK", c.Lock(h.id, 2, 3, smb2.LockUnlock), ok)
		_, st = other.Read(id, 3, 1)
		want(t, "READ", st, ok)

		// When the handle goes the locks do.
		want(t, "LOCK", c.Lock(h.id, 2, 3, exclusiveNow), ok)
		lose(c)
		time.Sleep(2 * time.Minute)
		_, st = other.Read(id, 3, 1)
		want(t, "READ after the timeout", st, ok)
	})
}

// A file to be deleted stays as long as the handle could come back.
func TestDurableDeleteOnClose(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *rig, h handle){
		"close": func(t *testing.T, r *rig, h handle) {
			c := r.caching(smb.Dialect311, 1)
			want(t, "reconnect", h.back(c), ok)
			want(t, "CLOSE", c.CloseFile(h.id), ok)
		},
		"timeout": func(_ *testing.T, _ *rig, _ handle) { time.Sleep(20 * time.Minute) },
	} {
		for version := 1; version <= 2; version++ {
			t.Run(fmt.Sprint(name, ", v", version), func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, r *rig) {
					c := r.caching(smb.Dialect311, 1)
					req := batchReq("f")
					req.Options = smb2.OptionDeleteOnClose
					h := r.keep(c, req, version)
					lose(c)
					if dump(t, r.fs) == "" {
						t.Fatal("deleted at once")
					}
					end(t, r, h)
					if s := dump(t, r.fs); s != "" {
						t.Errorf("still there: %s", s)
					}
				})
			})
		}
	}
}

// Another's open of a file that goes with its durable handle finds it deleted, and
// makes a new one.
func TestDurableDeleteOnCloseConflict(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		req := batchReq("f")
		req.Options = smb2.OptionDeleteOnClose
		h := r.keep(c, req, 2)
		_, st := c.Write(h.id, 0, []byte("old"))
		want(t, "WRITE", st, ok)
		lose(c)
		other := r.caching(smb.Dialect311, 2)
		resp, st := other.Create(smbtest.CreateReq("f", smb2.OpenIf))
		want(t, "CREATE", st, ok)
		if resp.EndOfFile != 0 || resp.Action != smb2.ActionCreated {
			t.Errorf("action %v, %d bytes", resp.Action, resp.EndOfFile)
		}
	})
}

// LOGOFF and a logon that replaces the session keep durable handles;
// TREE_DISCONNECT does not. [MS-SMB2] 3.3.5.6, 3.3.5.5.3, 3.3.5.8
func TestDurableSessions(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
		want(t, "LOGOFF", c.Logoff(), ok)
		r.setup(c, "ann", password)
		r.tree(c, "s")
		want(t, "reconnect after LOGOFF", h.back(c), ok)

		n := r.channel(smb.Dialect311, 1)
		_, st := n.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: c.Session.ID})
		want(t, "logon", st, ok)
		r.tree(n, "s")
		want(t, "reconnect", h.back(n), ok)
		e := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: h.id})
		want(t, "FLUSH in the session that was replaced", c.DoElem(e).Status, smb2.StatusUserSessionDeleted)

		want(t, "TREE_DISCONNECT", n.TreeDisconnect(), ok)
		r.tree(n, "s")
		want(t, "reconnect after TREE_DISCONNECT", h.back(n), notFound)
	})
}

// Somebody else's logon that names the session takes nothing from it.
func TestDurablePreviousOfAnother(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.durable(c, "f", 2)
		n := r.channel(smb.Dialect311, 1)
		_, st := n.Logon(&smbtest.Logon{User: "bob", Password: password + "!", Previous: c.Session.ID})
		want(t, "logon", st, ok)
		_, st = c.Write(h.id, 0, []byte("x"))
		want(t, "WRITE", st, ok)
	})
}

// Of many that ask for a handle at once one gets it.
func TestDurableRace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for round := range 20 {
			c := r.caching(smb.Dialect311, 1)
			h := r.durable(c, fmt.Sprint("f", round), 2)
			lose(c)
			var clients []*smbtest.Client
			for range 4 {
				clients = append(clients, r.caching(smb.Dialect311, 1))
			}
			got := make(chan smb2.Status, 4)
			for _, c := range clients {
				go func() {
					x := h
					got <- x.back(c)
				}()
			}
			n := 0
			for range clients {
				switch st := <-got; st {
				case ok:
					n++
				case notFound:
				default:
					t.Errorf("reconnect: %v", st)
				}
			}
			if n != 1 {
				t.Errorf("%d got it", n)
			}
			lose(clients...)
		}
	})
}

// A handle that breaks when the connection goes isn't kept. [MS-SMB2] 3.3.7.1
func TestDurableBreaking(t *testing.T) {
	eachKind(t, func(t *testing.T, r *rig, c *smbtest.Client, h handle) {
		if h.lease.State == leaseRH {
			return // an open breaks nothing
		}
		other := r.caching(smb.Dialect311, 2)
		mid := startOpen(other, smbtest.CreateReq("f", smb2.Open))
		c.Break()
		lose(c)
		want(t, "CREATE", other.Wait(mid).Status, ok)
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), notFound)
	})
}

// What waits on a handle ends with the connection; the handle doesn't.
func TestDurableWaits(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		h := r.durableLease(c, "f", 2, smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRH})
		holder := r.caching(smb.Dialect311, 2)
		id := r.open(holder, "f")
		c2 := r.caching(smb.Dialect311, 1)
		x, _ := r.leased(c2, "f", smbtest.Lease2(leaseKey(1), leaseRH, 0), leaseRH)
		want(t, "LOCK", c2.Lock(x, 0, 10, exclusiveNow), ok)
		start(c, smb2.CommandLock, smbtest.LockReq(h.id, 5, 1, smb2.LockExclusive))
		lose(c)
		want(t, "UNLOCK", c2.Lock(x, 0, 10, smb2.LockUnlock), ok)
		// Had the LOCK lived on it would be taken now.
		_, st := holder.Read(id, 5, 1)
		if st != ok && st != smb2.StatusEndOfFile {
			t.Errorf("READ: %v", st)
		}
		c = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(c), ok)
	})
}

// Who may not read a file must not have others' handles of it closed.
func TestAppInstanceWithoutAccess(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "vm.vhdx", "disk")
	r := guarded(t, fsys)
	secure(t, fsys, "vm.vhdx", allow(annSID, vfs.AccessFull))
	ann, bob := r.channel(smb.Dialect311, 1), r.channel(smb.Dialect311, 2)
	r.setup(ann, "ann", password)
	r.tree(ann, "s")
	r.setup(bob, "bob", password)
	r.tree(bob, "s")
	app := smbtest.AppInstance(smb2.GUID{0xA9, 1})
	req := smbtest.CreateReq("vm.vhdx", smb2.Open)
	req.ShareAccess = 0
	resp, _, st := ann.Open(smbtest.With(req, app, smbtest.Durable2(createGUID(1), 0, 0)))
	want(t, "ann's CREATE", st, ok)
	req.DesiredAccess = uint32(vfs.ReadData)
	_, _, st = bob.Open(smbtest.With(req, app, smbtest.Durable2(createGUID(2), 0, 0)))
	want(t, "bob's CREATE", st, smb2.StatusAccessDenied)
	_, st = ann.Write(resp.FileID, 0, []byte("x"))
	want(t, "ann's WRITE", st, ok)
}

// A resilient handle stays, whatever becomes of its oplock or lease.
func TestResilientBreak(t *testing.T) {
	for _, what := range []string{"none", "batch", "lease"} {
		t.Run(what, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				c, other := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				req := smbtest.CreateReq("f", smb2.OpenIf)
				req.ShareAccess = smb2.ShareRead
				h := handle{name: "f"}
				switch what {
				case "batch":
					req.OplockLevel = smb2.OplockBatch
				case "lease":
					h.lease = rwh
					req = smbtest.With(req, smbtest.LeaseContext(rwh))
				}
				h.id = r.create(c, req)
				want(t, "resiliency", resilient(c, h.id, 120*time.Second), ok)
				want(t, "LOCK", c.Lock(h.id, 0, 1, exclusiveNow), ok)
				lose(c)
				_, st := other.Create(smbtest.CreateReq("f", smb2.Open)) // wants to write, which isn't shared
				want(t, "CREATE of another", st, smb2.StatusSharingViolation)
				c = r.caching(smb.Dialect311, 1)
				want(t, "reconnect", h.back(c), ok)
			})
		})
	}
}

// Two sessions of one client share a lease that is being broken. The one whose handle is
// resilient loses its connection. The other has its caching still.
func TestResilientSharedLease(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c, c2, other := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
		id, _ := r.leased(c, "f", smbtest.LeaseContext(rwh), leaseRWH)
		want(t, "resiliency", resilient(c, id, 120*time.Second), ok)
		id2, _ := r.leased(c2, "f", smbtest.LeaseContext(rwh), leaseRWH)
		mid := startOpen(other, smbtest.CreateReq("f", smb2.Open))
		c.Break() // goes out on the oldest connection
		lose(c)
		if c2.Quiet(time.Second) {
			t.Error("c2 isn't told of the break")
		}
		if !other.Quiet(time.Second) {
			t.Error("the other's CREATE went through before c2, which caches writes, wrote them back")
		}
		_, st := c2.Write(id2, 0, []byte("cached"))
		want(t, "write back", st, ok)
		_, st = c2.AckLease(rwh.Key, smb2.LeaseRead|smb2.LeaseHandle)
		want(t, "ack", st, ok)
		want(t, "CREATE", other.Wait(mid).Status, ok)
	})
}

// Who comes back for a handle is told of it before he is told that it breaks, as with a new one.
func TestReconnectBeforeBreak(t *testing.T) {
	for name, lease := range map[string][]smb2.LeaseContext{
		"oplock": nil, "lease": {{Version: 1, Key: leaseKey(1), State: leaseRWH}},
	} {
		t.Run(name, func(t *testing.T) {
			var stuck atomic.Bool
			var gate chan struct{}
			bubble(t, func(s *smb.Server) {
				gate = make(chan struct{})
				sh := s.Shares.(smb.Shares)["s"]
				sh.FS = faultfs.New(sh.FS, func(op faultfs.Op) error {
					if op.Kind == faultfs.Read && stuck.Load() {
						<-gate
					}
					return nil
				})
			}, func(t *testing.T, r *rig) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				h := r.keep(a, batchReq("f"), 2, lease...)
				lose(a)
				a = r.caching(smb.Dialect311, 1)
				stuck.Store(true)
				again := a.Req(smb2.CommandCreate, h.request())
				a.Send(again, a.Req(smb2.CommandRead, smb2.ReadRequest{FileID: smb2.FileID{Persistent: ^uint64(0), Volatile: ^uint64(0)}, Length: 1}).Related())
				synctest.Wait()
				mid := startOpen(b, smbtest.CreateReq("f", smb2.Open))
				close(gate)
				stuck.Store(false)
				for {
					first, came := a.Recv()
					if !came || first.MessageID == ^uint64(0) {
						t.Fatalf("%v came first", first.Command)
					}
					if first.MessageID == again.MessageID && first.Status != smb2.StatusPending {
						want(t, "CREATE", first.Status, ok)
						break
					}
				}
				if lease != nil {
					leaseBroken(t, a, leaseKey(1), leaseRWH, leaseRH, 0)
					ackLease(t, a, leaseKey(1), leaseRH)
				} else {
					broken(t, a, h.id, smb2.OplockLevelII)
					want(t, "the answer to the break", a.AckOplock(h.id, smb2.OplockLevelII), ok)
				}
				want(t, "CREATE of another", b.Wait(mid).Status, ok)
				alive(t, a)
				if _, twice := a.PollBreak(); twice {
					t.Error("told twice")
				}
			})
		})
	}
}
