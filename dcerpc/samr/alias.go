package samr

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// queryAlias is SamrQueryInformationAlias, [MS-SAMR] 3.1.5.5.4.
func (v *service) queryAlias(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*aliasHandle](c)
	level := c.In.U16()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	a, _, status := h.find(ctx, v, aliasRead, ntapi.NoSuchAlias)
	if status != ntapi.OK {
		return status, nil
	}
	arms := map[uint16]func(*ndr.Construct){ // [MS-SAMR] 2.2.5.6
		1: func(c *ndr.Construct) {
			c.String(a.Name)
			c.U32(uint32(len(a.Members)))
			c.String(a.Comment)
		},
		2: func(c *ndr.Construct) { c.String(a.Name) },
		3: func(c *ndr.Construct) { c.String(a.Comment) },
	}
	return ntapi.AppendInfo(c.Out, level, arms[level]), nil
}

// membersInAlias is SamrGetMembersInAlias, [MS-SAMR] 3.1.5.8.6.
func (v *service) membersInAlias(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*aliasHandle](c)
	if err != nil {
		return 0, err
	}
	a, _, status := h.find(ctx, v, aliasListMembers, ntapi.NoSuchAlias)
	if status != ntapi.OK {
		return status, nil
	}
	ntapi.AppendSIDs(c.Out, a.Members)
	return ntapi.OK, nil
}

// aliasMembership is SamrGetAliasMembership, [MS-SAMR] 3.1.5.9.2.
func (v *service) aliasMembership(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainGetMembership)
	sids := ntapi.ReadSIDs(c.In)
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	asked := make(map[vfs.SID]bool, len(sids))
	for _, sid := range sids {
		asked[sid] = true
	}
	var rids []uint32
	for _, a := range d.kind(vfs.PrincipalAlias) {
		if slices.ContainsFunc(a.Members, func(sid vfs.SID) bool { return asked[sid] }) {
			rids = append(rids, a.RID)
		}
	}
	appendNumbers(c.Out, rids)
	return ntapi.OK, nil
}
