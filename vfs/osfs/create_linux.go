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
// under a name that isn't shown.
func (f *FS) createSecure(name string, opt vfs.CreateOptions) (*File, error) {
	if !f.sys.openat2 {
		return f.createThenSet(name, opt)
	}
	if name == "." {
		return nil, fs.ErrExist
	}
	dirfd, err := f.beneath(path.Dir(name), pathOnly|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dirfd)
	base := path.Base(name)
	// Most attempts to create what is there end here; the others below.
	var st status
	if err := st.at(dirfd, base); err == nil {
		return nil, fs.ErrExist
	}
	var h *File
	if opt.Directory {
		h, err = f.secureDir(dirfd, name, opt)
	} else {
		h, err = f.secureFile(dirfd, name, opt)
	}
	switch err {
	case unix.EOPNOTSUPP, unix.EINVAL, unix.ENOSYS:
		// The file system, or the kernel, hasn't got what it takes.
		return f.createThenSet(name, opt)
	}
	return h, err
}

func (f *FS) secureFile(dirfd int, name string, opt vfs.CreateOptions) (*File, error) {
	flags := unix.O_TMPFILE | unix.O_RDWR | unix.O_CLOEXEC
	if opt.WriteThrough {
		flags |= syncFlag
	}
	mode, _ := f.createModes(opt)
	fd, err := openAt(dirfd, ".", flags, uint32(mode))
	if err == unix.EISDIR {
		err = unix.EOPNOTSUPP // what kernels say that don't know O_TMPFILE
	}
	if err != nil {
		return nil, err
	}
	h := newFile(f, name, os.NewFile(uintptr(fd), name), true, false)
	if err = h.firstSecurity(opt); err == nil {
		err = again(func() error {
			return unix.Linkat(unix.AT_FDCWD, procPath(fd), dirfd, path.Base(name), unix.AT_SYMLINK_FOLLOW)
		})
	}
	if err != nil {
		h.file.Close()
		return nil, err
	}
	return h, nil
}

func (f *FS) secureDir(dirfd int, name string, opt vfs.CreateOptions) (_ *File, err error) {
	temp := temporaryName()
	_, mode := f.createModes(opt)
	if err := again(func() error { return unix.Mkdirat(dirfd, temp, uint32(mode)) }); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = unix.Unlinkat(dirfd, temp, unix.AT_REMOVEDIR)
		}
	}()
	fd, err := openAt(dirfd, temp, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	h := newFile(f, name, os.NewFile(uintptr(fd), name), false, true)
	if err = h.firstSecurity(opt); err == nil {
		err = again(func() error {
			return unix.Renameat2(dirfd, temp, dirfd, path.Base(name), unix.RENAME_NOREPLACE)
		})
	}
	if err != nil {
		h.file.Close()
		return nil, err
	}
	return h, nil
}

// createThenSet is for where there is no other way. If the descriptor can't be set
// the object is removed again.
func (f *FS) createThenSet(name string, opt vfs.CreateOptions) (*File, error) {
	h, err := f.createPlain(name, opt)
	if err != nil {
		return nil, err
	}
	if err := h.firstSecurity(opt); err != nil {
		h.file.Close()
		_ = f.root.Remove(name)
		return nil, err
	}
	return h, nil
}

// firstSecurity sets the descriptor of a new object; where none can be stored it
// is ignored, as CreateOptions has it. The mode comes first, since the descriptor holds as
// long as that doesn't change.
func (h *File) firstSecurity(opt vfs.CreateOptions) error {
	h.setCreateMode(opt)
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
