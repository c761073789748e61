package ntapi

import (
	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// Finish ends an operation that read its parameters and, unless it failed, wrote its
// results: it writes the status behind them. If there are no results, as many 32-bit zeros
// stand in their place: all that these interfaces return are handles, null pointers and
// numbers then.
func Finish(c *dcerpc.Call, zeros int, status Status, err error) error {
	switch {
	case err != nil:
		return err
	case c.In.Err() != nil:
		return c.In.Err()
	}
	if c.Out.Len() == 0 {
		for range zeros {
			c.Out.U32(0)
		}
	}
	c.Out.U32(uint32(status))
	return nil
}

// maxEnum bounds what one call of an enumeration returns; the rest comes with the next.
const maxEnum = 1 << 20

// Fit returns those of list that a client takes that wants about limit octets, where size
// tells how many octets an entry takes; one that passes the limit is the last. So the
// first is always taken, and a client that asks again gets on.
func Fit[T any](list []T, limit uint32, size func(T) int) []T {
	room := int(min(limit, maxEnum))
	for i, entry := range list {
		if room -= size(entry); room <= 0 {
			return list[:i+1]
		}
	}
	return list
}

// From returns those of all from number n on, which a client sent: none if there are fewer.
func From[T any](all []T, n uint32) []T {
	return all[min(uint64(n), uint64(len(all))):]
}

// maxSIDs bounds the SIDs that one call brings, [MS-LSAT] 2.2.18, note 9.
const maxSIDs = 0x5000

// ReadSIDs reads an LSAPR_SID_ENUM_BUFFER, [MS-LSAT] 2.2.18, or a SAMPR_PSID_ARRAY,
// [MS-SAMR] 2.2.7.5.
func ReadSIDs(d *ndr.Decoder) []vfs.SID {
	n := d.U32()
	if n > maxSIDs {
		d.Fail()
	}
	if !d.Ptr() {
		if n != 0 {
			d.Fail()
		}
		return nil
	}
	d.MaxCount(n, 4)
	return d.SIDs(n)
}

// AppendSIDs writes one of what ReadSIDs reads.
func AppendSIDs(e *ndr.Encoder, list []vfs.SID) {
	c := ndr.NewConstruct(e)
	c.List(len(list), func(c *ndr.Construct, i int) { c.SID(list[i]) })
	c.End()
}

// AppendInfo writes a pointer to a union of information classes, of which arm writes the
// case level. nil: there is no such class, which the status says.
func AppendInfo(e *ndr.Encoder, level uint16, arm func(c *ndr.Construct)) Status {
	if arm == nil {
		return InvalidInfoClass
	}
	e.PtrTo(func(c *ndr.Construct) {
		c.U16(level)
		c.Align(4)
		arm(c)
	})
	return OK
}
