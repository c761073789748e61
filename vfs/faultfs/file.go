package faultfs

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/gosmbd/smb/vfs"
)

type faultFile struct {
	inner  vfs.File
	name   string
	stream string
	hook   Hook
}

// op is an operation on the File.
func (f *faultFile) op(kind Kind) Op { return Op{Kind: kind, Name: f.name, Stream: f.stream} }

func (f *faultFile) Stat(ctx context.Context) (a vfs.Attr, err error) {
	err = f.hook.do(f.op(Stat), 0, func(int64) (err error) {
		a, err = f.inner.Stat(ctx)
		return err
	})
	return a, err
}

// Close closes the File beneath whatever the hook says, as it's not closed
// twice: a fault is what's returned.
func (f *faultFile) Close() error {
	err := f.hook(f.op(Close))
	inner := f.inner.Close()
	var p *Partial
	var a *After
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &a):
		return a.Err
	case err != nil:
		return err
	}
	return inner
}

func (f *faultFile) ReadAt(p []byte, off int64) (n int, err error) {
	r, ok := vfs.As[io.ReaderAt](f.inner)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	op := f.op(Read)
	op.Offset, op.Length = off, int64(len(p))
	err = f.hook.do(op, int64(len(p)), func(m int64) (err error) {
		n, err = r.ReadAt(p[:m], off)
		return err
	})
	return n, err
}

func (f *faultFile) WriteAt(p []byte, off int64) (n int, err error) {
	w, ok := vfs.As[io.WriterAt](f.inner)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	op := f.op(Write)
	op.Offset, op.Length = off, int64(len(p))
	err = f.hook.do(op, int64(len(p)), func(m int64) (err error) {
		n, err = w.WriteAt(p[:m], off)
		return err
	})
	return n, err
}

func (f *faultFile) Truncate(size int64) error {
	t, ok := vfs.As[vfs.Truncater](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	op := f.op(Truncate)
	op.Offset = size
	return f.hook.do(op, 0, func(int64) error { return t.Truncate(size) })
}

func (f *faultFile) Sync() error {
	s, ok := vfs.As[vfs.Syncer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(Sync), 0, func(int64) error { return s.Sync() })
}

func (f *faultFile) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	s, ok := vfs.As[vfs.AttrSetter](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetAttr), 0, func(int64) error { return s.SetAttr(ctx, c) })
}

func (f *faultFile) Security(ctx context.Context) (sd vfs.SecurityDescriptor, err error) {
	s, ok := vfs.As[vfs.Securer](f.inner)
	if !ok {
		return sd, errors.ErrUnsupported
	}
	err = f.hook.do(f.op(Security), 0, func(int64) (err error) {
		sd, err = s.Security(ctx)
		return err
	})
	return sd, err
}

func (f *faultFile) SetSecurity(ctx context.Context, sd vfs.SecurityDescriptor) error {
	s, ok := vfs.As[vfs.Securer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetSecurity), 0, func(int64) error { return s.SetSecurity(ctx, sd) })
}

// CopyRange gives the File beneath the source as that knows it.
func (f *faultFile) CopyRange(ctx context.Context, off int64, src vfs.File, srcOff, n int64) (m int64, err error) {
	c, ok := vfs.As[vfs.RangeCopier](f.inner)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	if s, ok := src.(*faultFile); ok {
		src = s.inner
	}
	op := f.op(CopyRange)
	op.Offset, op.Length = off, n
	err = f.hook.do(op, n, func(part int64) (err error) {
		if part > 0 {
			m, err = c.CopyRange(ctx, off, src, srcOff, part)
		}
		return err
	})
	return m, err
}

func (f *faultFile) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	d, ok := vfs.As[vfs.DirReader](f.inner)
	if !ok {
		return declined[vfs.DirEntry]
	}
	return list(f.hook, f.op(ReadDir), d.ReadDir(ctx))
}

// declined is an iteration over what isn't there.
func declined[T any](yield func(T, error) bool) {
	var zero T
	yield(zero, errors.ErrUnsupported)
}

// list is do for what yields entries.
func list[T any](h Hook, op Op, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := h.do(op, 1<<62, func(n int64) error {
			for e, err := range all {
				if err != nil {
					return err
				}
				if n--; n < 0 {
					break
				}
				if !yield(e, nil) {
					stopped = true
					break
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var zero T
			yield(zero, err)
		}
	}
}
