// Package netapi holds what the remote network management interfaces ([MS-SRVS],
// [MS-WKST]) share: their result codes, and the enumerations, which all have the
// same shape.
package netapi

import "strings"

// Code is the NET_API_STATUS that an operation returns as its last result: a Win32
// error ([MS-ERREF] 2.2) or one of the NERR codes of [MS-SRVS] 2.2.2.10.
type Code uint32

// The codes that are returned.
const (
	OK                 Code = 0
	FileNotFound       Code = 2
	AccessDenied       Code = 5
	NotSupported       Code = 50
	InvalidParameter   Code = 87
	CallNotImplemented Code = 120
	InsufficientBuffer Code = 122
	InvalidName        Code = 123
	InvalidLevel       Code = 124
	MoreData           Code = 234
	NoMoreItems        Code = 259
	NotFound           Code = 1168
	DeviceNotAvailable Code = 4319

	NErrBufTooSmall        Code = 2123
	NErrUserNotFound       Code = 2221
	NErrNetNameNotFound    Code = 2310
	NErrDeviceNotShared    Code = 2311
	NErrClientNameNotFound Code = 2312
	NErrFileIDNotFound     Code = 2314
	NErrInvalidComputer    Code = 2351
)

// SameName compares names of shares, users and computers, which have no case.
func SameName(a, b string) bool { return strings.EqualFold(a, b) }
