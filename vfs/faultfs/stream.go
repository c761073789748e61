package faultfs

import (
	"context"
	"errors"
	"iter"

	"github.com/gosmbd/smb/vfs"
)

func (f *faultFile) OpenStream(ctx context.Context, name string, opt vfs.StreamOptions) (vfs.File, error) {
	s, ok := vfs.As[vfs.Streamer](f.inner)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return f.hook.open(Op{Kind: OpenStream, Name: f.name, Stream: name}, func() (vfs.File, error) {
		return s.OpenStream(ctx, name, opt)
	})
}

func (f *faultFile) Streams(ctx context.Context) iter.Seq2[vfs.StreamInfo, error] {
	s, ok := vfs.As[vfs.Streamer](f.inner)
	if !ok {
		return declined[vfs.StreamInfo]
	}
	return list(f.hook, f.op(Streams), s.Streams(ctx))
}

func (f *faultFile) RemoveStream(ctx context.Context, name string) error {
	s, ok := vfs.As[vfs.Streamer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	op := Op{Kind: RemoveStream, Name: f.name, Stream: name}
	return f.hook.do(op, 0, func(int64) error { return s.RemoveStream(ctx, name) })
}

func (f *faultFile) RenameStream(ctx context.Context, from, to string, replace bool) error {
	s, ok := vfs.As[vfs.Streamer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	op := Op{Kind: RenameStream, Name: f.name, Stream: from, NewName: to}
	return f.hook.do(op, 0, func(int64) error { return s.RenameStream(ctx, from, to, replace) })
}
