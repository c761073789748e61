package samr

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// What lists for display are of, DOMAIN_DISPLAY_INFORMATION, [MS-SAMR] 2.2.8.12.
const (
	displayUser     = 1
	displayMachine  = 2
	displayGroup    = 3
	displayOEMUser  = 4
	displayOEMGroup = 5
)

// displayed returns the accounts that a class is a list of, sorted by name. ok: there is
// such a class.
func (d *Domain) displayed(class uint16) (list []*Account, ok bool) {
	switch class {
	case displayUser, displayOEMUser:
		list = d.kind(vfs.PrincipalUser)
	case displayGroup, displayOEMGroup:
		list = d.kind(vfs.PrincipalGroup)
	case displayMachine:
	default:
		return nil, false
	}
	slices.SortFunc(list, func(a, b *Account) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list, true
}

// queryDisplay is SamrQueryDisplayInformation3, [MS-SAMR] 3.1.5.3.1, and the two of that
// name before it.
func (v *service) queryDisplay(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainList)
	class, from, count, limit := c.In.U16(), c.In.U32(), c.In.U32(), c.In.U32()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	if class < displayUser || class > displayOEMGroup {
		return 0, dcerpc.FaultInvalidTag // the results are a union without such a case
	}
	if status != ntapi.OK {
		c.Out.U32(0)
		c.Out.U32(0)
		appendDisplay(c.Out, class, 0, nil)
		return status, nil
	}
	all, _ := d.displayed(class)
	rest := ntapi.From(all, from)
	wanted := rest[:min(uint64(count), uint64(len(rest)))]
	fit := ntapi.Fit(wanted, limit, func(a *Account) int { return displaySize(class, a) })
	c.Out.U32(displayTotal(class, all))
	c.Out.U32(displayTotal(class, fit))
	appendDisplay(c.Out, class, from, fit)
	if len(fit) < len(rest) {
		return ntapi.MoreEntries, nil
	}
	return ntapi.OK, nil
}

// displaySize is how many octets an entry takes in the memory of a client.
func displaySize(class uint16, a *Account) int {
	if class == displayOEMUser || class == displayOEMGroup {
		return 12 + len(a.Name)
	}
	return 36 + 2*(len(a.Name)+len(a.Comment)+len(a.FullName))
}

// displayTotal is how many octets a list takes. Nobody relies on it.
func displayTotal(class uint16, list []*Account) uint32 {
	n := 0
	for _, a := range list {
		n += displaySize(class, a)
	}
	return uint32(n)
}

// appendDisplay writes a SAMPR_DISPLAY_INFO_BUFFER, [MS-SAMR] 2.2.8.13.
func appendDisplay(e *ndr.Encoder, class uint16, from uint32, list []*Account) {
	c := ndr.NewConstruct(e)
	c.U16(class)
	c.List(len(list), func(c *ndr.Construct, i int) {
		a := list[i]
		c.U32(from + uint32(i) + 1)
		if class == displayOEMUser || class == displayOEMGroup {
			oemString(c, a.Name)
			return
		}
		c.U32(a.RID)
		if class == displayGroup {
			c.U32(membership)
		} else {
			c.U32(a.control())
		}
		c.String(a.Name)
		c.String(a.Comment)
		if class == displayUser {
			c.String(a.FullName)
		}
	})
	c.End()
}

// oemString writes an RPC_STRING, [MS-SAMR] 2.2.2.1. Of the code page nothing is known
// but ASCII.
func oemString(c *ndr.Construct, s string) {
	b := []byte(strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '?'
		}
		return r
	}, s))
	b = b[:min(len(b), 0xfffe)]
	c.Align(4)
	c.U16(uint16(len(b)))
	c.U16(uint16(len(b) + 1))
	c.Defer(func(c *ndr.Construct) { c.Varying(len(b)+1, len(b), b) })
}

// displayIndex is SamrGetDisplayEnumerationIndex2, [MS-SAMR] 3.1.5.3.4, and the first of
// that name: where in the list those names are that begin like Prefix.
func (v *service) displayIndex(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	d, status, err := v.domainOf(ctx, c, domainList)
	class := c.In.U16()
	prefix := strings.ToLower(c.In.WholeUnicodeString())
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	if class < displayUser || class > displayGroup {
		return ntapi.InvalidInfoClass, nil
	}
	list, _ := d.displayed(class)
	best, at := -1, 0
	for i, a := range list {
		if n := common(strings.ToLower(a.Name), prefix); n > best {
			best, at = n, i
		}
	}
	if best < 0 || best == 0 && prefix != "" {
		return ntapi.NoMoreEntries, nil
	}
	c.Out.U32(uint32(at)) // of the element before it, counted from one
	return ntapi.OK, nil
}

// common returns how many bytes a and b begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
