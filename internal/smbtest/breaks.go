package smbtest

import (
	"slices"

	"github.com/gosmbd/smb/smb2"
)

// Break is a break notification; one of the two is set.
type Break struct {
	Reply
	Oplock *smb2.OplockBreak
	Lease  *smb2.LeaseBreakNotification
}

// unsolicited is the MessageId of what answers no request.
const unsolicited = ^uint64(0)

// Break waits for a break notification. Replies that come before it are kept.
func (c *Client) Break() Break {
	c.tb.Helper()
	r := c.wait(unsolicited, false)
	b, ok := c.parseBreak(r)
	if !ok {
		c.tb.Fatalf("%v: malformed notification %x", r.Command, r.Msg)
	}
	return b
}

// TakeBreak returns a break notification that came, or comes within the timeout;
// false if none does.
func (c *Client) TakeBreak() (Break, bool) {
	c.tb.Helper()
	var skipped []Reply
	defer func() { c.pending = append(skipped, c.pending...) }()
	for {
		r, ok := c.Recv()
		if !ok {
			return Break{}, false
		}
		if r.MessageID == unsolicited {
			return c.parseBreak(r)
		}
		skipped = append(skipped, r)
	}
}

// PollBreak returns a break notification that came before the last reply, if one did.
func (c *Client) PollBreak() (Break, bool) {
	c.tb.Helper()
	for i, r := range c.pending {
		if r.MessageID == unsolicited {
			c.pending = slices.Delete(c.pending, i, i+1)
			return c.parseBreak(r)
		}
	}
	return Break{}, false
}

// parseBreak checks that r is a notification as [MS-SMB2] 3.3.4.6 and 3.3.4.7
// want it.
func (c *Client) parseBreak(r Reply) (b Break, ok bool) {
	c.tb.Helper()
	b.Reply = r
	if r.Command != smb2.CommandOplockBreak {
		return b, false
	}
	if r.Flags&smb2.FlagSigned != 0 {
		c.tb.Error("a break notification is signed: its MessageId must not become a nonce twice")
	}
	if r.TreeID != 0 {
		c.tb.Errorf("a break notification with TreeId %d", r.TreeID)
	}
	if smb2.BreakStructureSize(r.Msg) == smb2.LeaseBreakNotificationSize {
		l, err := smb2.ParseLeaseBreakNotification(r.Msg)
		if r.SessionID != 0 {
			c.tb.Errorf("a lease break with SessionId %x", r.SessionID)
		}
		b.Lease = &l
		return b, err == nil
	}
	o, err := smb2.ParseOplockBreak(r.Msg)
	b.Oplock = &o
	return b, err == nil
}

// AckLease answers the break of a lease.
func (c *Client) AckLease(key Key, s smb2.LeaseState) (smb2.LeaseBreakAck, smb2.Status) {
	c.tb.Helper()
	return do(c, smb2.CommandOplockBreak, smb2.LeaseBreakAck{LeaseKey: key, State: s}, smb2.ParseLeaseBreakAck)
}

// AckOplock answers the break of an oplock.
func (c *Client) AckOplock(id smb2.FileID, level smb2.OplockLevel) smb2.Status {
	c.tb.Helper()
	_, st := do(c, smb2.CommandOplockBreak, smb2.OplockBreak{FileID: id, Level: level}, smb2.ParseOplockBreak)
	return st
}
