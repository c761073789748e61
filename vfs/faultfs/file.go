package faultfs

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/gosmbd/smb/vfs"
)

type faultFile struct {
	inner vfs.File
	name  string
	hook  Hook
}

func (f *faultFile) Stat(ctx context.Context) (a vfs.Attr, err error) {
	err = f.hook.do(Op{Kind: Stat, Name: f.name}, 0, func(int64) (err error) {
		a, err = f.inner.Stat(ctx)
		return err
	})
	return a, err
}

// Close closes the File beneath whatever the hook says, as it's not closed
// twice: a fault is what's returned.
func (f *faultFile) Close() error {
	err := f.hook(Op{Kind: Close, Name: f.name})
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
	op := Op{Kind: Read, Name: f.name, Offset: off, Length: int64(len(p))}
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
	op := Op{Kind: Write, Name: f.name, Offset: off, Length: int64(len(p))}
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
	op := Op{Kind: Truncate, Name: f.name, Offset: size}
	return f.hook.do(op, 0, func(int64) error { return t.Truncate(size) })
}

func (f *faultFile) Sync() error {
	s, ok := vfs.As[vfs.Syncer](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: Sync, Name: f.name}, 0, func(int64) error { return s.Sync() })
}

func (f *faultFile) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	s, ok := vfs.As[vfs.AttrSetter](f.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.hook.do(Op{Kind: SetAttr, Name: f.name}, 0, func(int64) error { return s.SetAttr(ctx, c) })
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
	op := Op{Kind: CopyRange, Name: f.name, Offset: off, Length: n}
	err = f.hook.do(op, n, func(part int64) (err error) {
		if part > 0 {
			m, err = c.CopyRange(ctx, off, src, srcOff, part)
		}
		return err
	})
	return m, err
}

func (f *faultFile) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		d, ok := vfs.As[vfs.DirReader](f.inner)
		if !ok {
			yield(vfs.DirEntry{}, errors.ErrUnsupported)
			return
		}
		stopped := false
		err := f.hook.do(Op{Kind: ReadDir, Name: f.name}, 1<<62, func(n int64) error {
			for e, err := range d.ReadDir(ctx) {
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
			yield(vfs.DirEntry{}, err)
		}
	}
}
