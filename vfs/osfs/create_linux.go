package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// createSecure makes an object that nobody can see before it has its descriptor,
// also if the process is killed meanwhile: a file without a name, a directory
// under a name that isn't shown. The agent makes the object and gives it its name; the
// descriptor is the server's business.
func (f *FS) createSecure(a *agent, name string, opt vfs.CreateOptions) (*File, error) {
	if !f.sys.openat2 {
		return f.createThenSet(a, name, opt)
	}
	if name == "." {
		return nil, fs.ErrExist
	}
	n := &newObject{fs: f, as: a, name: name, dirfd: -1, opt: opt}
	defer n.close()
	h, err := n.create()
	switch err {
	case unix.EOPNOTSUPP, unix.EINVAL, unix.ENOSYS:
		// The file system, or the kernel, hasn't got what it takes.
		return f.createThenSet(a, name, opt)
	}
	return h, err
}

// newObject is an object on its way to its name.
type newObject struct {
	fs    *FS
	as    *agent
	name  string
	temp  string // what a directory is called meanwhile
	dirfd int    // where it is to be
	opt   vfs.CreateOptions
}

func (n *newObject) create() (*File, error) {
	begin, end, undo := n.tempFile, n.linkFile, func(*File) error { return nil }
	if n.opt.Directory {
		begin, end, undo = n.tempDir, n.renameDir, n.removeDir
	}
	var h *File
	err := n.as.run(func() (err error) {
		if err = n.openDir(); err == nil {
			h, err = begin()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	h.as = n.as
	if err = h.firstSecurity(n.opt); err == nil {
		err = n.as.run(func() error { return again(func() error { return end(h) }) })
	}
	if err != nil {
		_ = n.as.run(func() error { return undo(h) })
		h.Close()
		return nil, err
	}
	return h, nil
}

// openDir opens the directory that the object is to be in.
func (n *newObject) openDir() (err error) {
	n.dirfd, err = n.fs.beneath(path.Dir(n.name), pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	// Most attempts to create what is there end here; the others in create.
	var st status
	if err := st.at(n.dirfd, path.Base(n.name)); err == nil {
		return fs.ErrExist
	}
	return nil
}

func (n *newObject) close() {
	if n.dirfd >= 0 {
		unix.Close(n.dirfd)
	}
}

func (n *newObject) tempFile() (*File, error) {
	flags := unix.O_TMPFILE | unix.O_RDWR | unix.O_CLOEXEC
	if n.opt.WriteThrough {
		flags |= syncFlag
	}
	mode, _ := n.fs.createModes(n.opt)
	fd, err := openAt(n.dirfd, ".", flags, uint32(mode))
	if err == unix.EISDIR {
		err = unix.EOPNOTSUPP // what kernels say that don't know O_TMPFILE
	}
	if err != nil {
		return nil, err
	}
	h := newFile(n.fs, n.name, os.NewFile(uintptr(fd), n.name), true, false)
	h.setCreateMode(n.opt)
	return h, nil
}

func (n *newObject) linkFile(h *File) error {
	return unix.Linkat(unix.AT_FDCWD, procPath(h.fd), n.dirfd, path.Base(n.name), unix.AT_SYMLINK_FOLLOW)
}

func (n *newObject) tempDir() (*File, error) {
	n.temp = temporaryName()
	_, mode := n.fs.createModes(n.opt)
	if err := again(func() error { return unix.Mkdirat(n.dirfd, n.temp, uint32(mode)) }); err != nil {
		return nil, err
	}
	fd, err := openAt(n.dirfd, n.temp, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = n.removeDir(nil)
		return nil, err
	}
	h := newFile(n.fs, n.name, os.NewFile(uintptr(fd), n.name), false, true)
	h.setCreateMode(n.opt)
	return h, nil
}

func (n *newObject) renameDir(*File) error {
	return unix.Renameat2(n.dirfd, n.temp, n.dirfd, path.Base(n.name), unix.RENAME_NOREPLACE)
}

func (n *newObject) removeDir(*File) error { return unix.Unlinkat(n.dirfd, n.temp, unix.AT_REMOVEDIR) }

// createThenSet is for where there is no other way. If the descriptor can't be set
// the object is removed again.
func (f *FS) createThenSet(a *agent, name string, opt vfs.CreateOptions) (*File, error) {
	h, err := f.createPlain(a, name, opt)
	if err != nil {
		return nil, err
	}
	if err := h.firstSecurity(opt); err != nil {
		h.Close()
		_ = a.run(func() error { return f.unlink(name) })
		return nil, err
	}
	return h, nil
}

// firstSecurity sets the descriptor of a new object; where none can be stored it
// is ignored, as CreateOptions has it. The mode comes before it, since the descriptor holds
// as long as that doesn't change.
func (h *File) firstSecurity(opt vfs.CreateOptions) error {
	err := h.setSecurity(*opt.Security)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func openAt(dirfd int, name string, flags int, mode uint32) (fd int, err error) {
	for {
		if fd, err = unix.Openat(dirfd, name, flags, mode); err != syscall.EINTR {
			return fd, err
		}
	}
}
