// Package smb2 is the wire format of SMB 2.0.2 to 3.1.1: headers, messages, create
// and negotiate contexts of [MS-SMB2], the information structures and control
// payloads of [MS-FSCC], and NTSTATUS codes.
//
// Every type has a function ParseX, which checks everything once and returns a
// value whose slices alias its input, and a method Append, which writes it. The
// package does no I/O and keeps no state.
//
// [MS-SMB2]: https://learn.microsoft.com/openspecs/windows_protocols/ms-smb2
// [MS-FSCC]: https://learn.microsoft.com/openspecs/windows_protocols/ms-fscc
package smb2
