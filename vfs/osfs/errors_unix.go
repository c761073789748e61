//go:build unix

package osfs

import (
	"io/fs"
	"syscall"

	"github.com/gosmbd/smb/vfs"
)

var translations = []translation{
	// Too many links on the way: as good as a link to nothing.
	{syscall.ELOOP, fs.ErrNotExist},
	{syscall.EINVAL, fs.ErrInvalid},
	{syscall.ENOTEMPTY, vfs.ErrNotEmpty},
	{syscall.EISDIR, vfs.ErrIsDir},
	{syscall.ENOTDIR, vfs.ErrNotDir},
	{syscall.ENOSPC, vfs.ErrNoSpace},
	{syscall.EDQUOT, vfs.ErrQuota},
	{syscall.EROFS, vfs.ErrReadOnly},
	{syscall.ENAMETOOLONG, vfs.ErrNameTooLong},
	{syscall.EXDEV, vfs.ErrCrossDevice},
	{syscall.EMLINK, vfs.ErrTooManyLink},
	{syscall.EBUSY, vfs.ErrSharing},
	{syscall.ETXTBSY, vfs.ErrSharing},
}
