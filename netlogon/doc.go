// Package netlogon lets the users of a Windows or Samba domain log on to an SMB server
// by NTLM: a domain controller checks each response and tells who the user is and in
// which groups, by the protocol of [MS-NRPC]. That is NTLM pass-through authentication,
// [MS-APDS] 3.1.5.2.
//
// The server needs a machine account in the domain, and its password:
//
//	domain, err := netlogon.New(netlogon.Config{
//		Domain:    "EXAMPLE",
//		DNSDomain: "example.com",
//		Computer:  "FILES", // the account is FILES$
//		Secret:    netlogon.PasswordFile("/etc/smb/machine-password"),
//	})
//	...
//	server.Mechanisms = []smb.Mechanism{domain.Mechanism()}
//
// An account is made by "samba-tool computer create" or "djoin", say, and its password
// set by "samba-tool user setpassword FILES$" or Reset-ComputerMachinePassword.
// [Accounts.Renew] changes it; nothing does so by itself.
//
// To have local users as well, make [Accounts] the last of an ntlm.FirstOf: stores that
// know the user decide. A user of the domain who is to be an administrator of this server
// needs vfs.SIDAdministrators in his Caller.Groups, which an ntlm.Accounts around this one
// can add, by SID: ntlm.Grouped goes by the name alone, whatever the domain. The
// controller's own BUILTIN groups are left out.
//
// # Security
//
// The channel is protected by AES, or there is none: nothing older is negotiated, and
// what was negotiated is confirmed over the protected channel. A controller proves that
// it knows the machine's password, and answers that aren't sealed by the key that
// follows from that are not accepted. A response to a challenge of another machine is
// refused here and there (CVE-2015-0005). NTLMv1 goes to a controller only if the
// ntlm.Mechanism allows it, and responses made from the LM hash never do.
//
// # When no controller answers
//
// A channel that broke, or whose key a controller forgot, is set up again, once per
// logon, with the first controller that will. Without any, the client is told
// STATUS_NO_LOGON_SERVERS, and the server's log says what went wrong with each.
//
// # Limitations
//
// Controllers older than Windows Server 2008 R2 and Samba 4.0 don't do AES. Sessions aren't told of changes in the domain: who
// is disabled there, or leaves a group, has what he had until he logs on again, for which
// there is smb.Server.EndSessions. Only the end of a user's logon hours is heeded. Users of trusted domains are checked by way of
// the own domain's controller, which has to know how.
package netlogon
