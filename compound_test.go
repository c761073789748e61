package smb_test

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/faultfs"
)

func statuses(replies []smbtest.Reply) []smb2.Status {
	list := make([]smb2.Status, len(replies))
	for i, r := range replies {
		list[i] = r.Status
	}
	return list
}

func wantAll(t *testing.T, replies []smbtest.Reply, want ...smb2.Status) {
	t.Helper()
	got := statuses(replies)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	for _, r := range replies {
		if r.BadSig {
			t.Errorf("%v: bad signature", r.Command)
		}
	}
}

// related builds a chain in which each element but the first is related.
func related(c *smbtest.Client, elems ...*smbtest.Elem) []*smbtest.Elem {
	for _, e := range elems[1:] {
		e.Related()
	}
	return elems
}

func TestCompoundRelated(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "hello")
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		for _, seal := range []bool{false, true} {
			c := r.logon(d)
			if seal && c.Session.Out == nil {
				continue
			}
			c.Session.Seal = seal
			b := bodies(smb2.RelatedFileID)
			got := c.Compound(related(c,
				c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open)),
				c.Req(smb2.CommandRead, b[smb2.CommandRead]),
				c.Req(smb2.CommandQueryInfo, b[smb2.CommandQueryInfo]),
				c.Req(smb2.CommandIoctl, b[smb2.CommandIoctl]),
				c.Req(smb2.CommandClose, b[smb2.CommandClose]))...)
			wantAll(t, got, ok, ok, ok, ok, ok)
			for i, rep := range got {
				if rep.Frame != got[0].Frame {
					t.Errorf("reply %d came in a frame of its own", i)
				}
				if rep.SessionID != c.Session.ID || rep.TreeID != c.Tree {
					t.Errorf("reply %d has session %x and tree %x", i, rep.SessionID, rep.TreeID)
				}
				if last := i == len(got)-1; (rep.Credits > 0) != last {
					t.Errorf("reply %d grants %d", i, rep.Credits)
				}
				if (rep.Flags&smb2.FlagRelated != 0) != (i > 0) {
					t.Errorf("reply %d has flags %x", i, rep.Flags)
				}
			}
			if data := smbtest.Parse(c, got[1], smb2.ParseReadResponse).Data; string(data) != "hello" {
				t.Errorf("read %q", data)
			}
		}
	})
}

// What follows a failed CREATE fails with its status. [MS-SMB2] 3.3.5.2.7.2
func TestCompoundRelatedAfterError(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	b := bodies(smb2.RelatedFileID)
	const missing = smb2.StatusObjectNameNotFound
	wantAll(t, c.Compound(related(c,
		c.Req(smb2.CommandCreate, smbtest.CreateReq("missing", smb2.Open)),
		c.Req(smb2.CommandQueryInfo, b[smb2.CommandQueryInfo]),
		c.Req(smb2.CommandClose, b[smb2.CommandClose]))...), missing, missing, missing)

	// An error that isn't of the CREATE leaves the file open for the rest.
	put(t, r.fs, "f", "hello")
	wantAll(t, c.Compound(related(c,
		c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open)),
		c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: smb2.RelatedFileID, Offset: 1000, Length: 10}),
		c.Req(smb2.CommandClose, b[smb2.CommandClose]))...), ok, smb2.StatusEndOfFile, ok)

	// A failed rename must not keep the CLOSE from closing.
	mkdir(t, r.fs, "dir")
	name := smb2.FileRenameInformation{FileName: "dir"}.Append(nil)
	wantAll(t, c.Compound(related(c,
		c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open)),
		c.Req(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: smb2.RelatedFileID, InfoType: smb2.InfoFile, Class: uint8(smb2.ClassFileRenameInformation), Data: name}),
		c.Req(smb2.CommandClose, b[smb2.CommandClose]))...), ok, smb2.StatusObjectNameCollision, ok)
	if n := r.srv.Counters().Opens; n != 0 {
		t.Errorf("%d opens are left", n)
	}
}

func TestCompoundUnrelated(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	id := r.open(c, "f")
	b := bodies(id)
	got := c.Compound(
		c.Req(smb2.CommandWrite, b[smb2.CommandWrite]),
		c.Req(smb2.CommandRead, smb2.ReadRequest{Length: 1}), // no such file
		c.Req(smb2.CommandEcho, smb2.EchoRequest{}),
		c.Req(smb2.CommandRead, b[smb2.CommandRead]))
	wantAll(t, got, ok, smb2.StatusFileClosed, ok, ok)
}

func TestCompoundMixed(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "a", "aaa")
	put(t, r.fs, "b", "bbb")
	c := r.logon(smb.Dialect311)
	b := bodies(smb2.RelatedFileID)
	got := c.Compound(
		c.Req(smb2.CommandCreate, smbtest.CreateReq("a", smb2.Open)),
		c.Req(smb2.CommandRead, b[smb2.CommandRead]).Related(),
		c.Req(smb2.CommandCreate, smbtest.CreateReq("b", smb2.Open)),
		c.Req(smb2.CommandRead, b[smb2.CommandRead]).Related(),
		c.Req(smb2.CommandClose, b[smb2.CommandClose]).Related())
	wantAll(t, got, ok, ok, ok, ok, ok)
	if data := smbtest.Parse(c, got[3], smb2.ParseReadResponse).Data; string(data) != "bbb" {
		t.Errorf("read %q", data)
	}
}

func TestCompoundFirstRelated(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
	e.Flags |= smb2.FlagRelated
	got := c.Compound(e, c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
	wantAll(t, got, smb2.StatusInvalidParameter, ok)
}

// What is related to a TREE_DISCONNECT or LOGOFF finds nothing any more.
func TestCompoundAfterTheEnd(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		cmd  smb2.Command
		want smb2.Status
	}{
		{smb2.CommandTreeDisconnect, smb2.StatusNetworkNameDeleted},
		{smb2.CommandLogoff, smb2.StatusUserSessionDeleted},
	} {
		c := r.logon(smb.Dialect311)
		b := bodies(smb2.RelatedFileID)
		got := c.Compound(
			c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.OpenIf)),
			c.Req(tt.cmd, b[tt.cmd]).Related(),
			c.Req(smb2.CommandRead, b[smb2.CommandRead]).Related(),
			c.Req(smb2.CommandCreate, smbtest.CreateReq("g", smb2.OpenIf)).Related())
		wantAll(t, got[:3], ok, ok, tt.want)
		// 3.3.5.2.7.2 asks for INVALID_PARAMETER; that nothing is there any more
		// is as good.
		if st := got[3].Status; st != tt.want && st != smb2.StatusInvalidParameter {
			t.Errorf("after %v: %v", tt.cmd, st)
		}
		if n := r.srv.Counters().Opens; n != 0 {
			t.Errorf("after %v: %d opens", tt.cmd, n)
		}
		c.Session = &smbtest.Session{}
		alive(t, c)
	}
}

// A LOGOFF in an encrypted compound: what comes after is still answered
// encrypted, since nobody else could read it.
func TestCompoundLogoffEncrypted(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	c.Session.Seal = true
	got := c.Compound(
		c.Req(smb2.CommandLogoff, smb2.LogoffRequest{}),
		c.Req(smb2.CommandCreate, smbtest.CreateReq("g", smb2.OpenIf)).Related())
	wantAll(t, got, ok, smb2.StatusUserSessionDeleted)
	if !got[1].Sealed {
		t.Error("not encrypted")
	}
}

// All pairs of commands, related and not: each request gets one reply, nothing
// panics, and only what must end the connection does.
func TestCompoundPairs(t *testing.T) {
	r := newRig(t, noDelay)
	for first := range smb2.CommandOplockBreak + 1 {
		for second := range smb2.CommandOplockBreak + 1 {
			for _, rel := range []bool{false, true} {
				if rel && second == smb2.CommandNegotiate {
					continue
				}
				c := r.logon(smb.Dialect311)
				id := r.open(c, "f")
				a := c.Req(first, bodies(id)[first])
				fid := id
				if rel {
					fid = smb2.RelatedFileID
				}
				b := c.Req(second, bodies(fid)[second])
				if rel {
					b.Related()
				}
				c.Timeout = 2 * time.Second
				// A signed one is only refused.
				a.Unsigned, b.Unsigned = first == smb2.CommandNegotiate, second == smb2.CommandNegotiate
				c.Send(a, b)
				if first == smb2.CommandNegotiate || second == smb2.CommandNegotiate {
					if !c.Dropped() {
						t.Fatalf("%v, %v, %v: a second NEGOTIATE, and the connection is still there", first, second, rel)
					}
					c.Close()
					continue
				}
				for _, e := range []*smbtest.Elem{a, b} {
					if e.Command != smb2.CommandCancel {
						c.Wait(e.MessageID)
					}
				}
				if st := c.Echo(); st != ok {
					e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
					e.SessionID, e.Unsigned = 0, true
					want(t, "ECHO after "+first.String()+", "+second.String(), c.DoElem(e).Status, ok)
				}
				c.Close()
			}
		}
	}
}

func TestCompoundMalformed(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		name string
		next uint32
	}{
		{"not a multiple of 8", 65}, {"within the header", 8}, {"at the end", 136}, {"beyond the end", 1 << 20}, {"huge", ^uint32(7)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.logon(smb.Dialect311)
			frame := c.Build(c.Req(smb2.CommandEcho, smb2.EchoRequest{}), c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
			binary.LittleEndian.PutUint32(frame[20:], tt.next)
			c.SendFrame(frame[:136])
			dropped(t, "compound", c)
		})
	}
	t.Run("last without a header", func(t *testing.T) {
		c := r.logon(smb.Dialect311)
		frame := c.Build(c.Req(smb2.CommandEcho, smb2.EchoRequest{}), c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
		c.SendFrame(frame[:72+32])
		dropped(t, "compound", c)
	})
	t.Run("a response", func(t *testing.T) {
		c := r.logon(smb.Dialect311)
		e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
		e.Flags |= smb2.FlagServerToRedir
		c.Send(e)
		dropped(t, "response", c)
	})
	t.Run("unknown command", func(t *testing.T) {
		c := r.logon(smb.Dialect311)
		want(t, "command 0x13", c.Do(0x13, smb2.EchoRequest{}).Status, smb2.StatusInvalidParameter)
	})
}

// A chain as long as the credits allow.
func TestCompoundLong(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	c.Ask = 1000
	alive(t, c)
	var elems []*smbtest.Elem
	for range 500 {
		elems = append(elems, c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
	}
	for _, rep := range c.Compound(elems...) {
		want(t, "ECHO", rep.Status, ok)
	}
}

// A CREATE that begins to wait after others of its compound were done doesn't spoil their
// answers: neither when it was canceled before, nor when the client was already told that
// it takes time.
func TestCompoundWaits(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		name := "slow"
		if cancel {
			name = "canceled"
		}
		t.Run(name, func(t *testing.T) {
			var hold chan struct{}
			bubble(t, func(s *smb.Server) {
				sh := s.Shares.(smb.Shares)["s"]
				sh.FS = faultfs.New(sh.FS, func(op faultfs.Op) error {
					if op.Kind == faultfs.Open && hold != nil {
						<-hold
					}
					return nil
				})
			}, func(t *testing.T, r *rig) {
				a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
				r.leased(a, "f", smbtest.Lease2(leaseKey(1), leaseRWH, 0), leaseRWH)
				synctest.Wait()
				hold = make(chan struct{})
				echo := b.Req(smb2.CommandEcho, smb2.EchoRequest{})
				open := b.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
				b.Send(echo, open)
				synctest.Wait()
				status := ok
				if cancel {
					b.Cancel(open.MessageID, 0)
					synctest.Wait()
					status = smb2.StatusCancelled
				} else {
					time.Sleep(6 * time.Second)
				}
				close(hold)
				if !cancel {
					leaseBroken(t, a, leaseKey(1), leaseRWH, leaseRH, 2)
					ackLease(t, a, leaseKey(1), leaseRH)
				}
				want(t, "ECHO", b.Wait(echo.MessageID).Status, ok)
				want(t, "CREATE", b.Wait(open.MessageID).Status, status)
			})
		})
	}
}
