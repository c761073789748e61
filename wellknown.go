package smb

import "github.com/gosmbd/smb/vfs"

// sidDomain is the beginning of SIDs under which names are given.
type sidDomain struct {
	sid  vfs.SID
	name string
}

// builtinDomain is that of the aliases which every machine has.
var builtinDomain = sidDomain{"S-1-5-32", "BUILTIN"}

// The domains of users and groups of Unix, as Samba calls them.
var (
	unixUserDomain  = sidDomain{"S-1-22-1", "Unix User"}
	unixGroupDomain = sidDomain{"S-1-22-2", "Unix Group"}
)

// principalLabel is SidTypeLabel of SID_NAME_USE, [MS-LSAT] 2.2.13: a mandatory label.
const principalLabel vfs.PrincipalKind = 10

// wellKnown are the SIDs that mean the same on every machine, and their names in English,
// as Windows spells them: [MS-LSAT] 3.1.1.1.1, [MS-DTYP] 2.4.2.4. They are not localised.
// A name without a domain is found under the SID without its last number.
var wellKnown = []struct {
	sid    vfs.SID
	kind   vfs.PrincipalKind
	domain string
	name   string
}{
	{"S-1-0-0", vfs.PrincipalWellKnown, "", "NULL SID"},
	{"S-1-1-0", vfs.PrincipalWellKnown, "", "Everyone"},
	{"S-1-2-0", vfs.PrincipalWellKnown, "", "LOCAL"},
	{"S-1-2-1", vfs.PrincipalWellKnown, "", "CONSOLE LOGON"},
	{"S-1-3-0", vfs.PrincipalWellKnown, "", "CREATOR OWNER"},
	{"S-1-3-1", vfs.PrincipalWellKnown, "", "CREATOR GROUP"},
	{"S-1-3-2", vfs.PrincipalWellKnown, "", "CREATOR OWNER SERVER"},
	{"S-1-3-3", vfs.PrincipalWellKnown, "", "CREATOR GROUP SERVER"},
	{"S-1-3-4", vfs.PrincipalWellKnown, "", "OWNER RIGHTS"},
	{"S-1-5-1", vfs.PrincipalWellKnown, ntAuthority, "DIALUP"},
	{"S-1-5-2", vfs.PrincipalWellKnown, ntAuthority, "NETWORK"},
	{"S-1-5-3", vfs.PrincipalWellKnown, ntAuthority, "BATCH"},
	{"S-1-5-4", vfs.PrincipalWellKnown, ntAuthority, "INTERACTIVE"},
	{"S-1-5-6", vfs.PrincipalWellKnown, ntAuthority, "SERVICE"},
	{"S-1-5-7", vfs.PrincipalWellKnown, ntAuthority, "ANONYMOUS LOGON"},
	{"S-1-5-8", vfs.PrincipalWellKnown, ntAuthority, "PROXY"},
	{"S-1-5-9", vfs.PrincipalWellKnown, ntAuthority, "ENTERPRISE DOMAIN CONTROLLERS"},
	{"S-1-5-10", vfs.PrincipalWellKnown, ntAuthority, "SELF"},
	{"S-1-5-11", vfs.PrincipalWellKnown, ntAuthority, "Authenticated Users"},
	{"S-1-5-12", vfs.PrincipalWellKnown, ntAuthority, "RESTRICTED"},
	{"S-1-5-13", vfs.PrincipalWellKnown, ntAuthority, "TERMINAL SERVER USER"},
	{"S-1-5-14", vfs.PrincipalWellKnown, ntAuthority, "REMOTE INTERACTIVE LOGON"},
	{"S-1-5-15", vfs.PrincipalWellKnown, ntAuthority, "This Organization"},
	{"S-1-5-17", vfs.PrincipalWellKnown, ntAuthority, "IUSR"},
	{"S-1-5-18", vfs.PrincipalWellKnown, ntAuthority, "SYSTEM"},
	{"S-1-5-19", vfs.PrincipalWellKnown, ntAuthority, "LOCAL SERVICE"},
	{"S-1-5-20", vfs.PrincipalWellKnown, ntAuthority, "NETWORK SERVICE"},
	{"S-1-5-33", vfs.PrincipalWellKnown, ntAuthority, "WRITE RESTRICTED"},
	{"S-1-5-113", vfs.PrincipalWellKnown, ntAuthority, "Local account"},
	{"S-1-5-114", vfs.PrincipalWellKnown, ntAuthority, "Local account and member of Administrators group"},
	{"S-1-5-1000", vfs.PrincipalWellKnown, ntAuthority, "Other Organization"},
	{"S-1-5-64-10", vfs.PrincipalWellKnown, ntAuthority, "NTLM Authentication"},
	{"S-1-5-64-14", vfs.PrincipalWellKnown, ntAuthority, "SChannel Authentication"},
	{"S-1-5-64-21", vfs.PrincipalWellKnown, ntAuthority, "Digest Authentication"},
	{"S-1-16-0", principalLabel, labels, "Untrusted Mandatory Level"},
	{"S-1-16-4096", principalLabel, labels, "Low Mandatory Level"},
	{"S-1-16-8192", principalLabel, labels, "Medium Mandatory Level"},
	{"S-1-16-8448", principalLabel, labels, "Medium Plus Mandatory Level"},
	{"S-1-16-12288", principalLabel, labels, "High Mandatory Level"},
	{"S-1-16-16384", principalLabel, labels, "System Mandatory Level"},
	{"S-1-16-20480", principalLabel, labels, "Protected Process Mandatory Level"},
	{"S-1-18-1", vfs.PrincipalWellKnown, "", "Authentication authority asserted identity"},
	{"S-1-18-2", vfs.PrincipalWellKnown, "", "Service asserted identity"},
}

const (
	ntAuthority = "NT AUTHORITY"
	labels      = "Mandatory Label"
)

// builtinAliases are the groups of BUILTIN on a machine that is no domain controller,
// [MS-SAMR] 3.1.4.2.
var builtinAliases = []struct {
	rid           uint32
	name, comment string
}{
	{544, "Administrators", "Members can fully administer the server"},
	{545, "Users", "Who has an account, and proved it"},
	{546, "Guests", "Who was let in without proof"},
	{547, "Power Users", "Members can share directories"},
	{550, "Print Operators", "Members can administer printers"},
	{551, "Backup Operators", "Members can bypass file security to back up files"},
	{552, "Replicator", "Supports file replication"},
	{555, "Remote Desktop Users", "Members can log on remotely"},
	{556, "Network Configuration Operators", "Members can manage the configuration of networking"},
	{558, "Performance Monitor Users", "Members can access performance counters"},
	{559, "Performance Log Users", "Members can schedule logging of performance counters"},
	{562, "Distributed COM Users", "Members can use distributed COM objects"},
	{568, "IIS_IUSRS", "Used by Internet Information Services"},
	{569, "Cryptographic Operators", "Members can perform cryptographic operations"},
	{573, "Event Log Readers", "Members can read event logs"},
}
