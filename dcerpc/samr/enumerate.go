package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// entry is a SAMPR_RID_ENUMERATION, [MS-SAMR] 2.2.7.9.
type entry struct {
	rid  uint32
	name string
}

// size is how many octets e takes in the memory of a client.
func (e entry) size() int { return 12 + 2*len(e.name) }

// appendEntries writes the results of an enumeration: where the next goes on, the list and
// its length. more: not all was told.
func appendEntries(e *ndr.Encoder, resume uint32, list []entry, more bool) ntapi.Status {
	if !more {
		resume = 0
	}
	e.U32(resume)
	e.PtrTo(func(c *ndr.Construct) {
		c.List(len(list), func(c *ndr.Construct, i int) {
			c.U32(list[i].rid)
			c.String(list[i].name)
		})
	})
	e.U32(uint32(len(list)))
	if more {
		return ntapi.MoreEntries
	}
	return ntapi.OK
}

// enumerateGroups is SamrEnumerateGroupsInDomain, [MS-SAMR] 3.1.5.2.3.
func (v *service) enumerateGroups(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.enumerate(ctx, c, vfs.PrincipalGroup)
}

// enumerateAliases is SamrEnumerateAliasesInDomain, [MS-SAMR] 3.1.5.2.4.
func (v *service) enumerateAliases(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.enumerate(ctx, c, vfs.PrincipalAlias)
}

// enumerateUsers is SamrEnumerateUsersInDomain, [MS-SAMR] 3.1.5.2.5.
func (v *service) enumerateUsers(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.enumerate(ctx, c, vfs.PrincipalUser)
}

// enumerate follows [MS-SAMR] 3.1.5.2.2. The context that a client sends back is the RID
// of the account that it was told last.
func (v *service) enumerate(ctx context.Context, c *dcerpc.Call, kind vfs.PrincipalKind) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainList)
	after := c.In.U32()
	var filter uint32
	if kind == vfs.PrincipalUser {
		filter = c.In.U32() & userControlCares
	}
	limit := c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	var rest []entry
	for _, a := range d.kind(kind) {
		if a.RID > after && (kind != vfs.PrincipalUser || a.control()&filter == filter) {
			rest = append(rest, entry{a.RID, a.Name})
		}
	}
	fit := ntapi.Fit(rest, limit, entry.size)
	if len(fit) > 0 {
		after = fit[len(fit)-1].rid
	}
	return appendEntries(c.Out, after, fit, len(fit) < len(rest)), nil
}
