package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// readAttributes reads an LSAPR_OBJECT_ATTRIBUTES, [MS-LSAD] 2.2.2.4, of which only
// whether there is a root directory matters.
func readAttributes(d *ndr.Decoder) (root bool) {
	d.U32() // length
	root = d.Ptr()
	name := d.Ptr()
	d.U32() // attributes
	descriptor, quality := d.Ptr(), d.Ptr()
	if root {
		d.U8()
	}
	if name {
		skipString(d)
	}
	if descriptor {
		skipDescriptor(d)
	}
	if quality { // [MS-LSAD] 2.2.3.7
		d.U32()
		d.U16()
		d.U8()
		d.U8()
	}
	return root
}

// skipString reads a STRING, [MS-LSAD] 2.2.3.1.
func skipString(d *ndr.Decoder) {
	d.U16()
	d.U16()
	if d.Ptr() {
		d.U32()
		d.U32()
		d.Bytes(d.Count(d.U32(), 1))
	}
}

// skipDescriptor reads an LSAPR_SECURITY_DESCRIPTOR, [MS-LSAD] 2.2.3.4.
func skipDescriptor(d *ndr.Decoder) {
	d.U8()
	d.U8()
	d.U16()
	owner, group, sacl, dacl := d.Ptr(), d.Ptr(), d.Ptr(), d.Ptr()
	for _, present := range []bool{owner, group} {
		if present {
			d.SID()
		}
	}
	for _, present := range []bool{sacl, dacl} {
		if present { // LSAPR_ACL
			n := d.U32()
			d.U32() // revision and size
			d.Bytes(d.Count(n, 1))
		}
	}
}

// open checks what is common to the operations that open the policy, [MS-LSAD] 3.1.4.4.1.
func (v *service) open(ctx context.Context, c *dcerpc.Call, root bool, desired ntapi.Access) (ntapi.Status, error) {
	if root || desired == 0 {
		return ntapi.InvalidParameter, nil
	}
	return ntapi.Open(ctx, c, &policyClass, desired, &policyHandle{})
}

// openPolicy is LsarOpenPolicy, [MS-LSAD] 3.1.4.4.2. Of the server's name there is one
// character.
func (v *service) openPolicy(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	if c.In.Ptr() {
		c.In.U16()
	}
	c.In.Align(4)
	root := readAttributes(c.In)
	return v.open(ctx, c, root, c.In.U32())
}

// openPolicy2 is LsarOpenPolicy2, [MS-LSAD] 3.1.4.4.1.
func (v *service) openPolicy2(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	root := readAttributes(c.In)
	return v.open(ctx, c, root, c.In.U32())
}

// openPolicy3 is LsarOpenPolicy3, [MS-LSAD] 3.1.4.4.9.
func (v *service) openPolicy3(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	return v.openPolicyWithCreds(ctx, c)
}

// openPolicyWithCreds is LsarOpenPolicyWithCreds, [MS-LSAD] 3.1.4.4.10, and what follows
// the name in LsarOpenPolicy3. None of the features that it can announce is here.
func (v *service) openPolicyWithCreds(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	root := readAttributes(c.In)
	return ntapi.OpenAtRevision(c, 1, func(desired ntapi.Access) (ntapi.Status, error) { return v.open(ctx, c, root, desired) })
}
