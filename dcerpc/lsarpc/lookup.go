package lsarpc

import (
	"context"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

const (
	maxNames = 1000   // [MS-LSAT] 3.1.4.5, note 24
	maxSIDs  = 0x5000 // [MS-LSAT] 2.2.18, note 9

	lookupWorkstation = 1          // LSAP_LOOKUP_LEVEL, [MS-LSAT] 2.2.16: all that there is
	isolatedLocal     = 0x80000000 // LookupOptions, [MS-LSAT] 3.1.4.5

	noDomain = 0xffffffff // DomainIndex
	noRID    = 0xffffffff // RelativeId of a domain
)

// domainList is the LSAPR_REFERENCED_DOMAIN_LIST of an answer, [MS-LSAT] 2.2.12.
type domainList []Name

// index returns the place of n's domain, which it adds if it is not there yet.
func (l *domainList) index(n Name) uint32 {
	if n.DomainSID == "" {
		return noDomain
	}
	for i, d := range *l {
		if d.DomainSID == n.DomainSID && d.Domain == n.Domain {
			return uint32(i)
		}
	}
	*l = append(*l, n)
	return uint32(len(*l) - 1)
}

// append writes the list.
func (l domainList) append(e *ndr.Encoder) {
	entries := uint32(0) // MaxEntries, which clients ignore
	if len(l) > 0 {
		entries = 32
	}
	e.PtrTo(func(c *ndr.Construct) {
		c.List(len(l), func(c *ndr.Construct, i int) {
			c.TerminatedString(l[i].Domain)
			c.SID(l[i].DomainSID)
		})
		c.U32(entries)
	})
}

// rid returns the last number of a SID.
func rid(s vfs.SID) uint32 {
	b := s.Append(nil)
	if len(b) < 12 {
		return 0
	}
	b = b[len(b)-4:]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// kindOf returns the SID_NAME_USE of n.
func (n Name) kindOf() uint16 {
	if !n.known() {
		return uint16(vfs.PrincipalUnknown)
	}
	return uint16(n.Kind)
}

// options reads the parameters that all but the first versions of the operations end with,
// and says whether they make sense for a server that is no domain controller.
func options(d *ndr.Decoder, level uint16, isolated bool) ntapi.Status {
	flags := d.U32()
	d.U32() // ClientRevision
	if isolated && flags&isolatedLocal != 0 && level != lookupWorkstation {
		return ntapi.InvalidParameter
	}
	return ntapi.OK
}

// nothing writes the results of a translation that was refused.
func nothing(e *ndr.Encoder, status ntapi.Status) (ntapi.Status, error) {
	for range 4 { // no domains, an empty array, no mapped ones
		e.U32(0)
	}
	return status, nil
}

// unknownName is what stands for the name of a SID that has none: the number if its domain
// is known, else the SID. [MS-LSAT] 3.1.4.9
func unknownName(n Name) string {
	if n.DomainSID == "" {
		return string(n.SID)
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for r, shift := rid(n.SID), 28; shift >= 0; shift -= 4 {
		b.WriteByte(digits[r>>shift&0xf])
	}
	return b.String()
}

// lookupSIDs is LsarLookupSids, [MS-LSAT] 3.1.4.11.
func (v *service) lookupSIDs(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.translateSIDs(ctx, c, false)
}

// lookupSIDs2 is LsarLookupSids2, [MS-LSAT] 3.1.4.10.
func (v *service) lookupSIDs2(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return v.translateSIDs(ctx, c, true)
}

// translateSIDs is LsarLookupSids, or with second LsarLookupSids2, which have more
// parameters.
func (v *service) translateSIDs(ctx context.Context, c *dcerpc.Call, second bool) (ntapi.Status, error) {
	status, err := policyOf(c, policyLookupNames)
	sids := ntapi.ReadSIDs(c.In)
	skipNames(c.In, second)
	level := c.In.U16()
	c.In.U32() // MappedCount
	if second {
		options(c.In, level, false)
	}
	if err != nil {
		return 0, err
	}
	ask := func() ([]Name, error) { return v.server.NamesOf(ctx, sids) }
	return translate(c, status, level, ask, func(out *ndr.Construct, n Name, place uint32) {
		out.Align(4)
		out.U16(n.kindOf())
		if n.known() {
			out.String(n.Name)
		} else {
			out.String(unknownName(n))
		}
		out.U32(place)
		if second {
			out.U32(0) // flags
		}
	})
}

// translate answers a translation whose parameters are read: it asks for the names, unless
// status or level forbid it, and writes them, each with element, which gets the place of
// the domain in the list of those.
func translate(c *dcerpc.Call, status ntapi.Status, level uint16, ask func() ([]Name, error), element func(out *ndr.Construct, n Name, place uint32)) (ntapi.Status, error) {
	switch {
	case c.In.Err() != nil:
		return 0, nil
	case status != ntapi.OK:
		return nothing(c.Out, status)
	case level != lookupWorkstation:
		return nothing(c.Out, ntapi.InvalidParameter)
	}
	names, err := ask()
	if err != nil {
		return nothing(c.Out, ntapi.InternalDBError)
	}
	var domains domainList
	places := make([]uint32, len(names))
	mapped := 0
	for i, n := range names {
		places[i] = domains.index(n)
		if n.known() {
			mapped++
		}
	}
	domains.append(c.Out)
	out := ndr.NewConstruct(c.Out)
	out.List(len(names), func(out *ndr.Construct, i int) { element(out, names[i], places[i]) })
	out.End()
	c.Out.U32(uint32(mapped))
	return ntapi.Mapped(mapped, len(names)), nil
}

// skipNames reads an LSAPR_TRANSLATED_NAMES, [MS-LSAT] 2.2.20, or with flags its
// successor: clients send one, usually empty.
func skipNames(d *ndr.Decoder, flags bool) {
	n := d.U32()
	if n > maxSIDs {
		d.Fail()
	}
	if !d.Ptr() {
		return
	}
	headers := make([]ndr.UnicodeString, d.MaxCount(n, 16))
	for i := range headers {
		d.U16()
		headers[i] = d.UnicodeString()
		d.U32()
		if flags {
			d.U32()
		}
	}
	for _, h := range headers {
		d.UnicodeStringBody(h)
	}
}
