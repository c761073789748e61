package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// A handle is what a context handle stands for, [MS-LSAD] 3.1.1.7.
type handle interface {
	rights() (*ntapi.Class, ntapi.Access)
}

type policyHandle struct{ granted ntapi.Access }

type accountHandle struct {
	granted ntapi.Access
	sid     vfs.SID
}

func (h *policyHandle) rights() (*ntapi.Class, ntapi.Access)  { return &policyClass, h.granted }
func (h *accountHandle) rights() (*ntapi.Class, ntapi.Access) { return &accountClass, h.granted }

// Rights to the policy, [MS-LSAD] 2.2.1.1.2.
const (
	policyViewLocal   ntapi.Access = 0x0001
	policyViewAudit   ntapi.Access = 0x0002
	policyGetPrivate  ntapi.Access = 0x0004
	policyWrite       ntapi.Access = 0x07f8 // all that change something
	policyLookupNames ntapi.Access = 0x0800
	policyNotify      ntapi.Access = 0x1000
)

var policyClass = ntapi.Class{
	Read:    ntapi.StandardRead | policyViewAudit | policyGetPrivate,
	Write:   ntapi.StandardWrite | policyWrite,
	Execute: ntapi.StandardExec | policyViewLocal | policyLookupNames,
	All:     ntapi.StandardAll | policyViewLocal | policyViewAudit | policyGetPrivate | policyWrite | policyLookupNames | policyNotify,
	Users:   ntapi.StandardExec | policyViewLocal | policyLookupNames,
}

// Rights to an account, [MS-LSAD] 2.2.1.1.3.
const (
	accountView   ntapi.Access = 0x01
	accountChange ntapi.Access = 0x0e
)

var accountClass = ntapi.Class{
	Read:    ntapi.StandardRead | accountView,
	Write:   ntapi.StandardWrite | accountChange,
	Execute: ntapi.StandardExec,
	All:     ntapi.StandardAll | accountView | accountChange,
	Users:   ntapi.StandardExec, // [MS-LSAD] 3.1.1.3, note 50
}

// open makes a handle. make is called with the rights that it gets.
func open(ctx context.Context, c *dcerpc.Call, class *ntapi.Class, desired ntapi.Access, make func(granted ntapi.Access) any) (ntapi.Status, error) {
	if err := c.In.Err(); err != nil {
		return 0, err
	}
	granted, ok := class.Open(ctx, desired)
	if !ok {
		return ntapi.AccessDenied, nil
	}
	id, err := c.Handles.New(make(granted))
	if err != nil {
		return 0, err
	}
	c.Out.Handle(id)
	return ntapi.OK, nil
}

// policyOf reads a handle of the policy, which must have the rights need. [MS-LSAD]
// 3.1.4.2.2
func policyOf(c *dcerpc.Call, need ntapi.Access) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[handle](c)
	if err != nil {
		return 0, err
	}
	p, ok := h.(*policyHandle)
	switch {
	case !ok:
		return ntapi.InvalidHandle, nil
	case p.granted&need != need:
		return ntapi.AccessDenied, nil
	}
	return ntapi.OK, nil
}

// close is LsarClose, [MS-LSAD] 3.1.4.9.4.
func (v *service) close(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	_, id, err := dcerpc.HandleOf[handle](c)
	if err != nil {
		return 0, err
	}
	c.Handles.Remove(id)
	c.Out.Handle(ndr.Handle{})
	return ntapi.OK, nil
}

// querySecurity is LsarQuerySecurityObject, [MS-LSAD] 3.1.4.9.1.
func (v *service) querySecurity(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	h, _, err := dcerpc.HandleOf[handle](c)
	parts := c.In.U32()
	if err != nil || c.In.Err() != nil {
		return 0, err
	}
	class, granted := h.rights()
	if need := ntapi.NeedForSecurity(parts); granted&need != need {
		return ntapi.AccessDenied, nil
	}
	class.AppendSecurity(c.Out, parts)
	return ntapi.OK, nil
}
