package wkssvc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// The operations on the computer's SMB client, which it hasn't got.

// transportEnum is NetrWkstaTransportEnum, [MS-WKST] 3.2.4.4.
func (v *service) transportEnum(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0)
	if d.Err() != nil {
		return
	}
	q.Append(e, nil, netapi.OK)
}

// transportAdd is NetrWkstaTransportAdd, [MS-WKST] 3.2.4.5. There is no transport that
// could be meant.
func (v *service) transportAdd(ctx context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	code := v.admin(ctx)
	if code == netapi.OK {
		code = netapi.InvalidParameter
	}
	e.Ptr(false)
	e.U32(uint32(code))
}

// transportDel is NetrWkstaTransportDel, [MS-WKST] 3.2.4.6: a server that doesn't support
// it returns success if ForceLevel is valid.
func (v *service) transportDel(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString()
	force := d.U32()
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	if code == netapi.OK && force > lotsOfForce {
		code = netapi.InvalidParameter
	}
	e.U32(uint32(code))
}

// lotsOfForce is the greatest ForceLevel, USE_LOTS_OF_FORCE.
const lotsOfForce = 2

// useGetInfo is NetrUseGetInfo, [MS-WKST] 3.2.4.8.
func (v *service) useGetInfo(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	d.WString()
	level := d.U32()
	if d.Err() != nil {
		return
	}
	code := netapi.NErrUseNotFound
	if level > 3 {
		code = netapi.InvalidLevel
	}
	netapi.AppendInfo(e, level, nil, code)
}

// useDel is NetrUseDel, [MS-WKST] 3.2.4.9.
func (v *service) useDel(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	d.WString()
	force := d.U32()
	if d.Err() != nil {
		return
	}
	code := netapi.NErrUseNotFound
	if force > lotsOfForce {
		code = netapi.InvalidLevel
	}
	e.U32(uint32(code))
}

// useEnum is NetrUseEnum, [MS-WKST] 3.2.4.10.
func (v *service) useEnum(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0, 1, 2)
	if d.Err() != nil {
		return
	}
	q.Append(e, nil, netapi.OK)
}

// statisticsGet is NetrWorkstationStatisticsGet, [MS-WKST] 3.2.4.11. What doesn't apply is
// zero, that is all of STAT_WORKSTATION_0.
func (v *service) statisticsGet(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString()
	level, options := d.U32(), d.U32()
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	switch {
	case level != 0:
		code = netapi.InvalidLevel
	case options != 0:
		code = netapi.InvalidParameter
	}
	e.Ptr(code == netapi.OK)
	if code == netapi.OK {
		for range 13 {
			e.U64(0)
		}
		for range 27 {
			e.U32(0)
		}
	}
	e.U32(uint32(code))
}
