package samr

import (
	"cmp"
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// The settings of a domain that has no policy: they are those of a Windows server that
// nobody has set up. Spans of time are negative, in units of 100 ns.
const (
	forever           = 0x8000000000000000
	lockoutTime       = 30 * 60 * 10_000_000
	serverEnabled     = 1 // [MS-SAMR] 2.2.3.2
	serverRolePrimary = 3 // [MS-SAMR] 2.2.3.4
)

// old writes an OLD_LARGE_INTEGER, [MS-SAMR] 2.2.2.2, which has half the alignment of
// others.
func old(c *ndr.Construct, v uint64) {
	c.U32(uint32(v))
	c.U32(uint32(v >> 32))
}

// needForDomain is the rights that a handle needs to query a class, [MS-SAMR] 3.1.2.2.
var needForDomain = map[uint16]ntapi.Access{
	1: domainReadPassword, 12: domainReadPassword, 11: domainReadPassword | domainReadOther,
}

// queryDomain is SamrQueryInformationDomain2, [MS-SAMR] 3.1.5.5.1, and the first of that
// name.
func (v *service) queryDomain(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*domainHandle](c)
	level := c.In.U16()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	need := cmp.Or(needForDomain[level], domainReadOther)
	if !h.Has(need) {
		return ntapi.AccessDenied, nil
	}
	d, status := v.domain(ctx, h.sid)
	if status != ntapi.OK {
		return status, nil
	}
	return ntapi.AppendInfo(c.Out, level, v.domainArm(d, level)), nil
}

// domainArm returns what writes the structure of a class, [MS-SAMR] 2.2.3.17.
func (v *service) domainArm(d *Domain, level uint16) func(*ndr.Construct) {
	modified := func(c *ndr.Construct) {
		// Nobody counts changes: there may have been some every second.
		old(c, uint64(v.now().Unix()))
		old(c, 0) // creation time
	}
	return map[uint16]func(*ndr.Construct){
		1: func(c *ndr.Construct) {
			c.U16(0) // length of passwords
			c.U16(0) // of the history
			c.U32(0) // properties
			old(c, forever)
			old(c, 0)
		},
		2: func(c *ndr.Construct) { v.general(c, d) },
		3: func(c *ndr.Construct) { old(c, forever) },
		4: func(c *ndr.Construct) { c.String(d.Comment) },
		5: func(c *ndr.Construct) { c.String(d.Name) },
		6: func(c *ndr.Construct) { c.String("") }, // it is nobody's replica
		7: func(c *ndr.Construct) { c.U32(serverRolePrimary) },
		8: modified,
		9: func(c *ndr.Construct) { c.U32(serverEnabled) },
		11: func(c *ndr.Construct) {
			c.Align(8)
			v.general(c, d)
			lockout(c)
		},
		12: lockout,
		13: func(c *ndr.Construct) {
			c.Align(8)
			modified(c)
			old(c, 0)
		},
	}[level]
}

// general writes a SAMPR_DOMAIN_GENERAL_INFORMATION, [MS-SAMR] 2.2.3.10.
func (v *service) general(c *ndr.Construct, d *Domain) {
	old(c, forever)
	c.String(d.Comment)
	c.String(d.Name)
	c.String("") // it is nobody's replica
	old(c, uint64(v.now().Unix()))
	c.U32(serverEnabled)
	c.U32(serverRolePrimary)
	c.U32(1) // compatible with LAN Manager, as all are
	for _, kind := range []vfs.PrincipalKind{vfs.PrincipalUser, vfs.PrincipalGroup, vfs.PrincipalAlias} {
		c.U32(uint32(len(d.kind(kind))))
	}
}

// lockout writes a SAMPR_DOMAIN_LOCKOUT_INFORMATION, [MS-SAMR] 2.2.3.15: there is none
// here, failed logons are answered late instead.
func lockout(c *ndr.Construct) {
	for range 2 { // how long it lasts, and in which time logons have to fail
		c.U64(^uint64(lockoutTime) + 1)
	}
	c.U16(0)
}

// userPasswordInformation is SamrGetUserDomainPasswordInformation, [MS-SAMR] 3.1.5.13.3.
func (v *service) userPasswordInformation(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*userHandle](c)
	if err != nil {
		return 0, err
	}
	if _, _, status := h.find(ctx, v, 0, ntapi.NoSuchUser); status != ntapi.OK {
		return status, nil
	}
	appendPasswordPolicy(c.Out)
	return ntapi.OK, nil
}
