package smb2

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestStatusText(t *testing.T) {
	for _, test := range []struct {
		s           Status
		text, error string
	}{
		{StatusAccessDenied, "STATUS_ACCESS_DENIED", "STATUS_ACCESS_DENIED (0xC0000022)"},
		{StatusSuccess, "STATUS_SUCCESS", "STATUS_SUCCESS (0x00000000)"},
		{0xC0FFEE00, "0xC0FFEE00", "NTSTATUS 0xC0FFEE00"},
	} {
		if test.s.String() != test.text || test.s.Error() != test.error {
			t.Errorf("%08X: %q, %q", uint32(test.s), test.s, test.s.Error())
		}
	}
}

func TestStatusSeverity(t *testing.T) {
	for _, test := range []struct {
		s              Status
		error, warning bool
	}{
		{StatusSuccess, false, false},
		{StatusPending, false, false},
		{StatusNotifyEnumDir, false, false},
		{StatusBufferOverflow, false, true},
		{StatusNoMoreFiles, false, true},
		{StatusStoppedOnSymlink, false, true},
		{StatusMoreProcessingRequired, true, false},
		{StatusSmbNoPreauthIntegrityHashOverlap, true, false},
	} {
		if test.s.IsError() != test.error || test.s.IsWarning() != test.warning {
			t.Errorf("%v: error %v, warning %v", test.s, test.s.IsError(), test.s.IsWarning())
		}
	}
}

func TestStatusIs(t *testing.T) {
	targets := []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrClosed, fs.ErrInvalid, errors.ErrUnsupported}
	for s, want := range map[Status]error{
		StatusSuccess:             nil,
		StatusSharingViolation:    nil,
		StatusObjectNameNotFound:  fs.ErrNotExist,
		StatusObjectPathNotFound:  fs.ErrNotExist,
		StatusNoSuchFile:          fs.ErrNotExist,
		StatusObjectNameCollision: fs.ErrExist,
		StatusAccessDenied:        fs.ErrPermission,
		StatusPrivilegeNotHeld:    fs.ErrPermission,
		StatusFileClosed:          fs.ErrClosed,
		StatusInvalidParameter:    fs.ErrInvalid,
		StatusObjectNameInvalid:   fs.ErrInvalid,
		StatusNotSupported:        errors.ErrUnsupported,
		StatusEasNotSupported:     errors.ErrUnsupported,
	} {
		wrapped := fmt.Errorf("wrapped: %w", s)
		for _, target := range targets {
			if got := errors.Is(wrapped, target); got != (target == want) {
				t.Errorf("Is(%v, %v) = %v", s, target, got)
			}
		}
		if !errors.Is(wrapped, s) {
			t.Errorf("%v is not itself", s)
		}
	}
}

func TestCodeNames(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"FSCTL_VALIDATE_NEGOTIATE_INFO":  FsctlValidateNegotiateInfo,
		"FSCTL_PIPE_TRANSCEIVE":          FsctlPipeTransceive,
		"CtlCode(0x00000001)":            CtlCode(1),
		"FileIdBothDirectoryInformation": ClassFileIdBothDirectoryInformation,
		"FileInfoClass(255)":             FileInfoClass(255),
		"FileFsVolumeInformation":        ClassFsVolumeInformation,
		"FSInfoClass(0)":                 FSInfoClass(0),
	} {
		if got.String() != want {
			t.Errorf("String = %q, want %q", got, want)
		}
	}
}
