//go:build !unix

package smb

import (
	"errors"
	"syscall"

	"github.com/gosmbd/smb/smb2"
)

// Windows' error codes, [MS-ERREF] 2.2.
const (
	errorSharingViolation = 32
	errorHandleDiskFull   = 39
	errorDiskFull         = 112
	errorInvalidName      = 123
	errorDirNotEmpty      = 145
)

// errnoStatus maps system errors for which package io/fs has no class.
func errnoStatus(err error) (Status, bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, false
	}
	switch uintptr(e) {
	case errorSharingViolation:
		return smb2.StatusSharingViolation, true
	case errorDiskFull, errorHandleDiskFull:
		return smb2.StatusDiskFull, true
	case errorInvalidName:
		return smb2.StatusObjectNameInvalid, true
	case errorDirNotEmpty:
		return smb2.StatusDirectoryNotEmpty, true
	}
	return 0, false
}

// isTransientAccept reports whether Accept may succeed later.
func isTransientAccept(error) bool { return false }

// descriptors returns how many files the process may have open.
func descriptors() int { return unlimited }
