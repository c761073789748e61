package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// lookupNames is LsarLookupNames, [MS-LSAT] 3.1.4.8.
func (v *service) lookupNames(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.translateNames(ctx, c, 1)
}

// lookupNames2 is LsarLookupNames2, [MS-LSAT] 3.1.4.7.
func (v *service) lookupNames2(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.translateNames(ctx, c, 2)
}

// lookupNames3 is LsarLookupNames3, [MS-LSAT] 3.1.4.6.
func (v *service) lookupNames3(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.translateNames(ctx, c, 3)
}

// translateNames is one of the three operations: the first knows no options, the third
// gives whole SIDs.
func (v *service) translateNames(ctx context.Context, c *dcerpc.Call, version int) (ntapi.Status, error) {
	status, err := policyOf(c, policyLookupNames)
	n := c.In.U32()
	if n > maxNames {
		c.In.Fail()
	}
	c.In.MaxCount(n, 8)
	asked := c.In.UnicodeStrings(n)
	skipSIDs(c.In, version)
	level := c.In.U16()
	c.In.U32() // MappedCount
	if version > 1 {
		if s := options(c.In, level, true); status == ntapi.OK {
			status = s
		}
	}
	if err != nil {
		return 0, err
	}
	ask := func() ([]Name, error) { return v.server.SIDsOf(ctx, asked) }
	return translate(c, status, level, ask, func(out *ndr.Construct, n Name, place uint32) {
		appendTranslatedSID(out, n, place, version)
	})
}

// appendTranslatedSID writes an LSA_TRANSLATED_SID, [MS-LSAT] 2.2.14, or one of its
// successors.
func appendTranslatedSID(c *ndr.Construct, n Name, place uint32, version int) {
	c.Align(4)
	c.U16(n.kindOf())
	switch {
	case version == 3 && n.known():
		c.SID(n.SID)
	case version == 3:
		c.Ptr(false)
	case !n.known():
		c.U32(0)
	case n.Kind == vfs.PrincipalDomain:
		c.U32(noRID)
	default:
		c.U32(rid(n.SID))
	}
	c.U32(place)
	if version > 1 {
		c.U32(0) // flags
	}
}

// skipSIDs reads an LSAPR_TRANSLATED_SIDS, [MS-LSAT] 2.2.15, or one of its successors:
// clients send one, usually empty.
func skipSIDs(d *ndr.Decoder, version int) {
	n := d.U32()
	if n > maxNames {
		d.Fail()
	}
	if !d.Ptr() {
		return
	}
	pointers := 0
	for range d.MaxCount(n, 12) {
		d.U16()
		if id := d.U32(); version == 3 && id != 0 {
			pointers++
		}
		d.U32()
		if version > 1 {
			d.U32()
		}
	}
	for range pointers {
		d.SID()
	}
}
