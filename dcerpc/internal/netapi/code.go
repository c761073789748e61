// Package netapi holds what the interfaces by which a server is managed ([MS-SRVS],
// [MS-WKST], [MS-RRP], [MS-SCMR]) share: their result codes, and for the first two structures and
// enumerations, which all have the same shape.
package netapi

import "strings"

// Code is what an operation returns as its last result: a Win32
// error ([MS-ERREF] 2.2) or one of the NERR codes of [MS-SRVS] 2.2.2.10.
type Code uint32

// The codes that are returned.
const (
	OK                 Code = 0
	FileNotFound       Code = 2
	AccessDenied       Code = 5
	InvalidData        Code = 13
	NotSupported       Code = 50
	InvalidParameter   Code = 87
	CallNotImplemented Code = 120
	InsufficientBuffer Code = 122
	InvalidName        Code = 123
	InvalidLevel       Code = 124
	MoreData           Code = 234
	NoMoreItems        Code = 259
	InvalidFlags       Code = 1004
	NotFound           Code = 1168
	DeviceNotAvailable Code = 4319

	ServiceAlreadyRunning Code = 1056
	ServiceDoesNotExist   Code = 1060
	ServiceNotActive      Code = 1062
	DatabaseDoesNotExist  Code = 1065
	NoSuchLogonSession    Code = 1312
	InvalidPrinterName    Code = 1801

	NErrUnknownDevDir      Code = 2116
	NErrDuplicateShare     Code = 2118
	NErrBufTooSmall        Code = 2123
	NErrUseNotFound        Code = 2250
	NErrUserNotFound       Code = 2221
	NErrNetNameNotFound    Code = 2310
	NErrDeviceNotShared    Code = 2311
	NErrClientNameNotFound Code = 2312
	NErrFileIDNotFound     Code = 2314
	NErrInvalidComputer    Code = 2351
)

// RemoteDisabled is RPC_E_REMOTE_DISABLED, with which Windows refuses operations on its
// membership of a domain that come over the network.
const RemoteDisabled Code = 0x8001011c

// SameName compares names of shares, users and computers, which have no case.
func SameName(a, b string) bool { return strings.EqualFold(a, b) }
