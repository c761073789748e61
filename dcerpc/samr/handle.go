package samr

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/vfs"
)

// A handle is what a context handle stands for. An object that was removed meanwhile is
// found missing by the next operation.
type (
	handle  = ntapi.Object[service]
	granted = ntapi.Rights[service]
)

type serverHandle struct{ granted }

type domainHandle struct {
	granted
	sid vfs.SID
}

// account is what handles of users, groups and aliases hold.
type account struct {
	granted
	domain vfs.SID
	rid    uint32
}

type (
	userHandle  struct{ account }
	groupHandle struct{ account }
	aliasHandle struct{ account }
)

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

// close is SamrCloseHandle, [MS-SAMR] 3.1.5.13.1.
func (*service) close(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.Close[service](c)
}

// querySecurity is SamrQuerySecurityObject, [MS-SAMR] 3.1.5.12.2.2.
func (*service) querySecurity(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.QuerySecurity[service](c)
}
