//go:build darwin || freebsd

package osfs

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

const (
	syncFlag = unix.O_SYNC
	dirFlag  = unix.O_DIRECTORY
)

// errNotStored is what the system says if there is no such attribute.
const errNotStored = unix.ENOATTR

// system is what New found out about the machine.
type system struct{ dev uint64 }

func (f *FS) init() error {
	var st status
	err := st.fd(int(f.dir.Fd()))
	f.sys.dev = st.dev
	return err
}

func (f *FS) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	return f.root.OpenFile(name, flags, mode)
}

func (f *FS) open(name string, opt vfs.OpenOptions) (*File, error) {
	return f.openPortable(name, opt)
}

// conceals reports false: there are no sidecars.
func (f *FS) conceals(int) bool { return false }

func (s *status) fd(fd int) error {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(fd, &st) })
	s.set(&st)
	return err
}

func (s *status) at(dirfd int, name string) error {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(dirfd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	s.set(&st)
	return err
}

func (s *status) set(st *unix.Stat_t) {
	*s = status{
		dev: uint64(st.Dev), ino: st.Ino, mode: uint32(st.Mode), nlink: uint32(st.Nlink), uid: st.Uid, gid: st.Gid,
		size: st.Size, blocks: st.Blocks,
		atime: timeOf(st.Atim), mtime: timeOf(st.Mtim), ctime: timeOf(st.Ctim), btime: timeOf(st.Btim),
	}
}

// timeOf returns the zero time for what file systems without a time of creation
// report.
func timeOf(t unix.Timespec) time.Time {
	s, ns := t.Unix()
	if s <= 0 && ns <= 0 {
		return time.Time{}
	}
	return time.Unix(s, ns)
}

// getxattr reads user.DOSATTRIB; only files and directories can have it.
func (h *File) getxattr(st *status, b []byte) ([]byte, error) {
	n, err := unix.Fgetxattr(h.fd, dosAttribName, b)
	return b[:min(max(n, 0), len(b))], err
}

func (h *File) setxattr(b []byte) error {
	return unix.Fsetxattr(h.fd, dosAttribName, b, 0)
}

// xattrsPath is the name by which xattrsAt finds what has a name in a directory.
func (s *system) xattrsPath(dirfd int, name string) string { return name }

// xattrsAt reads user.DOSATTRIB of a name in a directory.
func (s *system) xattrsAt(dirfd int, name string, st *status) (d dosInfo, ok bool, size uint32) {
	if !st.dir() && !st.regular() {
		return d, false, 0
	}
	fd, err := unix.Openat(dirfd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return d, false, 0
	}
	defer unix.Close(fd)
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	n, err := unix.Fgetxattr(fd, dosAttribName, room[:dosMax])
	d, ok = parseStored(room[:min(max(n, 0), dosMax)], err)
	return d, ok, 0
}

// xattrsSize is zero, as clients see no extended attributes.
func (h *File) xattrsSize() uint32 { return 0 }

func (h *File) chmod(mode uint32) error { return unix.Fchmod(h.fd, mode) }

func (h *File) chown(uid, gid int) error { return unix.Fchown(h.fd, uid, gid) }

// setTimes sets those that aren't zero: by name while it still leads to the
// object, which keeps nanoseconds; else by the descriptor, to microseconds.
func (h *File) setTimes(accessed, written time.Time) error {
	var st status
	if err := st.fd(h.fd); err != nil {
		return err
	}
	if now, err := h.fs.root.Stat(h.name); err == nil {
		if own, err := h.file.Stat(); err == nil && os.SameFile(now, own) {
			return h.fs.root.Chtimes(h.name, accessed, written)
		}
	}
	if accessed.IsZero() {
		accessed = st.atime
	}
	if written.IsZero() {
		written = st.mtime
	}
	return unix.Futimes(h.fd, []unix.Timeval{
		unix.NsecToTimeval(accessed.UnixNano()), unix.NsecToTimeval(written.UnixNano()),
	})
}

func (f *FS) volume() (vfs.Volume, error) {
	var s unix.Statfs_t
	if err := again(func() error { return unix.Fstatfs(int(f.dir.Fd()), &s) }); err != nil {
		return vfs.Volume{}, err
	}
	// FreeBSD counts the reserve as negative.
	return vfs.Volume{
		BlockSize: uint32(s.Bsize), Blocks: s.Blocks, Free: s.Bfree,
		Available: uint64(max(int64(s.Bavail), 0)), CaseSensitive: caseSensitive,
		Files: s.Files, FreeFiles: uint64(max(int64(s.Ffree), 0)),
	}, nil
}

// Reparse points, and symbolic links that are shown, are served on Linux.

func (f *FS) nativeLinks() bool { return false }

func (h *File) linkKind(string) vfs.Attributes { return 0 }

func (h *File) reparseTag() uint32 { return 0 }

func (s *system) reparseTagAt(int, string) uint32 { return 0 }
