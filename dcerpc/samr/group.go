package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// queryGroup is SamrQueryInformationGroup, [MS-SAMR] 3.1.5.5.3.
func (v *service) queryGroup(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*groupHandle](c)
	level := c.In.U16()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	a, _, status := h.find(ctx, v, groupRead, ntapi.NoSuchGroup)
	if status != ntapi.OK {
		return status, nil
	}
	general := func(members int) func(*ndr.Construct) {
		return func(c *ndr.Construct) {
			c.String(a.Name)
			c.U32(membership)
			c.U32(uint32(members))
			c.String(a.Comment)
		}
	}
	arms := map[uint16]func(*ndr.Construct){ // [MS-SAMR] 2.2.4.7
		1: general(len(a.Members)),
		2: func(c *ndr.Construct) { c.String(a.Name) },
		3: func(c *ndr.Construct) { c.U32(membership) },
		4: func(c *ndr.Construct) { c.String(a.Comment) },
		5: general(0),
	}
	return ntapi.AppendInfo(c.Out, level, arms[level]), nil
}

// membersInGroup is SamrGetMembersInGroup, [MS-SAMR] 3.1.5.8.3.
func (v *service) membersInGroup(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*groupHandle](c)
	if err != nil {
		return 0, err
	}
	a, d, status := h.find(ctx, v, groupListMembers, ntapi.NoSuchGroup)
	if status != ntapi.OK {
		return status, nil
	}
	var rids []uint32
	for _, sid := range a.Members {
		if rid, ok := d.ridOf(sid); ok {
			rids = append(rids, rid)
		}
	}
	c.Out.PtrTo(func(out *ndr.Construct) {
		out.List(len(rids), func(out *ndr.Construct, i int) { out.U32(rids[i]) })
		out.Array(len(rids), func(out *ndr.Construct, _ int) { out.U32(membership) })
	})
	return ntapi.OK, nil
}

// groupsForUser is SamrGetGroupsForUser, [MS-SAMR] 3.1.5.9.1.
func (v *service) groupsForUser(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*userHandle](c)
	if err != nil {
		return 0, err
	}
	a, d, status := h.find(ctx, v, userListGroups, ntapi.NoSuchUser)
	if status != ntapi.OK {
		return status, nil
	}
	rids := []uint32{a.primaryGroup()}
	for _, sid := range a.Groups {
		rid, ok := d.ridOf(sid)
		if g := d.find(rid); ok && g != nil && g.Kind == vfs.PrincipalGroup && rid != rids[0] {
			rids = append(rids, rid)
		}
	}
	c.Out.PtrTo(func(out *ndr.Construct) {
		out.List(len(rids), func(out *ndr.Construct, i int) {
			out.U32(rids[i])
			out.U32(membership)
		})
	})
	return ntapi.OK, nil
}
