package samr

import (
	"context"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// domains returns those that the server has, the account domain first.
func (v *service) domains(ctx context.Context) ([]*Domain, ntapi.Status) {
	account, builtin, err := v.server.Domains(ctx)
	if err != nil {
		return nil, ntapi.InternalDBError
	}
	return []*Domain{account, builtin}, ntapi.OK
}

// domain returns the domain with that SID.
func (v *service) domain(ctx context.Context, sid vfs.SID) (*Domain, ntapi.Status) {
	all, status := v.domains(ctx)
	if status != ntapi.OK {
		return nil, status
	}
	for _, d := range all {
		if d.SID == sid {
			return d, ntapi.OK
		}
	}
	return nil, ntapi.NoSuchDomain
}

// domainOf reads a handle of a domain, which must have the rights need, and returns the
// domain unless the status is another than OK.
func (v *service) domainOf(ctx context.Context, c *dcerpc.Call, need ntapi.Access) (*Domain, ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*domainHandle](c)
	switch {
	case err != nil:
		return nil, ntapi.OK, err
	case !h.Has(need):
		return nil, ntapi.AccessDenied, nil
	}
	d, status := v.domain(ctx, h.sid)
	return d, status, nil
}

// lookupDomain is SamrLookupDomainInSamServer, [MS-SAMR] 3.1.5.11.1.
func (v *service) lookupDomain(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := serverOf(c, serverLookup)
	name := c.In.WholeUnicodeString()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	all, status := v.domains(ctx)
	if status != ntapi.OK {
		return status, nil
	}
	for _, d := range all {
		if strings.EqualFold(d.Name, name) {
			c.Out.Ptr(true)
			c.Out.SID(d.SID)
			return ntapi.OK, nil
		}
	}
	return ntapi.NoSuchDomain, nil
}

// enumerateDomains is SamrEnumerateDomainsInSamServer, [MS-SAMR] 3.1.5.2.1.
func (v *service) enumerateDomains(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := serverOf(c, serverEnumerate)
	from, limit := c.In.U32(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	all, status := v.domains(ctx)
	if status != ntapi.OK {
		return status, nil
	}
	list := make([]entry, len(all))
	for i, d := range all {
		list[i] = entry{name: d.Name}
	}
	rest := ntapi.From(list, from)
	fit := ntapi.Fit(rest, limit, entry.size)
	return appendEntries(c.Out, from+uint32(len(fit)), fit, len(fit) < len(rest)), nil
}

// openDomain is SamrOpenDomain, [MS-SAMR] 3.1.5.1.5.
func (v *service) openDomain(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := serverOf(c, serverLookup)
	desired, sid := c.In.U32(), c.In.SID()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	if _, status := v.domain(ctx, sid); status != ntapi.OK {
		return status, nil
	}
	return ntapi.Open(ctx, c, &domainClass, desired, &domainHandle{sid: sid})
}

// ridToSID is SamrRidToSid, [MS-SAMR] 3.1.5.13.5. The handle may be of any kind below the
// server.
func (v *service) ridToSID(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[interface{ domainSID() vfs.SID }](c)
	rid := c.In.U32()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	c.Out.Ptr(true)
	c.Out.SID(ridSID(h.domainSID(), rid))
	return ntapi.OK, nil
}

func (h *domainHandle) domainSID() vfs.SID { return h.sid }
func (a *account) domainSID() vfs.SID      { return a.domain }

// passwordInformation is SamrGetDomainPasswordInformation, [MS-SAMR] 3.1.5.13.4: any
// password will do.
func (v *service) passwordInformation(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	if c.In.Ptr() {
		c.In.WholeUnicodeString()
	}
	appendPasswordPolicy(c.Out)
	return ntapi.OK, nil
}

// appendPasswordPolicy writes a USER_DOMAIN_PASSWORD_INFORMATION, [MS-SAMR] 2.2.7.17.
func appendPasswordPolicy(e *ndr.Encoder) {
	e.U16(0) // length
	e.U32(0) // properties
}
