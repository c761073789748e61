package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/vfs"
)

// openAccount follows [MS-SAMR] 3.1.5.1.6. none is the status if there is no account of
// the kind.
func (v *service) openAccount(ctx context.Context, c *dcerpc.Call, class *ntapi.Class, kind vfs.PrincipalKind, none ntapi.Status, make func(account) handle) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainLookup)
	desired, rid := c.In.U32(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	if a := d.find(rid); a == nil || a.Kind != kind {
		return none, nil
	}
	return ntapi.Open(ctx, c, class, desired, make(account{domain: d.SID, rid: rid}))
}

// openGroup is SamrOpenGroup, [MS-SAMR] 3.1.5.1.7.
func (v *service) openGroup(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.openAccount(ctx, c, &groupClass, vfs.PrincipalGroup, ntapi.NoSuchGroup, func(a account) handle { return &groupHandle{a} })
}

// openAlias is SamrOpenAlias, [MS-SAMR] 3.1.5.1.8.
func (v *service) openAlias(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.openAccount(ctx, c, &aliasClass, vfs.PrincipalAlias, ntapi.NoSuchAlias, func(a account) handle { return &aliasHandle{a} })
}

// openUser is SamrOpenUser, [MS-SAMR] 3.1.5.1.9.
func (v *service) openUser(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.openAccount(ctx, c, &userClass, vfs.PrincipalUser, ntapi.NoSuchUser, func(a account) handle { return &userHandle{a} })
}

// find returns the account of a handle that must have the rights need, and its domain,
// unless the status is another than OK. none is the status if the account is gone.
func (a *account) find(ctx context.Context, v *service, need ntapi.Access, none ntapi.Status) (*Account, *Domain, ntapi.Status) {
	if !a.Has(need) {
		return nil, nil, ntapi.AccessDenied
	}
	d, status := v.domain(ctx, a.domain)
	if status != ntapi.OK {
		return nil, nil, status
	}
	if found := d.find(a.rid); found != nil {
		return found, d, ntapi.OK
	}
	return nil, nil, none
}
