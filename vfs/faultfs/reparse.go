package faultfs

import (
	"context"
	"errors"

	"github.com/gosmbd/smb/vfs"
)

func (f *faultFS) Symlink(ctx context.Context, target, name string, replace bool) error {
	s, ok := vfs.As[vfs.Symlinker](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: Symlink, Name: name, NewName: target}, 0, func(int64) error {
		return s.Symlink(ctx, target, name, replace)
	})
}

func (f *faultFS) Readlink(ctx context.Context, name string) (target string, err error) {
	s, ok := vfs.As[vfs.Symlinker](f.inner)
	if !ok {
		return "", errors.ErrUnsupported
	}
	err = f.hook.do(Op{Kind: Readlink, Name: name}, 0, func(int64) (err error) {
		target, err = s.Readlink(ctx, name)
		return err
	})
	return target, err
}

func (f *faultFile) ReparsePoint(ctx context.Context) (p vfs.ReparsePoint, err error) {
	r, ok := vfs.As[vfs.Reparser](f.inner)
	if !ok {
		return p, errors.ErrUnsupported
	}
	err = f.hook.do(f.op(ReparsePoint), 0, func(int64) (err error) {
		p, err = r.ReparsePoint(ctx)
		return err
	})
	return p, err
}

func (f *faultFile) SetReparsePoint(ctx context.Context, p vfs.ReparsePoint) error {
	r, ok := vfs.As[vfs.Reparser](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetReparsePoint), 0, func(int64) error { return r.SetReparsePoint(ctx, p) })
}

func (f *faultFile) RemoveReparsePoint(ctx context.Context) error {
	r, ok := vfs.As[vfs.Reparser](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(RemoveReparsePoint), 0, func(int64) error { return r.RemoveReparsePoint(ctx) })
}
