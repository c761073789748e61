package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// A handle is what a context handle stands for, [MS-SAMR] 3.1.1.10. An object that was
// removed meanwhile is found missing by the next operation.
type handle interface {
	rights() (*ntapi.Class, ntapi.Access)
}

type serverHandle struct{ granted ntapi.Access }

type domainHandle struct {
	granted ntapi.Access
	sid     vfs.SID
}

// account is what handles of users, groups and aliases hold.
type account struct {
	granted ntapi.Access
	domain  vfs.SID
	rid     uint32
}

type (
	userHandle  struct{ account }
	groupHandle struct{ account }
	aliasHandle struct{ account }
)

func (h *serverHandle) rights() (*ntapi.Class, ntapi.Access) { return &serverClass, h.granted }
func (h *domainHandle) rights() (*ntapi.Class, ntapi.Access) { return &domainClass, h.granted }
func (h *userHandle) rights() (*ntapi.Class, ntapi.Access)   { return &userClass, h.granted }
func (h *groupHandle) rights() (*ntapi.Class, ntapi.Access)  { return &groupClass, h.granted }
func (h *aliasHandle) rights() (*ntapi.Class, ntapi.Access)  { return &aliasClass, h.granted }

// Rights to the server, [MS-SAMR] 2.2.1.3.
const (
	serverConnect    ntapi.Access = 0x01
	serverShutdown   ntapi.Access = 0x02
	serverInitialize ntapi.Access = 0x04
	serverCreate     ntapi.Access = 0x08
	serverEnumerate  ntapi.Access = 0x10
	serverLookup     ntapi.Access = 0x20
)

var serverClass = ntapi.Class{
	Read:    ntapi.StandardRead | serverEnumerate,
	Write:   ntapi.StandardWrite | serverCreate | serverInitialize | serverShutdown,
	Execute: ntapi.StandardExec | serverLookup | serverConnect,
	All:     ntapi.StandardAll | 0x3f,
}

// Rights to a domain, [MS-SAMR] 2.2.1.4.
const (
	domainReadPassword  ntapi.Access = 0x001
	domainWritePassword ntapi.Access = 0x002
	domainReadOther     ntapi.Access = 0x004
	domainWriteOther    ntapi.Access = 0x008
	domainCreateUser    ntapi.Access = 0x010
	domainCreateGroup   ntapi.Access = 0x020
	domainCreateAlias   ntapi.Access = 0x040
	domainGetMembership ntapi.Access = 0x080
	domainList          ntapi.Access = 0x100
	domainLookup        ntapi.Access = 0x200
	domainAdminister    ntapi.Access = 0x400
)

var domainClass = ntapi.Class{
	Read: ntapi.StandardRead | domainReadOther | domainGetMembership,
	Write: ntapi.StandardWrite | domainWritePassword | domainWriteOther | domainCreateUser | domainCreateGroup |
		domainCreateAlias | domainAdminister,
	Execute: ntapi.StandardExec | domainReadPassword | domainList | domainLookup,
	All:     ntapi.StandardAll | 0x7ff,
}

// Rights to a group, [MS-SAMR] 2.2.1.5.
const (
	groupRead         ntapi.Access = 0x01
	groupWrite        ntapi.Access = 0x02
	groupAddMember    ntapi.Access = 0x04
	groupRemoveMember ntapi.Access = 0x08
	groupListMembers  ntapi.Access = 0x10
)

var groupClass = ntapi.Class{
	Read:    ntapi.StandardRead | groupListMembers,
	Write:   ntapi.StandardWrite | groupWrite | groupAddMember | groupRemoveMember,
	Execute: ntapi.StandardExec | groupRead,
	All:     ntapi.StandardAll | 0x1f,
}

// Rights to an alias, [MS-SAMR] 2.2.1.6.
const (
	aliasAddMember    ntapi.Access = 0x01
	aliasRemoveMember ntapi.Access = 0x02
	aliasListMembers  ntapi.Access = 0x04
	aliasRead         ntapi.Access = 0x08
	aliasWrite        ntapi.Access = 0x10
)

var aliasClass = ntapi.Class{
	Read:    ntapi.StandardRead | aliasListMembers,
	Write:   ntapi.StandardWrite | aliasWrite | aliasAddMember | aliasRemoveMember,
	Execute: ntapi.StandardExec | aliasRead,
	All:     ntapi.StandardAll | 0x1f,
}

// Rights to a user, [MS-SAMR] 2.2.1.7.
const (
	userReadGeneral      ntapi.Access = 0x001
	userReadPreferences  ntapi.Access = 0x002
	userWritePreferences ntapi.Access = 0x004
	userReadLogon        ntapi.Access = 0x008
	userReadAccount      ntapi.Access = 0x010
	userWriteAccount     ntapi.Access = 0x020
	userChangePassword   ntapi.Access = 0x040
	userForcePassword    ntapi.Access = 0x080
	userListGroups       ntapi.Access = 0x100
	userReadGroup        ntapi.Access = 0x200
	userWriteGroup       ntapi.Access = 0x400
)

var userClass = ntapi.Class{
	Read: ntapi.StandardRead | userReadPreferences | userReadLogon | userReadAccount | userListGroups | userReadGroup,
	Write: ntapi.StandardWrite | userWritePreferences | userWriteAccount | userChangePassword | userForcePassword |
		userWriteGroup,
	Execute: ntapi.StandardExec | userReadGeneral | userChangePassword,
	All:     ntapi.StandardAll | 0x7ff,
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

// close is SamrCloseHandle, [MS-SAMR] 3.1.5.13.1.
func (v *service) close(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	_, id, err := dcerpc.HandleOf[handle](c)
	if err != nil {
		return 0, err
	}
	c.Handles.Remove(id)
	c.Out.Handle(ndr.Handle{})
	return ntapi.OK, nil
}

// querySecurity is SamrQuerySecurityObject, [MS-SAMR] 3.1.5.12.2.2.
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
