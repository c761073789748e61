package smb

import (
	"errors"

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

// checkLease checks that the key of the lease isn't that of another file than f, which is nil if it is yet to be
// made. If what the client has open under it was replaced by f, or removed, and keeps the key until it is closed,
// there is no lease. [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11: "Lease.Filename"
func (c *creation) checkLease(f *oplock.File) error {
	o := c.o
	if o.lease == nil {
		return nil
	}
	switch err := c.m.srv.leases.Check(o.lease, f); {
	case errors.Is(err, oplock.ErrReplaced):
		o.holder.DropLease()
		o.lease, o.unleased = nil, true
	case err != nil:
		return smb2.StatusInvalidParameter
	}
	return nil
}

// leaseName returns what leases know a file or stream by, see [oplock.LeaseRequest].
func leaseName(share, name, stream string) uint64 {
	const odd = 1099511628211
	return (hashString(foldPath(share))*odd+hashString(foldPath(name)))*odd + hashString(foldStream(stream))
}

// renameLease gives o's lease the name that o has now. Others' keep theirs, since their clients know the file by that.
// [MS-SMB2] 3.3.5.21.1
func (o *open) renameLease() {
	f := o.file
	if o.lease == nil {
		return
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	o.srv.leases.Rename(o.holder, leaseName(o.shareName, o.name, f.stream))
}
