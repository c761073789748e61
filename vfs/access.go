package vfs

// Access is an access mask, [MS-SMB2] 2.2.13.1 and [MS-DTYP] 2.4.3.
type Access uint32

// Specific and standard rights. Some bits have one name on files and another
// on directories.
const (
	ReadData        Access = 0x00000001
	ListDirectory   Access = 0x00000001
	WriteData       Access = 0x00000002
	AddFile         Access = 0x00000002
	AppendData      Access = 0x00000004
	AddSubdirectory Access = 0x00000004
	ReadEA          Access = 0x00000008
	WriteEA         Access = 0x00000010
	Execute         Access = 0x00000020
	Traverse        Access = 0x00000020
	DeleteChild     Access = 0x00000040
	ReadAttributes  Access = 0x00000080
	WriteAttributes Access = 0x00000100
	Delete          Access = 0x00010000
	ReadControl     Access = 0x00020000
	WriteDAC        Access = 0x00040000
	WriteOwner      Access = 0x00080000
	Synchronize     Access = 0x00100000

	AccessSystemSecurity Access = 0x01000000
	MaximumAllowed       Access = 0x02000000
	GenericAll           Access = 0x10000000
	GenericExecute       Access = 0x20000000
	GenericWrite         Access = 0x40000000
	GenericRead          Access = 0x80000000
)

// What the generic rights mean for files, [MS-SMB2] 2.2.13.1, and the sets that
// a Share.Allow hook returns.
const (
	// AccessRead reads content, attributes and the security descriptor.
	AccessRead = ReadData | ReadEA | ReadAttributes | ReadControl | Synchronize
	// AccessExecute runs programs.
	AccessExecute = Execute | ReadAttributes | ReadControl | Synchronize
	// AccessWrite changes content and attributes, but doesn't delete.
	AccessWrite = WriteData | AppendData | WriteEA | WriteAttributes | ReadControl | Synchronize
	// AccessReadOnly is what a read-only share grants.
	AccessReadOnly = AccessRead | AccessExecute
	// AccessChange is all but changing permissions and ownership.
	AccessChange = AccessReadOnly | AccessWrite | Delete | DeleteChild
	// AccessFull is everything.
	AccessFull Access = 0x001F01FF
)

// Expand replaces generic rights by the specific ones that they stand for.
func (a Access) Expand() Access {
	r := a &^ (GenericAll | GenericExecute | GenericWrite | GenericRead)
	if a&GenericAll != 0 {
		r |= AccessFull
	}
	if a&GenericExecute != 0 {
		r |= AccessExecute
	}
	if a&GenericWrite != 0 {
		r |= AccessWrite
	}
	if a&GenericRead != 0 {
		r |= AccessRead
	}
	return r
}
