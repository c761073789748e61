package smb_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// A MessageId counts once, and only if it was granted. [MS-SMB2] 3.3.5.2.3
func TestMessageIDs(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		name string
		edit func(e *smbtest.Elem)
	}{
		{"used before", func(e *smbtest.Elem) { e.MessageID-- }},
		{"zero", func(e *smbtest.Elem) { e.MessageID = 0 }},
		{"far ahead", func(e *smbtest.Elem) { e.MessageID += 1 << 20 }},
		{"next to last", func(e *smbtest.Elem) { e.MessageID = ^uint64(0) - 1 }},
		{"last", func(e *smbtest.Elem) { e.MessageID = ^uint64(0) }},
		{"charge beyond the window", func(e *smbtest.Elem) { e.CreditCharge = 0xFFFF }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := r.logon(smb.Dialect311)
			e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
			tt.edit(e)
			c.Send(e)
			dropped(t, "ECHO", c)
		})
	}
	t.Run("twice in a compound", func(t *testing.T) {
		c := r.logon(smb.Dialect311)
		a, b := c.Req(smb2.CommandEcho, smb2.EchoRequest{}), c.Req(smb2.CommandEcho, smb2.EchoRequest{})
		b.MessageID = a.MessageID
		c.Send(a, b)
		dropped(t, "ECHO", c)
	})
	t.Run("out of order", func(t *testing.T) {
		c := r.logon(smb.Dialect311)
		a, b := c.Req(smb2.CommandEcho, smb2.EchoRequest{}), c.Req(smb2.CommandEcho, smb2.EchoRequest{})
		want(t, "second", c.DoElem(b).Status, ok)
		want(t, "first", c.DoElem(a).Status, ok)
	})
}

// The payload must have been paid for. [MS-SMB2] 3.3.5.2.5
func TestCreditCharge(t *testing.T) {
	r := newRig(t, nil)
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		c := r.logon(d)
		id := r.open(c, "f")
		_, st := c.Write(id, 0, make([]byte, 64<<10))
		want(t, "WRITE of 64 KiB", st, ok)
		multi := d >= smb.Dialect210
		for _, n := range []uint32{65536, 65537, 131072, 131073} {
			for charge := uint16(0); charge <= 3; charge++ {
				e := c.Req(smb2.CommandRead, smb2.ReadRequest{FileID: id, Length: n})
				e.CreditCharge = charge
				if multi {
					c.NextID = e.MessageID + uint64(max(charge, 1))
				}
				exp := ok
				switch {
				case !multi && n > 65536, multi && max(int(charge), 1) < int(n+65535)/65536:
					exp = smb2.StatusInvalidParameter
				}
				if st := c.DoElem(e).Status; st != exp {
					t.Errorf("READ of %d with charge %d: %v, want %v", n, charge, st, exp)
				}
			}
		}
		alive(t, c)
	})
}

// Whatever a client does, the credits that it was given less those that it spent
// are the ids that the server still takes; it is never left without any, and never
// has more than the limit.
func TestCreditConservation(t *testing.T) {
	const most = 100
	r := newRig(t, func(s *smb.Server) { s.Limits.Credits = most })
	eachDialect(t, func(t *testing.T, d smb.Dialect) {
		rnd := rand.New(rand.NewPCG(1, uint64(d)))
		c := r.logon(d)
		id := r.open(c, "f")
		check := func(what string) {
			t.Helper()
			if c.Credits < 1 || c.Credits > most {
				t.Fatalf("%s: %d credits", what, c.Credits)
			}
		}
		for range 300 {
			c.Ask = uint16(rnd.IntN(1 << rnd.IntN(17)))
			switch rnd.IntN(5) {
			case 0:
				c.Echo()
				check("ECHO")
			case 1:
				c.Read(smb2.FileID{}, 0, 1) // fails
				check("READ")
			case 2:
				n := 1
				if d >= smb.Dialect210 {
					n = min(c.Credits, 1+rnd.IntN(8))
				}
				c.Read(id, 0, n*65536)
				check("large READ")
			case 3:
				var elems []*smbtest.Elem
				for range 1 + rnd.IntN(min(c.Credits, 9)) {
					e := c.Req(smb2.CommandFlush, smb2.FlushRequest{FileID: id})
					if len(elems) > 0 && rnd.IntN(2) == 0 {
						e.Related()
					}
					elems = append(elems, e)
				}
				c.Compound(elems...)
				check("compound")
			case 4:
				// Several under way at once.
				var mids []uint64
				for range 1 + rnd.IntN(c.Credits) {
					e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
					mids = append(mids, e.MessageID)
					c.Send(e)
				}
				for _, m := range mids {
					c.Wait(m)
				}
				check("many")
			}
		}
		// All credits that were given are good.
		n := c.Credits
		var mids []uint64
		for range n {
			e := c.Req(smb2.CommandEcho, smb2.EchoRequest{})
			mids = append(mids, e.MessageID)
			c.Send(e)
		}
		for _, m := range mids {
			want(t, "ECHO", c.Wait(m).Status, ok)
		}
	})
}

// One more than the window has ends the connection, even if it comes with others.
func TestCreditOverdraft(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	c.NextID += uint64(c.Credits)
	c.Send(c.Req(smb2.CommandEcho, smb2.EchoRequest{}))
	dropped(t, "ECHO", c)
}

// Who hasn't logged on gets few credits.
func TestCreditsBeforeLogon(t *testing.T) {
	r := newRig(t, nil)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	c.Ask = 8192
	for range 5 {
		want(t, "ECHO", c.Echo(), ok)
	}
	if c.Credits > 64 {
		t.Errorf("%d credits without a session", c.Credits)
	}
}
