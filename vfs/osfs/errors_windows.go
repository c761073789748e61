package osfs

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/gosmbd/smb/vfs"
)

var translations = []translation{
	{syscall.ELOOP, fs.ErrNotExist},
	{windows.ERROR_CANT_RESOLVE_FILENAME, fs.ErrNotExist},
	{windows.ERROR_INVALID_NAME, fs.ErrInvalid},
	{windows.ERROR_DIR_NOT_EMPTY, vfs.ErrNotEmpty},
	{syscall.EISDIR, vfs.ErrIsDir},
	{syscall.ENOTDIR, vfs.ErrNotDir},
	{windows.ERROR_DIRECTORY, vfs.ErrNotDir},
	{windows.ERROR_DISK_FULL, vfs.ErrNoSpace},
	{windows.ERROR_HANDLE_DISK_FULL, vfs.ErrNoSpace},
	{windows.ERROR_WRITE_PROTECT, vfs.ErrReadOnly},
	{windows.ERROR_FILENAME_EXCED_RANGE, vfs.ErrNameTooLong},
	{windows.ERROR_NOT_SAME_DEVICE, vfs.ErrCrossDevice},
	{windows.ERROR_TOO_MANY_LINKS, vfs.ErrTooManyLink},
	{windows.ERROR_SHARING_VIOLATION, vfs.ErrSharing},
	{windows.ERROR_LOCK_VIOLATION, vfs.ErrSharing},
}
