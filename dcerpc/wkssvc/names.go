package wkssvc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// remoteDisabled answers the operations that would look into a domain.
func (v *service) remoteDisabled(ctx context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	e.U32(uint32(v.refusal(ctx)))
}

func (v *service) refusal(ctx context.Context) netapi.Code {
	if code := v.admin(ctx); code != netapi.OK {
		return code
	}
	return netapi.RemoteDisabled
}

// joinableOUs2 is NetrGetJoinableOUs2, [MS-WKST] 3.2.4.17.
func (v *service) joinableOUs2(ctx context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	noOUs(e, v.refusal(ctx))
}

// joinableOUs is NetrGetJoinableOUs, which is reserved for local use.
func (v *service) joinableOUs(_ context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	noOUs(e, netapi.NotSupported)
}

// noOUs writes an empty list of organizational units.
func noOUs(e *ndr.Encoder, code netapi.Code) {
	e.U32(0)
	e.Ptr(false)
	e.U32(uint32(code))
}

// computerNames is NetrEnumerateComputerNames, [MS-WKST] 3.2.4.21. The computer has one
// name, and no alternate ones.
func (v *service) computerNames(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	kind, reserved := d.U16(), d.U32()
	if d.Err() != nil {
		return
	}
	const alternate, all = 1, 2
	const ignoreUnsupported = 1
	code := v.admin(ctx)
	switch {
	case code != netapi.OK:
	case kind > all:
		code = netapi.InvalidParameter
	case reserved != 0 && reserved&ignoreUnsupported == 0:
		code = netapi.InvalidFlags
	}
	if code != netapi.OK {
		e.Ptr(false)
		e.U32(uint32(code))
		return
	}
	e.Ptr(true)
	if kind == alternate {
		e.U32(0)
		e.Ptr(false)
	} else {
		name := v.info(ctx).Name
		e.U32(1)
		e.Ptr(true)
		e.U32(1)
		e.UnicodeString(name)
		e.UnicodeStringBody(name)
	}
	e.U32(uint32(code))
}
