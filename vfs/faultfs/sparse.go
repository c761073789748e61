package faultfs

import (
	"context"
	"errors"
	"iter"

	"github.com/gosmbd/smb/vfs"
)

// rangeOp is an operation on a part of the File.
func (f *faultFile) rangeOp(kind Kind, r vfs.Range) Op {
	op := f.op(kind)
	op.Offset, op.Length = r.Off, r.Len
	return op
}

func (f *faultFile) SetSparse(ctx context.Context, sparse bool) error {
	s, ok := vfs.As[vfs.Sparser](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetSparse), 0, func(int64) error { return s.SetSparse(ctx, sparse) })
}

func (f *faultFile) Allocated(ctx context.Context, r vfs.Range) iter.Seq2[vfs.Range, error] {
	s, ok := vfs.As[vfs.Sparser](f.inner)
	if !ok {
		return declined[vfs.Range]
	}
	return list(f.hook, f.rangeOp(Allocated, r), s.Allocated(ctx, r))
}

func (f *faultFile) Punch(ctx context.Context, r vfs.Range) error {
	s, ok := vfs.As[vfs.Sparser](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.rangeOp(Punch, r), 0, func(int64) error { return s.Punch(ctx, r) })
}

// CloneRange gives the File beneath the source as that knows it.
func (f *faultFile) CloneRange(ctx context.Context, r vfs.Range, src vfs.File, srcOff int64) error {
	c, ok := vfs.As[vfs.RangeCloner](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	if s, ok := src.(*faultFile); ok {
		src = s.inner
	}
	return f.hook.do(f.rangeOp(CloneRange, r), 0, func(int64) error { return c.CloneRange(ctx, r, src, srcOff) })
}

func (f *faultFile) SetCompressed(ctx context.Context, compressed bool) error {
	c, ok := vfs.As[vfs.Compressor](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(f.op(SetCompressed), 0, func(int64) error { return c.SetCompressed(ctx, compressed) })
}
