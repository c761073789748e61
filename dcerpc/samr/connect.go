package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

func (v *service) openServer(ctx context.Context, c *dcerpc.Call, desired ntapi.Access) (ntapi.Status, error) {
	return open(ctx, c, &serverClass, desired, func(granted ntapi.Access) any { return &serverHandle{granted} })
}

// connect is SamrConnect, [MS-SAMR] 3.1.5.1.4. Of the server's name there is one
// character.
func (v *service) connect(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	if c.In.Ptr() {
		c.In.U16()
	}
	return v.openServer(ctx, c, c.In.U32())
}

// connect2 is SamrConnect2, [MS-SAMR] 3.1.5.1.3.
func (v *service) connect2(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	return v.openServer(ctx, c, c.In.U32())
}

// connect4 is SamrConnect4, [MS-SAMR] 3.1.5.1.2, and an operation before it with a number
// of no meaning in place of the revision.
func (v *service) connect4(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	c.In.U32()
	return v.openServer(ctx, c, c.In.U32())
}

// connect5 is SamrConnect5, [MS-SAMR] 3.1.5.1.1.
func (v *service) connect5(ctx context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	c.In.UniqueWString()
	desired, version := c.In.U32(), c.In.U32()
	if c.In.U32() != version {
		c.In.Fail() // the discriminant of the union is the version
	}
	if err := c.In.Err(); err != nil {
		return 0, err
	}
	// The union of the results has this one case, whatever becomes of the call.
	c.Out.U32(1)
	c.Out.U32(1)
	c.Out.U32(3) // revision
	c.Out.U32(0) // features
	if version != 1 {
		c.Out.Handle(ndr.Handle{})
		return ntapi.NotSupported, nil
	}
	c.In.U32() // revision and features of the client
	c.In.U32()
	status, err := v.openServer(ctx, c, desired)
	if status != ntapi.OK {
		c.Out.Handle(ndr.Handle{})
	}
	return status, err
}

// serverOf reads a handle of the server, which must have the rights need.
func serverOf(c *dcerpc.Call, need ntapi.Access) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*serverHandle](c)
	if err == nil && h.granted&need != need {
		return ntapi.AccessDenied, nil
	}
	return ntapi.OK, err
}
