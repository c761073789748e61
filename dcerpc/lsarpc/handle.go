package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/vfs"
)

// A handle is what a context handle stands for.
type (
	handle  = ntapi.Object[service]
	granted = ntapi.Rights[service]
)

type policyHandle struct{ granted }

type accountHandle struct {
	granted
	sid vfs.SID
}

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
	case !p.Has(need):
		return ntapi.AccessDenied, nil
	}
	return ntapi.OK, nil
}

// close is LsarClose, [MS-LSAD] 3.1.4.9.4.
func (*service) close(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.Close[service](c)
}

// querySecurity is LsarQuerySecurityObject, [MS-LSAD] 3.1.4.9.1.
func (*service) querySecurity(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.QuerySecurity[service](c)
}
