package smb

import (
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// parseLease takes the context that asks for a lease. It counts only if the
// oplock level says so, and if the dialect has leases of that version. [MS-SMB2]
// 3.3.5.9.8, 3.3.5.9.11
func (c *creation) parseLease(data []byte) error {
	x, err := smb2.ParseLeaseContext(data)
	if err != nil {
		return err
	}
	p := &c.r.c.params
	c.contexts.hasLease, c.contexts.leaseKey, c.contexts.leaseVersion = true, x.Key, int(x.Version)
	if c.req.OplockLevel != smb2.OplockLease || p.caps&smb2.CapLeasing == 0 || x.Version == 2 && p.dialect < Dialect300 {
		return nil
	}
	c.contexts.lease = &oplock.LeaseRequest{
		Client:    oplock.Key(p.clientGUID),
		Key:       x.Key,
		State:     oplock.State(x.State),
		Version:   int(x.Version),
		Epoch:     x.Epoch,
		Parent:    x.ParentKey,
		HasParent: x.Version == 2 && x.Flags&smb2.LeaseParentKeySet != 0,
	}
	return nil
}

// newHolder describes to package oplock the open that a CREATE asks for.
func (c *creation) newHolder(o *open) *oplock.Holder {
	return oplock.NewHolder(oplock.Request{
		Owner:         o,
		Access:        c.req.DesiredAccess,
		Level:         oplock.Level(c.req.OplockLevel),
		Lease:         c.contexts.lease,
		DeleteOnClose: c.req.Options&smb2.OptionDeleteOnClose != 0,
	})
}

// leaseAnswer returns the context that says what lease an open has.
func leaseAnswer(key [16]byte, g oplock.Granted) smb2.CreateContext {
	x := smb2.LeaseContext{
		Version: uint8(g.Version),
		Key:     key,
		State:   smb2.LeaseState(g.State),
		Epoch:   g.Epoch,
	}
	if g.Breaking {
		x.Flags |= smb2.LeaseBreakInProgress
	}
	if g.HasParent {
		x.Flags |= smb2.LeaseParentKeySet
		x.ParentKey = g.Parent
	}
	return smb2.CreateContext{Name: smb2.ContextRqLs, Data: x.Append(nil)}
}
