package lsarpc

import (
	"cmp"
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

const (
	serverRolePrimary = 3 // [MS-LSAD] 2.2.4.8
	auditCategories   = 9 // [MS-LSAD] 2.2.4.20
)

// policyClasses are what clients can query: which rights the handle needs, and what writes
// the structure. [MS-LSAD] 3.1.4.4.3, 2.2.4.2
var policyClasses = map[uint16]struct {
	need ntapi.Access
	arm  func(c *ndr.Construct, p Policy)
}{
	1: {policyViewAudit, auditLog},
	2: {policyViewAudit, func(c *ndr.Construct, _ Policy) {
		c.U32(0) // nothing is audited
		c.Array(auditCategories, func(c *ndr.Construct, _ int) { c.U32(0) })
		c.U32(auditCategories)
	}},
	3: {policyViewLocal, func(c *ndr.Construct, p Policy) {
		c.TerminatedString(p.Domain)
		c.SID(p.DomainSID)
	}},
	4: {policyGetPrivate, func(c *ndr.Construct, _ Policy) { c.NullString() }},
	5: {policyViewLocal, accountDomain},
	6: {policyViewLocal, func(c *ndr.Construct, _ Policy) { c.U32(serverRolePrimary) }},
	7: {policyViewLocal, func(c *ndr.Construct, _ Policy) { // it is nobody's replica
		c.NullString()
		c.NullString()
	}},
	12: {policyViewLocal, dnsDomain},
	13: {policyViewLocal, dnsDomain},
	14: {policyViewLocal, accountDomain},
	15: {policyViewLocal, func(c *ndr.Construct, _ Policy) { // no account in a domain
		c.U32(0)
		c.SID("")
	}},
}

// queryPolicy is LsarQueryInformationPolicy2, [MS-LSAD] 3.1.4.4.3, and the first of that
// name.
func (v *service) queryPolicy(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[handle](c)
	level := c.In.U16()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	p, ok := h.(*policyHandle)
	class := policyClasses[level]
	switch {
	case !ok:
		return ntapi.InvalidHandle, nil
	case class.arm == nil:
		return ntapi.InvalidParameter, nil
	case !p.Has(class.need):
		return ntapi.AccessDenied, nil
	}
	policy := v.server.Policy(ctx)
	policy.Domain = cmp.Or(policy.Domain, "WORKGROUP")
	return ntapi.AppendInfo(c.Out, level, func(out *ndr.Construct) { class.arm(out, policy) }), nil
}

// auditLog writes a POLICY_AUDIT_LOG_INFO with the constants of [MS-LSAD] 3.1.1.1.
func auditLog(c *ndr.Construct, _ Policy) {
	c.Align(8)
	c.U32(0)    // percent full
	c.U32(8192) // KiB
	c.U64(8533315)
	c.U8(0) // no shutdown
	c.U64(288342)
	c.U32(0)
}

// accountDomain writes an LSAPR_POLICY_ACCOUNT_DOM_INFO, [MS-LSAD] 2.2.4.6.
func accountDomain(c *ndr.Construct, p Policy) {
	c.TerminatedString(p.Name)
	c.SID(p.SID)
}

// dnsDomain writes an LSAPR_POLICY_DNS_DOMAIN_INFO, [MS-LSAD] 2.2.4.14.
func dnsDomain(c *ndr.Construct, p Policy) {
	c.TerminatedString(p.Domain)
	c.TerminatedString(p.DNSDomain)
	c.TerminatedString(p.Forest)
	c.Raw(make([]byte, 16)) // the domain's GUID isn't known
	c.SID(p.DomainSID)
}

// queryDomainPolicy is LsarQueryDomainInformationPolicy, [MS-LSAD] 3.1.4.4.7: nothing of
// it was ever set.
func (v *service) queryDomainPolicy(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyViewLocal)
	level := c.In.U16()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	const efs, kerberos = 2, 3
	if level == efs || level == kerberos {
		return ntapi.ObjectNameNotFound, nil
	}
	return ntapi.InvalidParameter, nil
}

// userName is LsarGetUserName, [MS-LSAT] 3.1.4.4.
func (v *service) userName(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	if c.In.Ptr() {
		c.In.WholeUnicodeString()
	}
	wantsDomain := c.In.Ptr()
	if wantsDomain && c.In.Ptr() {
		c.In.WholeUnicodeString()
	}
	caller := vfs.CallerFrom(ctx)
	if caller == nil || c.In.Err() != nil {
		return ntapi.AccessDenied, nil
	}
	name, domain := caller.Name, cmp.Or(caller.Domain, v.server.Policy(ctx).Name)
	if caller.Anonymous {
		name, domain = "ANONYMOUS LOGON", "NT AUTHORITY"
	}
	c.Out.PtrTo(func(out *ndr.Construct) { out.String(name) })
	c.Out.Ptr(wantsDomain)
	if wantsDomain {
		c.Out.PtrTo(func(out *ndr.Construct) { out.String(domain) })
	}
	return ntapi.OK, nil
}
