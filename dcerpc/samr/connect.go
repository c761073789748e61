package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
)

func (v *service) openServer(ctx context.Context, c *dcerpc.Call, desired ntapi.Access) (ntapi.Status, error) {
	return ntapi.Open(ctx, c, &serverClass, desired, &serverHandle{})
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
	return ntapi.OpenAtRevision(c, 3, func(desired ntapi.Access) (ntapi.Status, error) { return v.openServer(ctx, c, desired) })
}

// serverOf reads a handle of the server, which must have the rights need.
func serverOf(c *dcerpc.Call, need ntapi.Access) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[*serverHandle](c)
	if err == nil && !h.Has(need) {
		return ntapi.AccessDenied, nil
	}
	return ntapi.OK, err
}
