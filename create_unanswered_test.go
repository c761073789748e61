package smb_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

// Opens of which the client doesn't know yet: the answer to the CREATE waits for the rest of its chain.

// unanswered runs f with a client whose chains aren't answered, if send sends them, before it calls answer.
func unanswered(t *testing.T, st smb.HandleStore, f func(t *testing.T, r *rig, c *smbtest.Client, send func(...*smbtest.Elem), answer func())) {
	t.Helper()
	var gate chan struct{}
	bubble(t, func(s *smb.Server) {
		continuous(st)(s)
		gate = make(chan struct{})
		sh := s.Shares.(smb.Shares)["s"]
		sh.FS = faultfs.New(sh.FS, func(op faultfs.Op) error {
			if op.Kind == faultfs.Read && op.Name == "slow" {
				<-gate
			}
			return nil
		})
	}, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		slow := r.open(c, "slow")
		write(t, c, slow, "x")
		answer := sync.OnceFunc(func() { close(gate) })
		defer answer()
		f(t, r, c, func(elems ...*smbtest.Elem) {
			c.Send(append(elems, c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: slow, Length: 1}))...)
			synctest.Wait()
		}, answer)
	})
}

var leaseRHContext = smb2.LeaseContext{Version: 2, Key: leaseKey(1), State: leaseRH}

// wantNoR checks that who comes back for h after the server was killed has nothing cached that others wrote since.
func wantNoR(t *testing.T, r *rig, st smb.HandleStore, h handle) {
	t.Helper()
	_, g, status := r.successor(st).caching(smb.Dialect311, 1).Open(h.request())
	want(t, "CREATE", status, ok)
	if g.Lease == nil || g.Lease.State&leaseR != 0 {
		t.Errorf("the lease is now %+v", g.Lease)
	}
}

// A lease that was broken before its client had the answer to a persistent CREATE is what it was broken to, though the
// server ends before the client has answered.
func TestPersistentLeaseBrokenUnanswered(t *testing.T) {
	var stored smb.MemoryHandles
	unanswered(t, &stored, func(t *testing.T, r *rig, c *smbtest.Client, send func(...*smbtest.Elem), answer func()) {
		o := r.bob(2)
		f := r.open(o, "f")
		write(t, o, f, "old")
		h := handle{name: "f", guid: createGUID(1), flags: smb2.DurableFlagPersistent, lease: leaseRHContext}
		create := c.Req(smb2.CommandCreate, smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Durable2(h.guid, 0, h.flags), smbtest.LeaseContext(h.lease)))
		last := smb2.FileID{Persistent: ^uint64(0), Volatile: ^uint64(0)}
		read := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: last, Length: 3}).Related()
		send(create, read)
		write(t, o, f, "new")
		answer()
		resp, _, st := c.Opened(c.Wait(create.MessageID))
		want(t, "CREATE", st, ok)
		if data := smbtest.Parse(c, c.Wait(read.MessageID), smb2.ParseReadResponse).Data; string(data) != "old" {
			t.Errorf("the client caches %q", data)
		}
		h.id = resp.FileID
		wantNoR(t, r, &stored, h)
	})
}

// The same if the client has another open with the lease, of which it knows.
func TestPersistentLeaseSharedUnanswered(t *testing.T) {
	var stored smb.MemoryHandles
	unanswered(t, &stored, func(t *testing.T, r *rig, c *smbtest.Client, send func(...*smbtest.Elem), _ func()) {
		send(c.Req(smb2.CommandCreate, smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Durable2(createGUID(77), 0, smb2.DurableFlagPersistent), smbtest.LeaseContext(leaseRHContext))))
		h := r.persistent(c, smbtest.CreateReq("f", smb2.OpenIf), leaseRHContext)
		o := r.bob(2)
		write(t, o, r.open(o, "f"), "new")
		wantNoR(t, r, &stored, h)
	})
}

// A break that came for a persistent open whose client lost its connection is told once when the client comes back, and
// not at all if it is over by then.
func TestBreakOfParkedUnanswered(t *testing.T) {
	for _, test := range []struct {
		name   string
		late   time.Duration
		breaks int
	}{{"owed", time.Second, 1}, {"over", 45 * time.Second, 0}} {
		for _, lease := range []bool{false, true} {
			name, req := test.name, smbtest.With(batchReq("f"), smbtest.Durable2(createGUID(5), 0, smb2.DurableFlagPersistent))
			if lease {
				name += ", lease"
				req = smbtest.With(req, smbtest.LeaseContext(smb2.LeaseContext{Version: 1, Key: leaseKey(1), State: leaseRWH}))
			}
			t.Run(name, func(t *testing.T) {
				unanswered(t, &smb.MemoryHandles{}, func(t *testing.T, r *rig, c *smbtest.Client, send func(...*smbtest.Elem), _ func()) {
					send(c.Req(smb2.CommandCreate, req))
					o := r.bob(2)
					o.Timeout = time.Hour
					mid := startOpen(o, smbtest.CreateReq("f", smb2.OpenIf))
					c.Close()
					time.Sleep(test.late)
					synctest.Wait()
					c = r.caching(smb.Dialect311, 1)
					resp, _, st := c.Opened(c.DoElem(c.Req(smb2.CommandCreate, req).Replay()))
					want(t, "CREATE again", st, ok)
					synctest.Wait()
					alive(t, c) // which brings what was sent
					breaks := 0
					for {
						if _, came := c.PollBreak(); !came {
							break
						}
						breaks++
					}
					if breaks != test.breaks {
						t.Errorf("%d breaks came, want %d", breaks, test.breaks)
					}
					want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
					want(t, "CREATE of another", o.Wait(mid).Status, ok)
				})
			})
		}
	}
}

// A durable open gives way when its client has lost its connection, also if that never knew of it.
func TestParkedUnansweredGivesWay(t *testing.T) {
	unanswered(t, &smb.MemoryHandles{}, func(t *testing.T, r *rig, c *smbtest.Client, send func(...*smbtest.Elem), _ func()) {
		send(c.Req(smb2.CommandCreate, smbtest.With(batchReq("f"), smbtest.Durable2(createGUID(5), 0, 0))))
		lose(c)
		o := r.bob(2)
		start := time.Now()
		resp, st := o.Create(batchReq("f"))
		want(t, "CREATE of another", st, ok)
		if d := time.Since(start); d > time.Second || resp.OplockLevel != smb2.OplockBatch {
			t.Errorf("oplock %v after %v", resp.OplockLevel, d)
		}
	})
}
