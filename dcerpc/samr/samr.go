// Package samr is the Security Account Manager Remote Protocol, [MS-SAMR]: the interface
// by which administrators look at the users and groups of a server.
//
// As on Windows since 10 and Server 2016 every operation is for administrators
// ([MS-SAMR] 3.1.2.1); others get the fault ERROR_ACCESS_DENIED. Names for SIDs and SIDs
// for names are for all users, by package lsarpc.
//
// # Limitations
//
// Accounts can't be changed: operations that would, and those that change passwords,
// return STATUS_ACCESS_DENIED. Passwords and hashes are never told, and there is no policy
// for passwords to tell of. There are no machine accounts.
package samr

import (
	"context"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/vfs"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "samr"

// Server is what the operations tell about. ctx carries the caller of the session as it
// came to Conn.Write. Implementations must be safe for concurrent use.
type Server interface {
	// Domains returns the account domain of the server and Builtin. They are not
	// changed afterwards.
	Domains(ctx context.Context) (account, builtin *Domain, err error)
}

// Domain is a set of accounts whose SIDs begin with that of the domain.
type Domain struct {
	Name    string
	SID     vfs.SID
	Comment string

	// Accounts are in ascending order of RID, and no two have one RID, or names that
	// differ in case only.
	Accounts []Account
}

// Account is a user, a group, or an alias. Its SID and RID are set.
type Account struct {
	vfs.Principal

	// Members are those of a group or alias.
	Members []vfs.SID
}

// Interface returns the samr interface over s.
func Interface(s Server) dcerpc.Interface {
	v := &service{server: s, now: time.Now}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("12345778-1234-abcd-ef00-0123456789ac"),
		Major: 1,
		Call:  v.call,
	}
}

// service holds the operations.
type service struct {
	server Server
	now    func() time.Time
}

// operation reads its parameters, and writes its results unless it fails; zeros is how many
// 32-bit zeros stand for them otherwise.
type operation struct {
	run   func(v *service, ctx context.Context, c *dcerpc.Call) (ntapi.Status, error)
	zeros int
}

// operations are indexed by operation number, [MS-SAMR] 3.1.5. Those that change something
// are refused in one place; an account store that takes changes would be asked there.
var operations = map[uint16]operation{
	0:  {(*service).connect, 5},
	1:  {(*service).close, 5},
	2:  {refuse[handle], 0}, // SamrSetSecurityObject
	3:  {(*service).querySecurity, 1},
	5:  {(*service).lookupDomain, 1},
	6:  {(*service).enumerateDomains, 3},
	7:  {(*service).openDomain, 5},
	8:  {(*service).queryDomain, 1},
	9:  {refuse[*domainHandle], 0}, // SamrSetInformationDomain
	10: {refuse[*domainHandle], 6}, // SamrCreateGroupInDomain
	11: {(*service).enumerateGroups, 3},
	12: {refuse[*domainHandle], 6}, // SamrCreateUserInDomain
	13: {(*service).enumerateUsers, 3},
	14: {refuse[*domainHandle], 6}, // SamrCreateAliasInDomain
	15: {(*service).enumerateAliases, 3},
	16: {(*service).aliasMembership, 2},
	17: {(*service).lookupNames, 4},
	18: {(*service).lookupIDs, 4},
	19: {(*service).openGroup, 5},
	20: {(*service).queryGroup, 1},
	21: {refuse[*groupHandle], 0},       // SamrSetInformationGroup
	22: {refuse[*groupHandle], 0},       // SamrAddMemberToGroup
	23: {refuseHandle[*groupHandle], 5}, // SamrDeleteGroup
	24: {refuse[*groupHandle], 0},       // SamrRemoveMemberFromGroup
	25: {(*service).membersInGroup, 1},
	26: {refuse[*groupHandle], 0}, // SamrSetMemberAttributesOfGroup
	27: {(*service).openAlias, 5},
	28: {(*service).queryAlias, 1},
	29: {refuse[*aliasHandle], 0},       // SamrSetInformationAlias
	30: {refuseHandle[*aliasHandle], 5}, // SamrDeleteAlias
	31: {refuse[*aliasHandle], 0},       // SamrAddMemberToAlias
	32: {refuse[*aliasHandle], 0},       // SamrRemoveMemberFromAlias
	33: {(*service).membersInAlias, 2},
	34: {(*service).openUser, 5},
	35: {refuseHandle[*userHandle], 5}, // SamrDeleteUser
	36: {(*service).queryUser, 1},
	37: {refuse[*userHandle], 0}, // SamrSetInformationUser
	38: {refuse[*userHandle], 0}, // SamrChangePasswordUser
	39: {(*service).groupsForUser, 1},
	40: {(*service).queryDisplay, 2},
	41: {(*service).displayIndex, 1},
	44: {(*service).userPasswordInformation, 2},
	45: {refuse[*domainHandle], 0}, // SamrRemoveMemberFromForeignDomain
	46: {(*service).queryDomain, 1},
	47: {(*service).queryUser, 1},
	48: {(*service).queryDisplay, 2},
	49: {(*service).displayIndex, 1},
	50: {refuse[*domainHandle], 7}, // SamrCreateUser2InDomain
	51: {(*service).queryDisplay, 2},
	52: {refuse[*aliasHandle], 0}, // SamrAddMultipleMembersToAlias
	53: {refuse[*aliasHandle], 0}, // SamrRemoveMultipleMembersFromAlias
	54: {denied, 0},               // SamrOemChangePasswordUser2
	55: {denied, 0},               // SamrUnicodeChangePasswordUser2
	56: {(*service).passwordInformation, 2},
	57: {(*service).connect2, 5},
	58: {refuse[*userHandle], 0}, // SamrSetInformationUser2
	61: {(*service).connect4, 5}, // SamrConnect3
	62: {(*service).connect4, 5},
	64: {(*service).connect5, 0},
	65: {(*service).ridToSID, 1},
	66: {notSupported, 0}, // SamrSetDSRMPassword
	67: {denied, 1},       // SamrValidatePassword
	73: {denied, 0},       // SamrUnicodeChangePasswordUser4
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op, ok := operations[c.Opnum]
	switch {
	case !ok:
		return dcerpc.FaultOpRange
	case !ntapi.Admin(ctx):
		return dcerpc.FaultAccessDenied // [MS-SAMR] 3.1.2.1
	}
	status, err := op.run(v, ctx, c)
	return ntapi.Finish(c, op.zeros, status, err)
}

// denied answers what would change something: the parameters don't matter.
func denied(*service, context.Context, *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.AccessDenied, nil
}

// notSupported answers what only domain controllers do.
func notSupported(*service, context.Context, *dcerpc.Call) (ntapi.Status, error) {
	return ntapi.NotSupported, nil
}

// refuse is denied for operations on an object, whose handle must be one.
func refuse[T any](_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	_, _, err := dcerpc.HandleOf[T](c)
	return ntapi.AccessDenied, err
}

// refuseHandle is refuse for operations that would close the handle: it stays open, and is
// returned.
func refuseHandle[T any](_ *service, _ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	_, id, err := dcerpc.HandleOf[T](c)
	c.Out.Handle(id)
	return ntapi.AccessDenied, err
}
