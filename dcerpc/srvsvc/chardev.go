package srvsvc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// The operations on devices such as COM1 were LAN Manager's. They return
// ERROR_NOT_SUPPORTED, [MS-SRVS] 3.1.4, and enumerations are followed by what a client
// that still has them expects.

// charDevEnum was NetrCharDevEnum.
func (v *service) charDevEnum(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0, 1)
	if d.Err() != nil {
		return
	}
	q.Append(e, nil, netapi.NotSupported)
}

// charDevQueueEnum was NetrCharDevQEnum, which has a user in front.
func (v *service) charDevQueueEnum(ctx context.Context, server string, d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString()
	v.charDevEnum(ctx, server, d, e)
}

// notSupported answers those without a result but the code.
func notSupported(_ *service, _ context.Context, _ string, _ *ndr.Decoder, e *ndr.Encoder) {
	e.U32(uint32(netapi.NotSupported))
}
