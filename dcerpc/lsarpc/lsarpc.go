// Package lsarpc is the Local Security Authority, [MS-LSAD] and [MS-LSAT]: the interface
// by which clients turn SIDs into names and names into SIDs, as Explorer does for the
// Security tab, and look at the policy of the server.
//
// It is for users; guests and anonymous callers get STATUS_ACCESS_DENIED. Who has which
// rights is for administrators, but for the list of the groups that have any.
//
// # Limitations
//
// Nothing can be changed, and secrets and trusted domains don't exist: operations that make
// or change something return STATUS_ACCESS_DENIED, others find nothing. SIDs that only a
// domain controller knows have no names here, unless their owner is logged on.
// LsarLookupSids3 and LsarLookupNames4 are for domain controllers, and not for pipes.
package lsarpc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/vfs"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "lsarpc"

// Server is what the operations tell about. ctx carries the caller of the session as it
// came to Conn.Write. Implementations must be safe for concurrent use.
type Server interface {
	// Policy describes the server.
	Policy(ctx context.Context) Policy
	// NamesOf and SIDsOf translate; they return an element for each that was asked for.
	// A name may be NAME, DOMAIN\NAME, NAME@DOMAIN or DOMAIN; the empty one is that of
	// Builtin.
	NamesOf(ctx context.Context, sids []vfs.SID) ([]Name, error)
	SIDsOf(ctx context.Context, names []string) ([]Name, error)
	// Holders are those to whom rights are given, in an order that lasts.
	Holders(ctx context.Context) []Holder
}

// Policy describes the server, [MS-LSAD] 3.1.1.1.
type Policy struct {
	Name string  // of the account domain, which is that of the server
	SID  vfs.SID // of the same

	Domain    string  // that the server is in, or workgroup; WORKGROUP if empty
	DomainSID vfs.SID // empty: it is a workgroup
	DNSDomain string
	Forest    string
}

// Name is the translation of a SID or of a name.
type Name struct {
	// Kind is PrincipalUnknown, or zero, if there is no translation. The domain may be
	// known still.
	Kind   vfs.PrincipalKind
	Name   string
	SID    vfs.SID
	Domain string
	// DomainSID is that of a domain itself if Name is one; empty if the domain is not
	// known.
	DomainSID vfs.SID
}

// known reports whether there is a translation.
func (n Name) known() bool { return n.Kind != 0 && n.Kind != vfs.PrincipalUnknown }

// Holder is somebody who was given rights: names of privileges and of ways to log on,
// [MS-LSAD] 3.1.1.2.
type Holder struct {
	SID    vfs.SID
	Rights []string
}

// Interface returns the lsarpc interface over s.
func Interface(s Server) dcerpc.Interface {
	v := &service{s}
	return dcerpc.Interface{UUID: dcerpc.MustUUID("12345778-1234-abcd-ef00-0123456789ab"), Call: v.call}
}

// service holds the operations.
type service struct{ server Server }

// operation reads its parameters, and writes its results unless it fails; zeros is how many
// 32-bit zeros stand for them otherwise.
type operation struct {
	run   func(v *service, ctx context.Context, c *dcerpc.Call) (ntapi.Status, error)
	zeros int
}

// operations are indexed by operation number, [MS-LSAD] 3.1.4 and [MS-LSAT] 3.1.4.
var operations = map[uint16]operation{
	0:  {(*service).close, 5},
	2:  {(*service).enumeratePrivileges, 3},
	3:  {(*service).querySecurity, 1},
	4:  {refuse, 0}, // LsarSetSecurityObject
	6:  {(*service).openPolicy, 5},
	7:  {(*service).queryPolicy, 1},
	8:  {refuse, 0}, // LsarSetInformationPolicy
	10: {refuse, 5}, // LsarCreateAccount
	11: {(*service).enumerateAccounts, 3},
	12: {noDirectory, 5}, // LsarCreateTrustedDomain
	13: {noTrusts, 3},    // LsarEnumerateTrustedDomains
	14: {(*service).lookupNames, 0},
	15: {(*service).lookupSIDs, 0},
	16: {refuse, 5}, // LsarCreateSecret
	17: {(*service).openAccount, 5},
	18: {(*service).accountPrivileges, 1},
	19: {refuse, 0}, // LsarAddPrivilegesToAccount
	20: {refuse, 0}, // LsarRemovePrivilegesFromAccount
	23: {(*service).systemAccess, 1},
	24: {refuse, 0},      // LsarSetSystemAccessAccount
	25: {noDirectory, 5}, // LsarOpenTrustedDomain
	26: {wrongHandle, 1}, // LsarQueryInfoTrustedDomain
	27: {wrongHandle, 0}, // LsarSetInformationTrustedDomain
	28: {notFound, 5},    // LsarOpenSecret
	29: {wrongHandle, 0}, // LsarSetSecret
	30: {wrongHandle, 4}, // LsarQuerySecret
	31: {(*service).privilegeValue, 2},
	32: {(*service).privilegeName, 1},
	33: {(*service).privilegeDisplayName, 2},
	34: {deleteObject, 5},
	35: {(*service).accountsWithRight, 2},
	36: {(*service).accountRights, 2},
	37: {refuse, 0},      // LsarAddAccountRights
	38: {refuse, 0},      // LsarRemoveAccountRights
	39: {noDirectory, 1}, // LsarQueryTrustedDomainInfo
	40: {noDirectory, 0}, // LsarSetTrustedDomainInfo
	41: {noDirectory, 0}, // LsarDeleteTrustedDomain
	42: {refuse, 0},      // LsarStorePrivateData
	43: {notFound, 1},    // LsarRetrievePrivateData
	44: {(*service).openPolicy2, 5},
	45: {(*service).userName, 2},
	46: {(*service).queryPolicy, 1},
	47: {refuse, 0},      // LsarSetInformationPolicy2
	48: {notFound, 1},    // LsarQueryTrustedDomainInfoByName
	49: {notFound, 0},    // LsarSetTrustedDomainInfoByName
	50: {noTrusts, 3},    // LsarEnumerateTrustedDomainsEx
	51: {noDirectory, 5}, // LsarCreateTrustedDomainEx
	53: {(*service).queryDomainPolicy, 1},
	54: {refuse, 0},   // LsarSetDomainInformationPolicy
	55: {notFound, 5}, // LsarOpenTrustedDomainByName
	57: {(*service).lookupSIDs2, 0},
	58: {(*service).lookupNames2, 0},
	59: {noDirectory, 5}, // LsarCreateTrustedDomainEx2
	68: {(*service).lookupNames3, 0},
	73: {noForest, 1},       // LsarQueryForestTrustInformation
	74: {noForest, 1},       // LsarSetForestTrustInformation
	76: {otherTransport, 0}, // LsarLookupSids3
	77: {otherTransport, 0}, // LsarLookupNames4

	129: {noDirectory, 5}, // LsarCreateTrustedDomainEx3
	130: {(*service).openPolicy3, 0},
	132: {noForest, 1}, // LsarQueryForestTrustInformation2
	133: {noForest, 1}, // LsarSetForestTrustInformation2
	135: {(*service).openPolicyWithCreds, 0},
	136: {notFound, 5},    // LsarOpenSecret2
	137: {refuse, 5},      // LsarCreateSecret2
	138: {wrongHandle, 0}, // LsarSetSecret2
	139: {wrongHandle, 4}, // LsarQuerySecret2
	140: {refuse, 0},      // LsarStorePrivateData2
	141: {notFound, 1},    // LsarRetrievePrivateData2
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op, ok := operations[c.Opnum]
	if !ok {
		return dcerpc.FaultOpRange
	}
	status, err := op.run(v, ctx, c)
	return ntapi.Finish(c, op.zeros, status, err)
}
