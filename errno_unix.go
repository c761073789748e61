//go:build unix

package smb

import (
	"errors"
	"syscall"

	"github.com/gosmbd/smb/smb2"
)

// errnoStatus maps system errors for which package io/fs has no class.
func errnoStatus(err error) (Status, bool) {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return 0, false
	}
	switch e {
	case syscall.ENOSPC, syscall.EDQUOT: // see vfs.ErrQuota in statusTable
		return smb2.StatusDiskFull, true
	case syscall.ENOTEMPTY:
		return smb2.StatusDirectoryNotEmpty, true
	case syscall.EISDIR:
		return smb2.StatusFileIsADirectory, true
	case syscall.ENOTDIR:
		return smb2.StatusObjectPathNotFound, true
	case syscall.ENAMETOOLONG:
		return smb2.StatusObjectNameInvalid, true
	case syscall.EXDEV:
		return smb2.StatusNotSameDevice, true
	case syscall.EROFS:
		return smb2.StatusMediaWriteProtected, true
	case syscall.EMFILE, syscall.ENFILE:
		return smb2.StatusTooManyOpenedFiles, true
	case syscall.ENOMEM, syscall.ENOBUFS:
		return smb2.StatusInsufficientResources, true
	case syscall.EMLINK:
		return smb2.StatusTooManyLinks, true
	case syscall.EFBIG:
		return smb2.StatusDiskFull, true
	case syscall.ELOOP:
		return smb2.StatusObjectPathNotFound, true
	case syscall.EBUSY, syscall.ETXTBSY:
		return smb2.StatusSharingViolation, true
	case syscall.EINVAL:
		return smb2.StatusInvalidParameter, true
	case syscall.EIO:
		return smb2.StatusUnexpectedIoError, true
	}
	return 0, false
}

// isTransientAccept reports whether Accept may succeed later.
func isTransientAccept(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// descriptors returns how many files the process may have open.
func descriptors() int {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil {
		return unlimited
	}
	return int(min(uint64(lim.Cur), 1<<30))
}
