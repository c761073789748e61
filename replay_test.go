package smb_test

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

const notAvailable = smb2.StatusFileNotAvailable

// sequenced returns requests with FileId, by name, each on id; those that the
// channel sequence can refuse come first.
func sequenced(id smb2.FileID) []struct {
	cmd     smb2.Command
	body    smbtest.Body
	refused bool
} {
	basic := smb2.FileBasicInformation{FileAttributes: 0x20}.Append(nil)
	return []struct {
		cmd     smb2.Command
		body    smbtest.Body
		refused bool
	}{
		{smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte("x")}, true},
		{smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileBasicInformation), Data: basic}, true},
		{smb2.CommandIoctl, smbtest.IoctlReq(id, smb2.FsctlCreateOrGetObjectID, nil, 64), true},
		{smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: 1}, false},
		{smb2.CommandFlush, smb2.FlushRequest{FileID: id}, false},
		{smb2.CommandQueryInfo, smb2.QueryInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileBasicInformation), OutputLength: 100}, false},
	}
}

// A client counts up what it sends after the loss of a channel, so that what it
// sent before and comes late does nothing. [MS-SMB2] 3.3.5.2.10
func TestChannelSequence(t *testing.T) {
	for _, d := range smbtest.AllDialects {
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				put(t, r.fs, "f", "content")
				c := r.caching(d, 1)
				id := r.open(c, "f")
				for _, step := range []struct {
					seq uint16
					old bool
				}{
					{0, false}, {5, false}, {4, true}, {5, false}, {0x8004, false}, {5, true}, {4, true}, {0x8004, false},
					{3, false}, {0x8003, true}, {2, true}, {3, false},
				} {
					for _, replay := range []bool{false, true} {
						for _, x := range sequenced(id) {
							e := c.Req(x.cmd, x.body)
							// A ChannelSequence is the client's own until it
							// negotiated 3.x.
							e.Status = smb2.Status(step.seq)
							if replay {
								e.Replay()
							}
							st := c.DoElem(e).Status
							refused := step.old && x.refused && d >= smb.Dialect300
							if refused != (st == notAvailable) {
								t.Errorf("%v with sequence %d, replay %v: %v", x.cmd, step.seq, replay, st)
							}
						}
					}
				}
			})
		})
	}
}

// gatedFS holds writes up.
type gatedFS struct {
	mu   sync.Mutex
	hold chan struct{} // nil: not now
}

func (g *gatedFS) hook(op faultfs.Op) error {
	if op.Kind != faultfs.Write {
		return nil
	}
	g.mu.Lock()
	hold := g.hold
	g.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return nil
}

func (g *gatedFS) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = make(chan struct{})
}

func (g *gatedFS) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.hold)
	g.hold = nil
}

// While requests of an earlier sequence are under way, a replay could overtake
// them, and is refused.
func TestChannelSequenceOutstanding(t *testing.T) {
	var g gatedFS
	bubble(t, func(s *smb.Server) {
		s.Shares = smb.Shares{"s": {FS: faultfs.New(s.Shares.(smb.Shares)["s"].FS, g.hook)}}
	}, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		id := r.open(a, "f")
		write := func(c *smbtest.Client, text string, seq uint16) *smbtest.Elem {
			e := c.Req(smb2.CommandWrite, smb2.WriteRequest{FileID: id, Data: []byte(text)})
			e.Status = smb2.Status(seq)
			return e
		}
		g.close()
		first := write(a, "first", 0)
		a.Send(first)
		time.Sleep(time.Millisecond)
		replay := write(b, "first", 1).Replay()
		want(t, "a replay while the first is under way", b.DoElem(replay).Status, notAvailable)
		want(t, "another", b.DoElem(write(b, "first", 1).Replay()).Status, notAvailable)
		want(t, "one of the old sequence", b.DoElem(write(b, "x", 0)).Status, notAvailable)
		g.open()
		want(t, "the first", a.Wait(first.MessageID).Status, ok)
		want(t, "the replay", b.DoElem(write(b, "first", 1).Replay()).Status, ok)
		want(t, "what comes next", b.DoElem(write(b, "later", 1)).Status, ok)
		want(t, "late", a.DoElem(write(a, "first", 0)).Status, notAvailable)
		got, st := b.Read(id, 0, 100)
		if st != ok || string(got) != "later" {
			t.Errorf("READ: %v, %q", st, got)
		}
	})
}

// A CREATE that was carried out and not answered is answered, and not carried out
// again. [MS-SMB2] 3.3.5.9, 3.3.5.9.10
func TestCreateReplay(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		lease := smbtest.Lease2(leaseKey(1), leaseRWH, 0)
		for name, level := range map[string][]smb2.CreateContext{"none": nil, "lease": {lease}} {
			guid := createGUID(byte(len(name)))
			req := smbtest.With(smbtest.CreateReq(name, smb2.Create), level...)
			req = smbtest.With(req, smbtest.Durable2(guid, 0, 0))
			first, g, st := a.Open(req)
			want(t, "CREATE", st, ok)
			for _, c := range []*smbtest.Client{b, a, b} {
				want(t, "CREATE again, not marked", c.DoElem(c.Req(smb2.CommandCreate, req)).Status, smb2.StatusDuplicateObjectid)
				resp, g2, st := c.Opened(c.DoElem(c.Req(smb2.CommandCreate, req).Replay()))
				want(t, "replay", st, ok)
				if resp.FileID != first.FileID || resp.Action != first.Action || resp.OplockLevel != first.OplockLevel || g2.State() != g.State() {
					t.Errorf("replay: %+v, %+v, want %+v, %+v", resp, g2, first, g)
				}
				if (g.Durable2 == nil) != (g2.Durable2 == nil) || g.Durable2 != nil && *g.Durable2 != *g2.Durable2 {
					t.Errorf("replay: durable %+v, want %+v", g2.Durable2, g.Durable2)
				}
			}
			if n := len(opensOf(r)); n != 1 {
				t.Errorf("%d opens", n)
			}
			// Used, it isn't what the client lost any more.
			_, st = b.Write(first.FileID, 0, []byte("x"))
			want(t, "WRITE", st, ok)
			want(t, "replay after use", b.DoElem(b.Req(smb2.CommandCreate, req).Replay()).Status, smb2.StatusObjectNameCollision)
			want(t, "CLOSE", a.CloseFile(first.FileID), ok)
		}
		// Without the context the flag means nothing.
		req := smbtest.CreateReq("plain", smb2.Create)
		want(t, "CREATE", a.DoElem(a.Req(smb2.CommandCreate, req).Replay()).Status, ok)
		want(t, "CREATE", a.DoElem(a.Req(smb2.CommandCreate, req).Replay()).Status, smb2.StatusObjectNameCollision)
	})
}

// Whose CREATE it was is checked.
func TestCreateReplayChecks(t *testing.T) {
	lease := func(n byte) smb2.CreateContext { return smbtest.Lease2(leaseKey(n), leaseRWH, 0) }
	for name, x := range map[string]struct {
		client func(r *rig, a *smbtest.Client) *smbtest.Client
		lease  smb2.CreateContext
		guid   byte
		status smb2.Status
	}{
		"other lease": {func(r *rig, a *smbtest.Client) *smbtest.Client { return a }, lease(2), 1, smb2.StatusAccessDenied},
		"other guid":  {func(r *rig, a *smbtest.Client) *smbtest.Client { return a }, lease(1), 2, smb2.StatusObjectNameCollision},
		"other session": {func(r *rig, _ *smbtest.Client) *smbtest.Client { return r.caching(smb.Dialect311, 1) },
			lease(1), 1, smb2.StatusDuplicateObjectid},
		"other client": {func(r *rig, _ *smbtest.Client) *smbtest.Client { return r.caching(smb.Dialect311, 2) },
			lease(1), 1, smb2.StatusObjectNameCollision},
		"other user": {func(r *rig, _ *smbtest.Client) *smbtest.Client {
			c := r.channel(smb.Dialect311, 1)
			r.setup(c, "bob", password+"!")
			r.tree(c, "s")
			return c
		}, lease(1), 1, smb2.StatusAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				a := r.caching(smb.Dialect311, 1)
				req := smbtest.CreateReq("f", smb2.Create)
				good := smbtest.With(req, lease(1), smbtest.Durable2(createGUID(1), 0, 0))
				first, _, st := a.Open(good)
				want(t, "CREATE", st, ok)
				c := x.client(r, a)
				bad := smbtest.With(req, x.lease, smbtest.Durable2(createGUID(x.guid), 0, 0))
				want(t, "replay", c.DoElem(c.Req(smb2.CommandCreate, bad).Replay()).Status, x.status)
				resp, _, st := a.Opened(a.DoElem(a.Req(smb2.CommandCreate, good).Replay()))
				if st != ok || resp.FileID != first.FileID {
					t.Errorf("the right replay: %v, %+v", st, resp.FileID)
				}
			})
		})
	}
}

// It is told the oplock that the first one got, not the one that it asks for.
func TestCreateReplayLevel(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.open(r.bob(2), "f")
		c := r.caching(smb.Dialect311, 1)
		req := smbtest.With(batchReq("f"), smbtest.Durable2(createGUID(1), 0, 0))
		first, _, st := c.Open(req)
		want(t, "CREATE", st, ok)
		again, _, st := c.Opened(c.DoElem(c.Req(smb2.CommandCreate, req).Replay()))
		want(t, "CREATE again", st, ok)
		if first.OplockLevel != smb2.OplockLevelII || again.OplockLevel != first.OplockLevel {
			t.Errorf("oplock %v, and then %v", first.OplockLevel, again.OplockLevel)
		}
	})
}

// A LOCK that was carried out isn't carried out again. [MS-SMB2] 3.3.5.14
func TestLockSequence(t *testing.T) {
	for _, d := range smbtest.AllDialects {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprint(d, ", durable ", durable), func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, r *rig) {
					c := r.caching(d, 1)
					id := r.open(c, "f")
					if durable {
						want(t, "CLOSE", c.CloseFile(id), ok)
						id = r.durable(c, "f", 1).id
					}
					verified := d >= smb.Dialect300 || d == smb.Dialect210 && durable
					lock := func(what string, number uint8, index uint32, flags smb2.LockFlags, status smb2.Status) {
						t.Helper()
						req := smbtest.LockReq(id, 0, 10, flags)
						req.LockSequence = smbtest.LockSeq(number, index)
						want(t, what, c.Do(smb2.CommandLock, req).Status, status)
					}
					// again is the status of a request that comes twice.
					again := func(st smb2.Status) smb2.Status {
						if verified {
							return ok
						}
						return st
					}
					const refused, unlocked = smb2.StatusLockNotGranted, smb2.StatusRangeNotLocked
					lock("LOCK", 1, 1, exclusiveNow, ok)
					lock("the same", 1, 1, exclusiveNow, again(refused))
					lock("another number", 2, 1, exclusiveNow, refused)
					// A failure makes the entry invalid.
					lock("the first after that", 1, 1, exclusiveNow, refused)
					lock("another index", 1, 2, exclusiveNow, refused)
					lock("UNLOCK", 3, 64, smb2.LockUnlock, ok)
					lock("the same", 3, 64, smb2.LockUnlock, again(unlocked))
					lock("another index", 3, 63, smb2.LockUnlock, unlocked)
					for _, index := range []uint32{0, 65, 1<<28 - 1} {
						lock("LOCK", 1, index, exclusiveNow, ok)
						lock("index out of range", 1, index, exclusiveNow, refused)
						lock("UNLOCK", 2, index, smb2.LockUnlock, ok)
						lock("index out of range", 2, index, smb2.LockUnlock, unlocked)
					}
				})
			})
		}
	}
}

// What was locked last is known after a reconnect, too.
func TestLockSequenceReconnect(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for version := 1; version <= 2; version++ {
			c := r.caching(smb.Dialect311, 1)
			h := r.durable(c, fmt.Sprint("f", version), version)
			lock := func(st smb2.Status) {
				t.Helper()
				req := smbtest.LockReq(h.id, 0, 10, exclusiveNow)
				req.LockSequence = smbtest.LockSeq(7, 3)
				want(t, "LOCK", c.Do(smb2.CommandLock, req).Status, st)
			}
			lock(ok)
			lose(c)
			c = r.caching(smb.Dialect311, 1)
			want(t, "reconnect", h.back(c), ok)
			lock(ok)
			want(t, "LOCK of the same", c.Lock(h.id, 0, 10, exclusiveNow), smb2.StatusLockNotGranted)
		}
	})
}

func resilient(c *smbtest.Client, id smb2.FileID, timeout time.Duration) smb2.Status {
	in := binary.LittleEndian.AppendUint32(nil, uint32(timeout/time.Millisecond))
	_, st := c.Ioctl(id, smb2.FsctlLmrRequestResiliency, append(in, 0, 0, 0, 0), 0)
	return st
}

// A resilient handle needs no oplock, and holds what it has against all others
// until its time is over. [MS-SMB2] 3.3.5.15.9
func TestResilient(t *testing.T) {
	for _, d := range []smb.Dialect{smb.Dialect210, smb.Dialect302, smb.Dialect311} {
		t.Run(d.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				c, other := r.caching(d, 1), r.caching(d, 2)
				req := smbtest.CreateReq("f", smb2.OpenIf)
				req.ShareAccess = smb2.ShareRead
				h := handle{id: r.create(c, req), name: "f"}
				want(t, "resiliency", resilient(c, h.id, 20*time.Second), ok)
				want(t, "LOCK", c.Lock(h.id, 0, 1, exclusiveNow), ok)
				held := func() {
					t.Helper()
					_, st := other.Create(smbtest.CreateReq("f", smb2.Open))
					want(t, "CREATE of another", st, smb2.StatusSharingViolation)
				}
				held()
				lose(c)
				held()
				time.Sleep(19 * time.Second)
				held()
				c = r.caching(d, 1)
				want(t, "reconnect", h.back(c), ok)
				want(t, "LOCK of the same", c.Lock(h.id, 0, 1, exclusiveNow), smb2.StatusLockNotGranted)
				want(t, "LOGOFF", c.Logoff(), ok)
				held()
				r.setup(c, "ann", password)
				r.tree(c, "s")
				want(t, "reconnect after LOGOFF", h.back(c), ok)
				lose(c)
				bob := r.channel(d, 1)
				r.setup(bob, "bob", password+"!")
				r.tree(bob, "s")
				x := h
				want(t, "reconnect of another", x.back(bob), smb2.StatusAccessDenied)
				time.Sleep(40 * time.Second)
				c = r.caching(d, 1)
				want(t, "reconnect after the timeout", h.back(c), notFound)
				r.open(other, "f")
			})
		})
	}
}

func TestResilientChecks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		c := r.caching(smb.Dialect311, 1)
		id := r.open(c, "f")
		_, st := c.Ioctl(id, smb2.FsctlLmrRequestResiliency, make([]byte, 7), 0)
		want(t, "a short request", st, smb2.StatusInvalidParameter)
		want(t, "a long time", resilient(c, id, 24*time.Hour), smb2.StatusInvalidParameter)
		want(t, "a default time", resilient(c, id, 0), ok)
		old := r.caching(smb.Dialect202, 2)
		want(t, "2.0.2", resilient(old, r.open(old, "f"), time.Second), smb2.StatusInvalidDeviceRequest)
	})
}

// An application that moved to another machine takes its files with it: opens that
// the machine before it has are closed. [MS-SMB2] 3.3.5.9.13
func TestAppInstance(t *testing.T) {
	app := func(n byte) smb2.CreateContext { return smbtest.AppInstance(smb2.GUID{0xA9, n}) }
	v := smbtest.AppVersion
	const forced, violation = smb2.StatusFileForcedClosed, smb2.StatusSharingViolation
	type list = []smb2.CreateContext
	for name, x := range map[string]struct {
		dialect       smb.Dialect
		machine       byte
		first, second list
		status        smb2.Status
	}{
		"same":          {0, 2, list{app(1)}, list{app(1)}, ok},
		"3.0":           {smb.Dialect300, 2, list{app(1)}, list{app(1)}, ok},
		"other":         {0, 2, list{app(1)}, list{app(2)}, violation},
		"none":          {0, 2, list{app(1)}, nil, violation},
		"none before":   {0, 2, nil, list{app(1)}, violation},
		"same machine":  {0, 1, list{app(1)}, list{app(1)}, violation},
		"later":         {0, 2, list{app(1), v(1, 5)}, list{app(1), v(1, 6)}, ok},
		"later, high":   {0, 2, list{app(1), v(1, 5)}, list{app(1), v(2, 0)}, ok},
		"equal":         {0, 2, list{app(1), v(1, 5)}, list{app(1), v(1, 5)}, forced},
		"earlier":       {0, 2, list{app(1), v(1, 5)}, list{app(1), v(1, 4)}, forced},
		"earlier, high": {0, 2, list{app(1), v(2, 0)}, list{app(1), v(1, 9)}, forced},
		"no version":    {0, 2, list{app(1), v(1, 5)}, list{app(1)}, forced},
		"first version": {0, 2, list{app(1)}, list{app(1), v(0, 1)}, ok},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				d := smb.Dialect311
				if x.dialect != 0 {
					d = x.dialect
				}
				req := smbtest.CreateReq("f", smb2.OpenIf)
				req.ShareAccess = 0
				a, b := r.caching(d, 1), r.caching(d, x.machine)
				first := smbtest.With(req, append(x.first, smbtest.Durable2(createGUID(1), 0, 0))...)
				resp, _, st := a.Open(first)
				want(t, "the first CREATE", st, ok)
				second := smbtest.With(req, append(x.second, smbtest.Durable2(createGUID(2), 0, 0))...)
				_, _, st = b.Open(second)
				want(t, "the second CREATE", st, x.status)
				_, st = a.Write(resp.FileID, 0, []byte("x"))
				if x.status == ok {
					want(t, "WRITE by the first", st, smb2.StatusFileClosed)
				} else {
					want(t, "WRITE by the first", st, ok)
				}
			})
		})
	}
}

// The one that failed over doesn't wait for the durable handle that its machine
// left behind.
func TestAppInstanceDurable(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		req := smbtest.With(batchReq("f"), smbtest.AppInstance(smb2.GUID{1}))
		req.ShareAccess = 0
		a := r.caching(smb.Dialect311, 1)
		h := r.keep(a, req, 2)
		lose(a)
		b := r.caching(smb.Dialect311, 2)
		_, _, st := b.Open(req, smbtest.Durable2(createGUID(2), 0, 0))
		want(t, "CREATE", st, ok)
		a = r.caching(smb.Dialect311, 1)
		want(t, "reconnect", h.back(a), notFound)
	})
}

// On a share without caching a CREATE has no lease, and neither has its replay.
func TestReplayWithoutCaching(t *testing.T) {
	bubble(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"].NoCaching = true }, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		b := r.bind(a, 1)
		req := smbtest.With(smbtest.CreateReq("f", smb2.OpenIf), smbtest.Lease2(leaseKey(1), leaseRWH, 0), smbtest.Durable2(createGUID(1), 0, 0))
		_, _, st := a.Open(req)
		want(t, "CREATE", st, ok)
		want(t, "its replay", b.DoElem(b.Req(smb2.CommandCreate, req).Replay()).Status, ok)
	})
}

// A break that came before the client knew the handle whose CREATE it repeats is sent again: it may have ignored what
// it couldn't make anything of, and is told that it has the oplock. [MS-SMB2] 3.3.4.6
func TestReplayOfCreateThatBreaks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a1 := r.caching(smb.Dialect311, 1)
		a2 := r.bind(a1, 1)
		b := r.caching(smb.Dialect311, 2)
		b.Timeout = time.Hour
		req := smbtest.With(batchReq("f"), smbtest.Durable2(createGUID(1), 0, 0))
		a2.Send(a2.Req(smb2.CommandCreate, req))
		synctest.Wait() // the answer is lost with the connection
		mid := startOpen(b, batchReq("f"))
		lose(a2)
		for range 2 { // sent, and repeated
			if x, came := a1.TakeBreak(); !came || x.Oplock == nil {
				t.Fatal("no break")
			}
		}
		a1.Sequence++
		resp, _, st := a1.Opened(a1.DoElem(a1.Req(smb2.CommandCreate, req).Replay()))
		want(t, "CREATE again", st, ok)
		if resp.OplockLevel != smb2.OplockBatch {
			t.Fatalf("oplock %v", resp.OplockLevel)
		}
		broken(t, a1, resp.FileID, smb2.OplockLevelII)
		want(t, "the answer to the break", a1.AckOplock(resp.FileID, smb2.OplockLevelII), ok)
		start := time.Now()
		opened(t, b, mid, smb2.OplockLevelII)
		if d := time.Since(start); d > oplock.AckTimeout/2 {
			t.Errorf("opened after %v", d)
		}
	})
}
