// Package ntlm lets clients of an SMB server log on with a name and a password,
// by the protocol of [MS-NLMP].
//
// A [Mechanism] goes into smb.Server.Mechanisms. It asks its [Accounts] about
// every attempt; [Static] is a fixed table, [OpenSmbpasswd] and [OpenKsmbdpwd] read the
// files that Samba's smbpasswd and ksmbd.adduser write, and an application with a user
// table of its own has a [Lookup], a function. [FirstOf] makes one of several, and
// [Grouped] adds groups from a file. [EditSmbpasswd] and [EditKsmbdpwd] change the files.
//
// NTLM never shows the server a password, not even a hash of one. So a store
// needs each user's NT hash (see [HashOf]): bcrypt and the like can't check a
// logon. What it can do instead is implement [Accounts] and ask somebody who has the hash,
// a domain controller say, with the fields of the [Attempt].
//
// # Changes
//
// Files are read again when they changed. While somebody has a session his account is
// looked at every smb.Limits.RecheckInterval, 10 s by default: if it was removed or
// disabled, the session ends and its files are closed; if its password, groups or
// privileges changed, the client has to log on again, which most do by themselves.
// Stores of one's own take part by [Logon].Recheck.
//
// # What is accepted
//
// NTLMv2, with or without key exchange. NTLMv1, NTLMv1 with extended session
// security and LMv2 are accepted only if Mechanism.NTLMv1 or Attempt.NTLMv1 says
// so; responses made from the LM hash never are. Guests and anonymous logons are
// off. An account without a password can't log on.
//
// The message integrity code is verified whenever the client says that it sent
// one. As [MS-NLMP] 3.1.5.1.2 has it, a client should but need not; see
// Mechanism.RequireMIC. The time in an NTLMv2 response isn't compared with the
// clock, as in Windows after 7, [MS-NLMP] <69>: the challenge is fresh and good
// for one connection, so an old response is of no use.
package ntlm
