package faultfs

import (
	"errors"
	"io/fs"

	"github.com/gosmbd/smb/vfs"
)

func (f *faultFile) Chmod(mode fs.FileMode) error {
	c, ok := vfs.As[vfs.Chmoder](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(Chmod), 0, func(int64) error { return c.Chmod(mode) })
}

func (f *faultFile) Chown(uid, gid int) error {
	c, ok := vfs.As[vfs.Chowner](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(Chown), 0, func(int64) error { return c.Chown(uid, gid) })
}
