package smb

import (
	"math"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// createContexts is what the contexts of a CREATE ask for. Unknown ones are
// ignored. [MS-SMB2] 3.3.5.9
type createContexts struct {
	maximal bool
	maxTime smb2.FileTime
	diskID  bool
	alloc   int64
	eas     []vfs.Xattr // of a file that is made or overwritten
	at      time.Time   // of the snapshot to look in; zero: the live tree

	security *vfs.SecurityDescriptor // for a new object

	hasLease     bool       // there is the context, whether or not it counts
	leaseKey     oplock.Key // in it
	leaseVersion int
	lease        *oplock.LeaseRequest // nil: none is asked for

	durable durableContexts
	app     *appInstance
	aapl    *smb2.AAPLRequest // nil: isn't asked for, or can't be had

	posix     bool // it is a POSIX open
	posixMode smb2.PosixMode
}

func (c *creation) parseContexts() error {
	seen := make(map[string]bool, len(c.req.Contexts))
	for _, x := range c.req.Contexts {
		if seen[x.Name] {
			return smb2.StatusInvalidParameter
		}
		seen[x.Name] = true
		switch x.Name {
		case smb2.ContextMxAc:
			q, err := smb2.ParseMaximalAccessRequest(x.Data)
			if err != nil {
				return err
			}
			c.contexts.maximal, c.contexts.maxTime = true, q.Timestamp
		case smb2.ContextQFid:
			c.contexts.diskID = true
		case smb2.ContextAlSi:
			q, err := smb2.ParseAllocationSizeRequest(x.Data)
			if err != nil {
				return err
			}
			if q.Size > math.MaxInt64-clusterSize {
				return smb2.StatusInvalidParameter
			}
			c.contexts.alloc = roundUp(int64(q.Size))
		case smb2.ContextRqLs:
			if err := c.parseLease(x.Data); err != nil {
				return err
			}
		case smb2.ContextSecD:
			if err := c.parseSecurity(x.Data); err != nil {
				return err
			}
		case smb2.ContextAppInstanceID, smb2.ContextAppInstanceVersion:
			if err := c.parseApp(x); err != nil {
				return err
			}
		case smb2.ContextAAPL:
			c.parseAAPL(x.Data)
		case smb2.ContextPosixCreate:
			if err := c.parsePosix(x.Data); err != nil {
				return err
			}
		case smb2.ContextTWrp:
			q, err := smb2.ParseTimewarpRequest(x.Data)
			if err != nil {
				return err
			}
			c.contexts.at = q.Timestamp.Time()
		case smb2.ContextExtA:
			if err := c.parseEAs(x.Data); err != nil {
				return err
			}
		case smb2.ContextDHnQ, smb2.ContextDHnC, smb2.ContextDH2Q, smb2.ContextDH2C:
			if err := c.parseDurable(x); err != nil {
				return err
			}
		}
	}
	return c.contexts.durable.check()
}

// answerContexts returns what is answered to the contexts.
func (c *creation) answerContexts() []smb2.CreateContext {
	var list []smb2.CreateContext
	if c.contexts.aapl != nil {
		list = append(list, c.answerAAPL())
	}
	if c.contexts.maximal {
		resp := smb2.MaximalAccessResponse{MaximalAccess: uint32(c.m.readOnlyAccess(c.most))}
		if c.contexts.maxTime != 0 && c.contexts.maxTime == smb2.FileTimeOf(c.attr.Written) {
			resp = smb2.MaximalAccessResponse{Status: smb2.StatusNoneMapped}
		}
		list = append(list, smb2.CreateContext{Name: smb2.ContextMxAc, Data: resp.Append(nil)})
	}
	if c.contexts.diskID {
		resp := smb2.QueryOnDiskIDResponse{DiskFileID: c.o.fileID(c.attr), VolumeID: c.r.tree.volumeID()}
		list = append(list, smb2.CreateContext{Name: smb2.ContextQFid, Data: resp.Append(nil)})
	}
	if c.contexts.posix {
		list = append(list, c.answerPosix())
	}
	o := c.o
	if o.granted.Level == oplock.Lease && (!c.replayed || c.contexts.hasLease) {
		list = append(list, leaseAnswer(o.lease.Key, c.caching()))
	}
	// Who comes back for an open knows that it is durable.
	if d, ok := o.durability.answer(); ok && (c.reclaimed || !c.contexts.durable.reconnects()) && (!c.replayed || c.asksHandle()) {
		list = append(list, d)
	}
	return list
}

// volumeID identifies the volume in file ids.
func (t *tree) volumeID() uint64 { return hashString(t.se.srv.name + "\\" + t.name) }
