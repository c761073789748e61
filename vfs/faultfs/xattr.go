package faultfs

import (
	"context"
	"errors"

	"github.com/gosmbd/smb/vfs"
)

func (f *faultFile) Xattrs(ctx context.Context) (list []vfs.Xattr, err error) {
	x, ok := vfs.As[vfs.Xattrer](f.inner)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = f.hook.do(f.op(Xattrs), 0, func(int64) (err error) {
		list, err = x.Xattrs(ctx)
		return err
	})
	return list, err
}

func (f *faultFile) SetXattrs(ctx context.Context, changes []vfs.Xattr) error {
	x, ok := vfs.As[vfs.Xattrer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetXattrs), 0, func(int64) error { return x.SetXattrs(ctx, changes) })
}
