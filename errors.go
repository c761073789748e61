package smb

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Status is an NTSTATUS code. A hook or a backend may return one as an error to
// choose what the client is told.
type Status = smb2.Status

// Codes that hooks return most.
const (
	StatusAccessDenied     = smb2.StatusAccessDenied
	StatusBadNetworkName   = smb2.StatusBadNetworkName
	StatusLogonFailure     = smb2.StatusLogonFailure
	StatusAccountDisabled  = smb2.StatusAccountDisabled
	StatusInvalidParameter = smb2.StatusInvalidParameter

	StatusNetworkSessionExpired = smb2.StatusNetworkSessionExpired
	StatusUserSessionDeleted    = smb2.StatusUserSessionDeleted
)

// dropError ends the connection that it occurs on.
type dropError struct{ reason string }

// errEvicted drops a connection to make room for another. An attack causes
// thousands of these: the janitor logs how many.
var errEvicted = dropError{"too many connections have not logged on"}

func (e dropError) Error() string { return "connection dropped: " + e.reason }

// statusTable maps errors that backends return. The first that matches counts.
var statusTable = []struct {
	err    error
	status Status
}{
	{vfs.ErrNotEmpty, smb2.StatusDirectoryNotEmpty},
	{vfs.ErrIsDir, smb2.StatusFileIsADirectory},
	{vfs.ErrNotDir, smb2.StatusObjectPathNotFound},
	{vfs.ErrNoSpace, smb2.StatusDiskFull},
	{vfs.ErrQuota, smb2.StatusDiskFull}, // QUOTA_EXCEEDED is of memory to programs on Windows; Samba has DISK_FULL, too
	{vfs.ErrReadOnly, smb2.StatusMediaWriteProtected},
	{vfs.ErrNameTooLong, smb2.StatusObjectNameInvalid},
	{vfs.ErrCrossDevice, smb2.StatusNotSameDevice},
	{vfs.ErrTooManyLink, smb2.StatusTooManyLinks},
	{vfs.ErrSharing, smb2.StatusSharingViolation},
	{vfs.ErrPrivilege, smb2.StatusPrivilegeNotHeld},
	{vfs.ErrInvalidOwner, smb2.StatusInvalidOwner},
	{vfs.ErrInvalidGroup, smb2.StatusInvalidPrimaryGroup},
	{vfs.ErrNotReparsePoint, smb2.StatusNotAReparsePoint},
	{context.Canceled, smb2.StatusCancelled},
	{context.DeadlineExceeded, smb2.StatusIoTimeout},
	{os.ErrDeadlineExceeded, smb2.StatusIoTimeout},
}

var genericStatus = []struct {
	err    error
	status Status
}{
	{fs.ErrNotExist, smb2.StatusObjectNameNotFound},
	{fs.ErrExist, smb2.StatusObjectNameCollision},
	{fs.ErrPermission, smb2.StatusAccessDenied},
	{fs.ErrClosed, smb2.StatusFileClosed},
	{fs.ErrInvalid, smb2.StatusInvalidParameter},
	{errors.ErrUnsupported, smb2.StatusNotSupported},
}

// StatusOf returns the status that a client is told of err. An error that it
// doesn't know is STATUS_UNEXPECTED_IO_ERROR, and so is a [Status] that is no answer to a
// request that failed: STATUS_SUCCESS and STATUS_PENDING.
func StatusOf(err error) Status {
	s, _ := statusOf(err)
	return s
}

// statusOf also reports whether err was known.
func statusOf(err error) (Status, bool) {
	if err == nil {
		return smb2.StatusSuccess, true
	}
	var s Status
	if errors.As(err, &s) {
		if s == smb2.StatusSuccess || s == smb2.StatusPending {
			return smb2.StatusUnexpectedIoError, false
		}
		return s, true
	}
	for _, e := range statusTable {
		if errors.Is(err, e.err) {
			return e.status, true
		}
	}
	// What the system said is more precise than the class it belongs to.
	if s, ok := errnoStatus(err); ok {
		return s, true
	}
	for _, e := range genericStatus {
		if errors.Is(err, e.err) {
			return e.status, true
		}
	}
	return smb2.StatusUnexpectedIoError, false
}
