package samr

import (
	"context"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// maxLookup is how many names or numbers one call translates, [MS-SAMR] 3.1.5.11.2.
const maxLookup = 1000

// readCount reads the count of an array and its own counts, which have to fit it.
func readCount(d *ndr.Decoder) uint32 {
	n := d.U32()
	capacity, offset, actual := d.U32(), d.U32(), d.U32()
	if n > maxLookup || capacity != maxLookup || offset != 0 || actual != n {
		d.Fail()
	}
	return n
}

// appendNumbers writes a SAMPR_ULONG_ARRAY, [MS-SAMR] 2.2.7.4. Clients want an array even
// if it is empty.
func appendNumbers(e *ndr.Encoder, list []uint32) {
	e.U32(uint32(len(list)))
	e.Ptr(true)
	e.U32(uint32(len(list)))
	for _, n := range list {
		e.U32(n)
	}
}

// lookupNames is SamrLookupNamesInDomain, [MS-SAMR] 3.1.5.11.2.
func (v *service) lookupNames(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainLookup)
	names := c.In.UnicodeStrings(readCount(c.In))
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	index := d.byName()
	rids, kinds := make([]uint32, len(names)), make([]uint32, len(names))
	found := 0
	for i, name := range names {
		kinds[i] = uint32(vfs.PrincipalUnknown)
		if a := index[strings.ToLower(name)]; a != nil {
			rids[i], kinds[i] = a.RID, uint32(a.Kind)
			found++
		}
	}
	appendNumbers(c.Out, rids)
	appendNumbers(c.Out, kinds)
	return ntapi.Mapped(found, len(names)), nil
}

// lookupIDs is SamrLookupIdsInDomain, [MS-SAMR] 3.1.5.11.3.
func (v *service) lookupIDs(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainLookup)
	list := make([]*Account, 0)
	for range c.In.Count(readCount(c.In), 4) {
		rid := c.In.U32()
		if d != nil {
			list = append(list, d.find(rid))
		}
	}
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	kinds := make([]uint32, len(list))
	found := 0
	names := ndr.NewConstruct(c.Out)
	names.List(len(list), func(names *ndr.Construct, i int) {
		if list[i] == nil {
			names.NullString()
			return
		}
		names.String(list[i].Name)
	})
	names.End()
	for i, a := range list {
		kinds[i] = uint32(vfs.PrincipalUnknown)
		if a != nil {
			kinds[i] = uint32(a.Kind)
			found++
		}
	}
	appendNumbers(c.Out, kinds)
	return ntapi.Mapped(found, len(list)), nil
}
