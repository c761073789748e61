// Package ntapi holds what the interfaces to accounts and policy ([MS-SAMR],
// [MS-LSAD], [MS-LSAT]) share: their result codes, how handles get their rights, and
// enumerations.
package ntapi

// Status is the NTSTATUS that an operation returns as its last result, [MS-ERREF] 2.3.
type Status uint32

// The statuses that are returned.
const (
	OK                       Status = 0x00000000
	MoreEntries              Status = 0x00000105
	SomeNotMapped            Status = 0x00000107
	NoMoreEntries            Status = 0x8000001A
	InvalidInfoClass         Status = 0xC0000003
	InvalidHandle            Status = 0xC0000008
	InvalidParameter         Status = 0xC000000D
	AccessDenied             Status = 0xC0000022
	ObjectNameNotFound       Status = 0xC0000034
	NoSuchPrivilege          Status = 0xC0000060
	NoSuchUser               Status = 0xC0000064
	NoSuchGroup              Status = 0xC0000066
	NoneMapped               Status = 0xC0000073
	NotSupported             Status = 0xC00000BB
	InvalidDomainState       Status = 0xC00000DD
	NoSuchDomain             Status = 0xC00000DF
	InternalDBError          Status = 0xC0000158
	NoSuchAlias              Status = 0xC0000151
	DirectoryServiceRequired Status = 0xC00002B1
)

// Mapped returns the status of a translation of which n of total succeeded, [MS-LSAT]
// 3.1.4.5 and [MS-SAMR] 3.1.5.11.2.
func Mapped(n, total int) Status {
	switch {
	case n == total:
		return OK
	case n == 0:
		return NoneMapped
	}
	return SomeNotMapped
}
