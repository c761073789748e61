package ntapi

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// An Object is what a context handle stands for, [MS-LSAD] 3.1.1.7 and [MS-SAMR] 3.1.1.10:
// a pointer to a structure that embeds Rights. S is the service that opened it: handles of
// one interface are none of another, though a client may have both in one group.
type Object[S any] interface{ rights() *Rights[S] }

// Rights are what was granted when an object was opened.
type Rights[S any] struct {
	Class   *Class
	Granted Access
}

func (r *Rights[S]) rights() *Rights[S] { return r }

// Has reports whether all of need was granted.
func (r *Rights[S]) Has(need Access) bool { return r.Granted&need == need }

// Open ends an operation that opens an object of a class: it checks that the caller may
// have the rights that he wants, gives them to o, and writes a handle of it.
func Open[S any](ctx context.Context, c *dcerpc.Call, class *Class, desired Access, o Object[S]) (Status, error) {
	if err := c.In.Err(); err != nil {
		return 0, err
	}
	granted, ok := class.open(ctx, desired)
	if !ok {
		return AccessDenied, nil
	}
	*o.rights() = Rights[S]{class, granted}
	id, err := c.Handles.New(o)
	if err != nil {
		return 0, err
	}
	c.Out.Handle(id)
	return OK, nil
}

// OpenAtRevision ends an operation that opens an object and in which client and server
// tell each other which revision of the protocol they know: it reads the rights that are
// desired and the client's revision, and writes that of the server in front of the handle,
// which open makes. There are no features to announce.
func OpenAtRevision(c *dcerpc.Call, revision uint32, open func(desired Access) (Status, error)) (Status, error) {
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
	c.Out.U32(revision)
	c.Out.U32(0) // features
	if version != 1 {
		c.Out.Handle(ndr.Handle{})
		return NotSupported, nil
	}
	c.In.U32() // revision and features of the client
	c.In.U32()
	status, err := open(desired)
	if status != OK {
		c.Out.Handle(ndr.Handle{})
	}
	return status, err
}

// Close is the operation that closes any handle of S.
func Close[S any](c *dcerpc.Call) (Status, error) {
	_, id, err := dcerpc.HandleOf[Object[S]](c)
	if err != nil {
		return 0, err
	}
	c.Handles.Remove(id)
	c.Out.Handle(ndr.Handle{})
	return OK, nil
}

// QuerySecurity is the operation that tells the security descriptor of any object of S.
func QuerySecurity[S any](c *dcerpc.Call) (Status, error) {
	o, _, err := dcerpc.HandleOf[Object[S]](c)
	parts := c.In.U32()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	r := o.rights()
	if !r.Has(needForSecurity(parts)) {
		return AccessDenied, nil
	}
	r.Class.appendSecurity(c.Out, parts)
	return OK, nil
}
