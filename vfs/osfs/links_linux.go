package osfs

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// Symbolic links that are shown as what they are, see ShowSymlinks.

var _ vfs.Symlinker = (*FS)(nil)

// nativeLinks reports whether links can be shown.
func (f *FS) nativeLinks() bool { return f.sys.openat2 }

// Symlink makes a link. It declines unless Options.Symlinks is ShowSymlinks, as a link
// that is followed is none to the client who made it.
func (f *FS) Symlink(ctx context.Context, target, name string, replace bool) error {
	name = f.local(name)
	if f.opt.NativeNames {
		target = mapElements(target, nativeName)
	}
	switch {
	case f.opt.Symlinks != ShowSymlinks:
		return f.fail("symlink", name, errors.ErrUnsupported)
	case name == "." || target == "" || path.IsAbs(target):
		return f.fail("symlink", name, fs.ErrInvalid)
	}
	if err := f.checkNew(name); err != nil {
		return f.fail("symlink", name, err)
	}
	if replace {
		gone, err := f.lastLink(name)
		if err != nil {
			return f.fail("symlink", name, err)
		}
		defer gone()
	}
	err := f.as(ctx, func() error {
		err := f.softLink(target, name)
		if replace && errors.Is(err, fs.ErrExist) {
			err = f.symlinkOver(target, name)
		}
		return err
	})
	if err != nil {
		return f.fail("symlink", name, err)
	}
	return nil
}

// symlinkOver makes the link under a temporary name and lets it change places with what
// is there.
func (f *FS) symlinkOver(target, name string) error {
	temp := path.Join(path.Dir(name), ".link-"+rand.Text())
	if err := f.softLink(target, temp); err != nil {
		return err
	}
	err := f.rename(temp, name)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, fs.ErrExist) { // package os says the latter
		err = f.exchange(temp, name)
	}
	if err != nil {
		_ = f.unlink(temp)
	}
	return err
}

// exchange gives temp the name of an empty directory, which is removed.
func (f *FS) exchange(temp, name string) error {
	dir, err := f.parent(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	fd, a, b := int(dir.Fd()), path.Base(temp), path.Base(name)
	if err := unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE); err != nil {
		if err == unix.EINVAL {
			err = errors.ErrUnsupported // by the file system
		}
		return err
	}
	if err := unix.Unlinkat(fd, a, unix.AT_REMOVEDIR); err != nil {
		return errors.Join(err, unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE))
	}
	return nil
}

// Readlink returns where a link leads.
func (f *FS) Readlink(ctx context.Context, name string) (string, error) {
	if f.opt.Symlinks != ShowSymlinks {
		return "", f.fail("readlink", name, errors.ErrUnsupported)
	}
	name = f.local(name)
	if err := f.checkName(name); err != nil {
		return "", f.fail("readlink", name, err)
	}
	var fd int
	err := f.as(ctx, func() (err error) {
		fd, err = f.beneath(name, pathOnly, 0)
		return err
	})
	if err != nil {
		return "", f.fail("readlink", name, err)
	}
	defer unix.Close(fd)
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	switch {
	case err == unix.ENOENT, err == nil && n == 0: // what isn't a link
		return "", f.fail("readlink", name, fs.ErrInvalid)
	case err != nil:
		return "", f.fail("readlink", name, err)
	}
	if f.opt.NativeNames {
		return mapElements(string(target[:n]), substituted), nil
	}
	return string(target[:n]), nil
}

// linkKind tells, of a link that is shown, whether it leads to a directory beneath the
// root, as far as the user of h may look.
func (h *File) linkKind(name string) vfs.Attributes {
	f := h.fs
	how := unix.OpenHow{
		Flags:   pathOnly | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	err := h.as.run(func() error {
		fd, err := unix.Openat2(f.sys.rootfd, name, &how)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if f.conceals(fd) {
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return vfs.AttrDirectory
}
