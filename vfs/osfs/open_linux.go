package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Reopener = (*File)(nil)

// pathOnly opens a descriptor that gives no access to the content.
const pathOnly = unix.O_PATH

// system is what New found out about the machine.
type system struct {
	// openat2 tells that the kernel has it, and that /proc is there, which
	// leads from a descriptor without access to one with.
	openat2  bool
	dev      uint64
	rootfd   int
	streams  streamTable
	userACL  bool // descriptors are in user.NTACL
	notifier notifier

	userXattrs atomic.Bool // the root's file system stores attributes of the user's

	// listsAll tells that the root's file system, when asked for the names of extended
	// attributes, leaves none out that are the system's.
	listsAll bool

	folds bool // names in the root are the same if they differ in case

	dirThreads dirThreads

	abilities abilities
	self      self // with Options.RunAs

	quotaMu sync.Mutex // to look quotas up and to change them is one
}

func (f *FS) init() error {
	f.sys.dirThreads.init()
	f.onClose = func() {
		f.sys.notifier.close()
		f.sys.dirThreads.close()
	}
	f.sys.rootfd = int(f.dir.Fd())
	var st status
	if err := st.fd(f.sys.rootfd); err != nil {
		return err
	}
	f.sys.dev = st.dev
	f.sys.userACL = !mayWriteSecurity(f.sys.rootfd)
	f.sys.listsAll = listsAll(f.sys.rootfd)
	f.sys.folds = folds(f.sys.rootfd)
	if fd, err := f.beneath(".", pathOnly|unix.O_DIRECTORY, 0); err == nil {
		var proc unix.Stat_t
		f.sys.openat2 = unix.Stat(procPath(fd), &proc) == nil && proc.Ino == st.ino
		unix.Close(fd)
	}
	return nil
}

// listsAll reports whether the file system is one that is known to list all extended
// attributes but trusted ones. Of others a descriptor might be overlooked.
func listsAll(fd int) bool {
	var s unix.Statfs_t
	if unix.Fstatfs(fd, &s) != nil {
		return false
	}
	switch uint32(s.Type) { // its type is another on each architecture
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return true
	}
	return false
}

// beneath opens a name below the root, and follows links only there, and not to what is
// concealed. If links are to be shown it follows none: what flags with pathOnly open may be
// one.
func (f *FS) beneath(name string, flags int, mode fs.FileMode) (int, error) {
	if f.opt.Symlinks == ShowSymlinks {
		flags |= unix.O_NOFOLLOW
	}
	// Most names have no link on the way, and nothing has to be asked for those.
	fd, err := f.resolve(name, flags, mode, unix.RESOLVE_NO_SYMLINKS)
	switch {
	case err != unix.ELOOP:
		return fd, err
	case f.opt.Symlinks == ShowSymlinks:
		return -1, vfs.ErrNotDir
	case flags&unix.O_CREAT != 0:
		return f.createBeneath(name, flags, mode)
	}
	fd, err = f.resolve(name, flags, mode, 0)
	if err == nil && f.conceals(fd) {
		unix.Close(fd)
		return -1, fs.ErrNotExist
	}
	return fd, err
}

// createBeneath creates a file in a directory that a link leads to.
func (f *FS) createBeneath(name string, flags int, mode fs.FileMode) (int, error) {
	dirfd, err := f.beneath(path.Dir(name), pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dirfd)
	return openAt(dirfd, path.Base(name), flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode.Perm()))
}

// resolve is beneath but for what is concealed.
func (f *FS) resolve(name string, flags int, mode fs.FileMode, resolve uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Mode:    uint64(mode.Perm()),
		Resolve: resolve | unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(f.sys.rootfd, name, &how)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && try < 1000:
			// Something was renamed while the kernel walked a "..".
		case err == unix.EXDEV:
			return -1, fs.ErrNotExist // a link that leads out
		default:
			return fd, err
		}
	}
}

// procPath names an open object. The system follows it to the object itself,
// whatever its name is now.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// reopen opens the content of what fd, opened with pathOnly, refers to.
func (f *FS) reopen(fd, flags int) (n int, err error) {
	name := procPath(fd)
	err = again(func() error {
		n, err = unix.Open(name, flags|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		return err
	})
	return n, err
}

// openFile opens a file or directory known to be one, or creates it.
func (f *FS) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	if !f.sys.openat2 {
		return f.openFilePortable(name, flags, mode)
	}
	fd, err := f.beneath(name, flags, mode)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (f *FS) openFilePortable(name string, flags int, mode fs.FileMode) (*os.File, error) {
	if flags&os.O_CREATE != 0 {
		if err := f.way(name); err != nil {
			return nil, err
		}
	}
	file, err := f.root.OpenFile(name, flags, mode)
	if err == nil && f.conceals(int(file.Fd())) {
		file.Close()
		return nil, fs.ErrNotExist
	}
	return file, err
}

// open opens an existing object: with openat2 by way of a descriptor that gives
// no access, so that its type is known before its content is opened. That of a device, a
// pipe or a socket never is.
func (f *FS) open(name string, opt vfs.OpenOptions) (*File, error) {
	if !f.sys.openat2 {
		return f.openPortable(name, opt)
	}
	fd, err := f.beneath(name, pathOnly, 0)
	if err != nil {
		return nil, err
	}
	var st status
	if err := st.fd(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	h := newPath(f, name, fd, st.dir())
	h.hollow, h.home = st.symlink() || st.special(), st.dev == f.sys.dev
	h.kept.holds(f, &st) // nobody else has h yet
	if !h.contentFor(opt) {
		return h, nil
	}
	defer h.Close()
	return h.reopen(opt)
}

// newPath returns a File for fd, opened with pathOnly.
func newPath(f *FS, name string, fd int, dir bool) *File {
	h := &File{fs: f, name: name, dir: dir}
	h.handle.fd, h.handle.path = fd, true
	return h
}

// contentFor reports whether the content is to be opened for opt.
func (h *File) contentFor(opt vfs.OpenOptions) bool {
	if h.dir {
		return opt.Access&vfs.ListDirectory != 0
	}
	return (opt.Reads() || opt.Writes()) && !h.hollow
}

// reopen opens the content of what h, which is opened with pathOnly, refers to.
func (h *File) reopen(opt vfs.OpenOptions) (*File, error) {
	flags := openFlags(opt)
	if h.dir {
		flags = os.O_RDONLY | unix.O_DIRECTORY
	}
	fd, err := h.fs.reopen(h.fd, flags)
	if err != nil {
		return nil, err
	}
	return newFile(h.fs, h.name, os.NewFile(uintptr(fd), h.name), !h.dir, h.dir), nil
}

// Reopen implements vfs.Reopener.
func (h *File) Reopen(ctx context.Context, opt vfs.OpenOptions) (vfs.File, error) {
	if !h.path {
		return nil, errors.ErrUnsupported
	}
	if !h.contentFor(opt) {
		return h, nil
	}
	var n *File
	err := h.as.run(func() (err error) {
		n, err = h.reopen(opt)
		return err
	})
	if err != nil {
		return nil, h.fail("open", err)
	}
	n.as, n.home = h.as, h.home
	n.kept.take(&h.kept)
	return n, nil
}
