package lsarpc

import (
	"context"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/ntapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

type privilege struct {
	luid        uint32
	name        string
	description string
}

// privileges are those of [MS-LSAD] 3.1.1.2.1, in the order of their LUIDs, whose high part
// is zero.
var privileges = []privilege{
	{2, "SeCreateTokenPrivilege", "Create a token object"},
	{3, "SeAssignPrimaryTokenPrivilege", "Replace a process-level token"},
	{4, "SeLockMemoryPrivilege", "Lock pages in memory"},
	{5, "SeIncreaseQuotaPrivilege", "Adjust memory quotas for a process"},
	{6, "SeMachineAccountPrivilege", "Add workstations to domain"},
	{7, "SeTcbPrivilege", "Act as part of the operating system"},
	{8, "SeSecurityPrivilege", "Manage auditing and security log"},
	{9, "SeTakeOwnershipPrivilege", "Take ownership of files or other objects"},
	{10, "SeLoadDriverPrivilege", "Load and unload device drivers"},
	{11, "SeSystemProfilePrivilege", "Profile system performance"},
	{12, "SeSystemtimePrivilege", "Change system time"},
	{13, "SeProfileSingleProcessPrivilege", "Profile single process"},
	{14, "SeIncreaseBasePriorityPrivilege", "Increase scheduling priority"},
	{15, "SeCreatePagefilePrivilege", "Create a page file"},
	{16, "SeCreatePermanentPrivilege", "Create permanent shared objects"},
	{17, "SeBackupPrivilege", "Back up files and directories"},
	{18, "SeRestorePrivilege", "Restore files and directories"},
	{19, "SeShutdownPrivilege", "Shut down the system"},
	{20, "SeDebugPrivilege", "Debug programs"},
	{21, "SeAuditPrivilege", "Generate security audits"},
	{22, "SeSystemEnvironmentPrivilege", "Modify firmware environment values"},
	{23, "SeChangeNotifyPrivilege", "Bypass traverse checking"},
	{24, "SeRemoteShutdownPrivilege", "Force shutdown from a remote system"},
	{25, "SeUndockPrivilege", "Remove computer from docking station"},
	{26, "SeSyncAgentPrivilege", "Synchronize directory service data"},
	{27, "SeEnableDelegationPrivilege", "Enable computer and user accounts to be trusted for delegation"},
	{28, "SeManageVolumePrivilege", "Manage the files on a volume"},
	{29, "SeImpersonatePrivilege", "Impersonate a client after authentication"},
	{30, "SeCreateGlobalPrivilege", "Create global objects"},
	{31, "SeTrustedCredManAccessPrivilege", "Access Credential Manager as a trusted caller"},
	{32, "SeRelabelPrivilege", "Modify an object label"},
	{33, "SeIncreaseWorkingSetPrivilege", "Increase a process working set"},
	{34, "SeTimeZonePrivilege", "Change time zone"},
	{35, "SeCreateSymbolicLinkPrivilege", "Create symbolic links"},
}

// logonRights are the ways to log on, [MS-LSAD] 3.1.1.2.2.
var logonRights = map[string]uint32{
	"SeInteractiveLogonRight":           0x001,
	"SeNetworkLogonRight":               0x002,
	"SeBatchLogonRight":                 0x004,
	"SeServiceLogonRight":               0x010,
	"SeDenyInteractiveLogonRight":       0x040,
	"SeDenyNetworkLogonRight":           0x080,
	"SeDenyBatchLogonRight":             0x100,
	"SeDenyServiceLogonRight":           0x200,
	"SeRemoteInteractiveLogonRight":     0x400,
	"SeDenyRemoteInteractiveLogonRight": 0x800,
}

// privilegeNamed returns the index of a privilege, -1 if there is none of that name.
func privilegeNamed(name string) int {
	for i, p := range privileges {
		if strings.EqualFold(p.name, name) {
			return i
		}
	}
	return -1
}

// appendLUID writes a LUID.
func appendLUID(c *ndr.Encoder, low uint32) {
	c.U32(low)
	c.U32(0)
}

// enumeratePrivileges is LsarEnumeratePrivileges, [MS-LSAD] 3.1.4.8.1. The last fragment
// comes with STATUS_SUCCESS, as from Windows, and STATUS_NO_MORE_ENTRIES when there is
// nothing left.
func (v *service) enumeratePrivileges(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyViewLocal)
	from, limit := c.In.U32(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	rest := ntapi.From(privileges, from)
	fit := ntapi.Fit(rest, limit, func(p privilege) int { return 16 + 2*len(p.name) })
	c.Out.U32(from + uint32(len(fit)))
	out := ndr.NewConstruct(c.Out)
	out.List(len(fit), func(out *ndr.Construct, i int) {
		out.TerminatedString(fit[i].name)
		appendLUID(out.Encoder, fit[i].luid)
	})
	out.End()
	return fragment(len(fit), len(rest)), nil
}

// fragment is the status of an enumeration that returned n of those that remained.
func fragment(n, remained int) ntapi.Status {
	switch {
	case remained == 0:
		return ntapi.NoMoreEntries
	case n < remained:
		return ntapi.MoreEntries
	}
	return ntapi.OK
}

// privilegeValue is LsarLookupPrivilegeValue, [MS-LSAD] 3.1.4.8.2.
func (v *service) privilegeValue(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyLookupNames)
	name := c.In.WholeUnicodeString()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	i := privilegeNamed(name)
	if i < 0 {
		return ntapi.NoSuchPrivilege, nil
	}
	appendLUID(c.Out, privileges[i].luid)
	return ntapi.OK, nil
}

// privilegeName is LsarLookupPrivilegeName, [MS-LSAD] 3.1.4.8.3.
func (v *service) privilegeName(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	status, err := policyOf(c, policyLookupNames)
	low, high := c.In.U32(), c.In.U32()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	for _, p := range privileges {
		if p.luid == low && high == 0 {
			appendText(c.Out, p.name)
			return ntapi.OK, nil
		}
	}
	return ntapi.NoSuchPrivilege, nil
}

// appendText writes a pointer to a string.
func appendText(e *ndr.Encoder, s string) {
	e.PtrTo(func(c *ndr.Construct) { c.TerminatedString(s) })
}

// privilegeDisplayName is LsarLookupPrivilegeDisplayName, [MS-LSAD] 3.1.4.8.4. The
// descriptions are in one language.
func (v *service) privilegeDisplayName(_ context.Context, c *dcerpc.Call) (ntapi.Status, error) {
	const american = 0x0409
	status, err := policyOf(c, policyLookupNames)
	name := c.In.WholeUnicodeString()
	c.In.U16()
	c.In.U16()
	if status != ntapi.OK || err != nil || c.In.Err() != nil {
		return status, err
	}
	i := privilegeNamed(name)
	if i < 0 {
		return ntapi.NoSuchPrivilege, nil
	}
	appendText(c.Out, privileges[i].description)
	c.Out.U16(american)
	return ntapi.OK, nil
}
