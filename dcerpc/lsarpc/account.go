package lsarpc

import (
	"context"
	"slices"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// holder returns the one with that SID.
func (v *service) holder(ctx context.Context, sid vfs.SID) (Holder, bool) {
	for _, h := range v.server.Holders(ctx) {
		if h.SID == sid {
			return h, true
		}
	}
	return Holder{}, false
}

// enumerateAccounts is LsarEnumerateAccounts, [MS-LSAD] 3.1.4.5.2.
func (v *service) enumerateAccounts(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyViewLocal)
	from, limit := c.In.U32(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	var all []vfs.SID
	for _, h := range v.server.Holders(ctx) {
		all = append(all, h.SID)
	}
	rest := ntapi.From(all, from)
	fit := ntapi.Fit(rest, limit, func(sid vfs.SID) int { return 4 + sid.Len() })
	c.Out.U32(from + uint32(len(fit)))
	ntapi.AppendSIDs(c.Out, fit)
	return fragment(len(fit), len(rest)), nil
}

// openAccount is LsarOpenAccount, [MS-LSAD] 3.1.4.5.3.
func (v *service) openAccount(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, 0)
	sid, desired := c.In.SID(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	if _, ok := v.holder(ctx, sid); !ok {
		return ntapi.ObjectNameNotFound, nil
	}
	return ntapi.Open(ctx, c, &accountClass, desired, &accountHandle{sid: sid})
}

// accountOf reads a handle of an account that must have the right to look at it.
func (v *service) accountOf(ctx context.Context, c *dcerpc.Call) (Holder, ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[handle](c)
	if err != nil {
		return Holder{}, 0, err
	}
	a, ok := h.(*accountHandle)
	switch {
	case !ok:
		return Holder{}, ntapi.InvalidHandle, nil
	case !a.Has(accountView):
		return Holder{}, ntapi.AccessDenied, nil
	}
	who, ok := v.holder(ctx, a.sid)
	if !ok {
		return Holder{}, ntapi.InvalidHandle, nil
	}
	return who, ntapi.OK, nil
}

// accountPrivileges is LsarEnumeratePrivilegesAccount, [MS-LSAD] 3.1.4.5.4.
func (v *service) accountPrivileges(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	who, status, err := v.accountOf(ctx, c)
	if status != ntapi.OK || err != nil {
		return status, err
	}
	var luids []uint32
	for _, name := range who.Rights {
		if i := privilegeNamed(name); i >= 0 {
			luids = append(luids, privileges[i].luid)
		}
	}
	c.Out.PtrTo(func(out *ndr.Construct) { // LSAPR_PRIVILEGE_SET, [MS-LSAD] 2.2.5.5
		out.U32(uint32(len(luids))) // of the array that ends the structure
		out.U32(uint32(len(luids)))
		out.U32(0)
		for _, luid := range luids {
			appendLUID(out.Encoder, luid)
			out.U32(0) // attributes
		}
	})
	return ntapi.OK, nil
}

// systemAccess is LsarGetSystemAccessAccount, [MS-LSAD] 3.1.4.5.7.
func (v *service) systemAccess(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	who, status, err := v.accountOf(ctx, c)
	if status != ntapi.OK || err != nil {
		return status, err
	}
	var flags uint32
	for _, name := range who.Rights {
		flags |= logonRights[name]
	}
	c.Out.U32(flags)
	return ntapi.OK, nil
}

// accountsWithRight is LsarEnumerateAccountsWithUserRight, [MS-LSAD] 3.1.4.5.9. As on
// Windows it is for administrators.
func (v *service) accountsWithRight(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyViewLocal)
	var right string
	if c.In.Ptr() {
		right = c.In.WholeUnicodeString()
	}
	switch {
	case status != ntapi.OK || err != nil || c.In.Err() != nil:
		return status, err
	case !ntapi.Admin(ctx):
		return ntapi.AccessDenied, nil
	case logonRights[right] == 0 && privilegeNamed(right) < 0:
		return ntapi.NoSuchPrivilege, nil
	}
	var list []vfs.SID
	for _, h := range v.server.Holders(ctx) {
		if slices.ContainsFunc(h.Rights, func(s string) bool { return strings.EqualFold(s, right) }) {
			list = append(list, h.SID)
		}
	}
	if len(list) == 0 {
		return ntapi.NoMoreEntries, nil
	}
	ntapi.AppendSIDs(c.Out, list)
	return ntapi.OK, nil
}

// accountRights is LsarEnumerateAccountRights, [MS-LSAD] 3.1.4.5.10. The right that it
// needs is one to accounts, though the handle is that of the policy.
func (v *service) accountRights(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, accountView)
	sid := c.In.SID()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	who, ok := v.holder(ctx, sid)
	if !ok {
		return ntapi.ObjectNameNotFound, nil
	}
	out := ndr.NewConstruct(c.Out)
	out.List(len(who.Rights), func(out *ndr.Construct, i int) { out.TerminatedString(who.Rights[i]) })
	out.End()
	return ntapi.OK, nil
}
