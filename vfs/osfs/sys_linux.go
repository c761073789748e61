package osfs

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

const (
	syncFlag = unix.O_DSYNC
	dirFlag  = unix.O_DIRECTORY

	// copyChunk bounds one copy, so that the caller can look whether it was
	// cancelled.
	copyChunk = 64 << 20
)

// errNotStored is what the system says if there is no such attribute.
const errNotStored = unix.ENODATA

var _ vfs.RangeCopier = (*File)(nil)

func (s *status) fd(fd int) error {
	return s.statx(fd, "", unix.AT_EMPTY_PATH)
}

func (s *status) at(dirfd int, name string) error {
	return s.statx(dirfd, name, unix.AT_SYMLINK_NOFOLLOW)
}

// statxPool is for what statx fills, which would be allocated each time.
var statxPool = sync.Pool{New: func() any { return new(unix.Statx_t) }}

func (s *status) statx(fd int, name string, flags int) error {
	x := statxPool.Get().(*unix.Statx_t)
	defer statxPool.Put(x)
	err := again(func() error {
		return unix.Statx(fd, name, flags|unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS|unix.STATX_BTIME, x)
	})
	if err != nil {
		return err
	}
	*s = status{
		dev: unix.Mkdev(x.Dev_major, x.Dev_minor), ino: x.Ino,
		mode: uint32(x.Mode), nlink: x.Nlink, uid: x.Uid, gid: x.Gid,
		size: int64(x.Size), blocks: int64(x.Blocks),
		atime: timeOf(x.Atime), mtime: timeOf(x.Mtime), ctime: timeOf(x.Ctime),
		compressed: x.Attributes&unix.STATX_ATTR_COMPRESSED != 0,
		major:      x.Rdev_major, minor: x.Rdev_minor,
	}
	if x.Mask&unix.STATX_BTIME != 0 {
		s.btime = timeOf(x.Btime)
	}
	return nil
}

func timeOf(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }

// getxattr reads user.DOSATTRIB; only files and directories can have it.
func (h *File) getxattr(st *status, b []byte) ([]byte, error) {
	if !st.dir() && !st.regular() {
		return nil, errNotStored
	}
	var n int
	var err error
	if h.path {
		n, err = unix.Getxattr(procPath(h.fd), dosAttribName, b)
	} else {
		n, err = unix.Fgetxattr(h.fd, dosAttribName, b)
	}
	return b[:max(n, 0)], err
}

func (h *File) setxattr(b []byte) error {
	if h.path {
		return unix.Setxattr(procPath(h.fd), dosAttribName, b, 0)
	}
	return unix.Fsetxattr(h.fd, dosAttribName, b, 0)
}

func (h *File) chmod(mode uint32) error {
	if h.path {
		return unix.Fchmodat(unix.AT_FDCWD, procPath(h.fd), mode, 0)
	}
	return unix.Fchmod(h.fd, mode)
}

// setTimes sets those that aren't zero.
func (h *File) setTimes(accessed, written time.Time) error {
	var ts [2]unix.Timespec
	for i, t := range []time.Time{accessed, written} {
		if t.IsZero() {
			ts[i].Nsec = unix.UTIME_OMIT
			continue
		}
		v, err := unix.TimeToTimespec(t)
		if err != nil {
			return err
		}
		ts[i] = v
	}
	err := unix.UtimesNanoAt(h.fd, "", ts[:], unix.AT_EMPTY_PATH)
	if err == unix.EINVAL || err == unix.ENOENT { // before Linux 5.8
		err = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(h.fd), ts[:], 0)
	}
	return err
}

// CopyRange copies within the kernel, or shares the blocks where the file system
// can.
func (h *File) CopyRange(ctx context.Context, off int64, src vfs.File, srcOff, n int64) (int64, error) {
	s, ok := vfs.As[*File](src)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	if err := errors.Join(h.content(), s.content(), ctx.Err()); err != nil {
		return 0, h.fail("copy", err)
	}
	if n <= 0 {
		return 0, nil
	}
	var done int
	err := h.change(func() error {
		return again(func() (err error) {
			from, to := srcOff, off
			done, err = unix.CopyFileRange(s.fd, &from, h.fd, &to, int(min(n, copyChunk)), 0)
			return err
		})
	})
	switch err {
	case nil:
		return int64(done), nil
	case unix.ENOSYS, unix.EXDEV, unix.EOPNOTSUPP, unix.EINVAL, unix.EPERM, unix.EBADF:
		// Among them: ranges of one file that overlap, and a source that is
		// open for writing only.
		return 0, errors.ErrUnsupported
	}
	return 0, h.fail("copy", err)
}

func (f *FS) volume() (vfs.Volume, error) {
	var s unix.Statfs_t
	if err := again(func() error { return unix.Fstatfs(f.sys.rootfd, &s) }); err != nil {
		return vfs.Volume{}, err
	}
	size := uint32(s.Bsize)
	if s.Frsize > 0 {
		size = uint32(s.Frsize)
	}
	can := f.abilities()
	return vfs.Volume{
		BlockSize: size, Blocks: s.Blocks, Free: s.Bfree, Available: s.Bavail,
		Files: s.Files, FreeFiles: s.Ffree,
		MaxName: uint32(s.Namelen), CaseSensitive: !f.sys.folds,
		Sparse: can.sparse, Clones: can.clones, Compression: can.compression,
	}, nil
}

// parent opens the directory that name is in. The root's own descriptor isn't
// to be closed, so it is opened again.
func (f *FS) parent(dir string) (*os.File, error) {
	return f.openFile(dir, f.parentFlags(), 0)
}

func (f *FS) parentFlags() int {
	if f.sys.openat2 {
		return pathOnly | unix.O_DIRECTORY
	}
	return unix.O_RDONLY | unix.O_DIRECTORY
}

// moveExclusive renames unless the new name exists.
func moveExclusive(olddir int, oldname string, newdir int, newname string) error {
	err := unix.Renameat2(olddir, oldname, newdir, newname, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		return errors.ErrUnsupported // by the file system
	}
	return err
}
