// Package krb lets clients of an SMB server log on with Kerberos tickets, [MS-KILE]
// and RFC 4121: single sign-on in an Active Directory domain, a FreeIPA or a plain MIT
// or Heimdal realm.
//
// A [Mechanism] goes into smb.Server.Mechanisms, before that of package ntlm, which then
// serves clients without a ticket. All it needs is the service's key, in a keytab:
//
//	mech, err := krb.Open("/etc/krb5.keytab")
//	...
//	srv.Mechanisms = []smb.Mechanism{mech, ntlm.New(accounts)}
//
// It talks to no KDC and reads no krb5.conf. Clients find the service by the name by which
// they call the server: \\files.example.com\share needs a key for the service
// cifs/files.example.com, and \\10.1.2.3\share never uses Kerberos.
//
// # Who it is
//
// A ticket of an Active Directory KDC carries a PAC, [MS-PAC]: the user's name, domain,
// SID and groups, which go into the vfs.Caller. Its server signature must verify and it must
// be about the ticket's client; a PAC that fails is refused, not ignored. The KDC's own
// signatures can't be checked without its key. SIDs that belong to this machine, such as
// BUILTIN\Administrators, are never taken from a PAC, [MS-PAC] 4.1.2.2.
//
// Without a PAC, or with one that says nothing about the user, as that of MIT's KDC,
// [Mechanism.Map] makes a caller of the principal. Its default, [LocalUser], takes users of
// the service's own realm who have a name of one part: ann@EXAMPLE.COM is ann of the domain
// EXAMPLE.COM. Users of other realms and names with an instance, such as ann/admin or
// host/client.example.com, are refused, since nobody has said who they are here.
//
// # What is accepted
//
// Tickets and subkeys with AES, with SHA-1 or SHA-2; RC4 if Mechanism.RC4 says so; DES and
// triple DES never. Either name of the mechanism, with SPNEGO around it or without, with
// mutual authentication or without, also in the three legs of DCE. The session ends with
// the ticket; clients then bring a new one.
//
// An authenticator is good once. The cache that sees to that is in memory, so one that was
// caught within [Mechanism.MaxSkew] before a restart could come again; it doesn't give who
// sends it the session's key.
//
// Credentials that a client delegates are neither decrypted nor kept.
package krb
