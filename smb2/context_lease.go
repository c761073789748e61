package smb2

import "slices"

// LeaseState is [MS-SMB2] 2.2.13.2.8.
type LeaseState uint32

const (
	LeaseRead   LeaseState = 1
	LeaseHandle LeaseState = 2
	LeaseWrite  LeaseState = 4
)

// Flags of leases, [MS-SMB2] 2.2.13.2.10 and 2.2.14.2.10.
const (
	LeaseBreakInProgress uint32 = 2
	LeaseParentKeySet    uint32 = 4
)

// LeaseContext is a lease request or response of either version, [MS-SMB2]
// 2.2.13.2.8, 2.2.13.2.10, 2.2.14.2.10 and 2.2.14.2.11.
type LeaseContext struct {
	Version   uint8 // 1 or 2, told by the length
	Key       [16]byte
	State     LeaseState
	Flags     uint32
	ParentKey [16]byte // version 2
	Epoch     uint16   // version 2
}

// Lengths of a LeaseContext on the wire.
const (
	leaseV1Size = 32
	leaseV2Size = 52
)

// ParseLeaseContext parses the data of a ContextRqLs. Its length of 32 or 52
// bytes tells the version.
func ParseLeaseContext(b []byte) (LeaseContext, error) {
	if len(b) != leaseV1Size && len(b) != leaseV2Size {
		return LeaseContext{}, StatusInvalidParameter
	}
	c := cursor(b)
	r := LeaseContext{
		Version: 1,
		Key:     c.bytes16(),
		State:   LeaseState(c.u32()),
		Flags:   c.u32(),
	}
	if len(b) == leaseV2Size {
		c.skip(8)
		r.Version = 2
		r.ParentKey = c.bytes16()
		r.Epoch = c.u16()
	}
	return r, nil
}

// Append appends the data of the context, of version 2 if Version says so and
// of version 1 otherwise.
func (r LeaseContext) Append(dst []byte) []byte {
	w := newBuilder(slices.Grow(dst, leaseV2Size))
	w.bytes16(r.Key)
	w.u32(uint32(r.State))
	w.u32(r.Flags)
	w.zero(8)
	if r.Version == 2 {
		w.bytes16(r.ParentKey)
		w.u16(r.Epoch)
		w.zero(2)
	}
	return w.b
}
