package smb

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// copyFile makes the open of the request a copy of src: content, named streams, and, if it
// may write them, times and attributes. It is what Apple's clients mean by a copy without
// chunks. copyChunk has checked the access.
func (r *request) copyFile(ctx context.Context, src *open, q *control) error {
	dst := r.open
	switch {
	case src.file == dst.file:
		return smb2.StatusInvalidParameter
	case dst.access&vfs.WriteData == 0: // it replaces what is there, and cuts it off
		return smb2.StatusAccessDenied
	}
	whole := src.file.base == nil && dst.file.base == nil
	var streams []vfs.StreamInfo
	if whole {
		var err error
		if streams, err = src.tree().visibleStreams(ctx, src); err != nil {
			return err
		}
		if err := dst.checkStreamsFree(streams); err != nil {
			return err
		}
	}
	if err := r.claimStreams(src, dst, streams); err != nil {
		return err
	}
	total, err := r.copyContent(ctx, src)
	for _, info := range streams {
		if err == nil {
			err = r.copyStream(ctx, src, info.Name)
		}
	}
	if err == nil && whole {
		err = dst.copyAttr(ctx, src)
	}
	q.status = StatusOf(err)
	q.out = smb2.SrvCopychunkResponse{TotalBytesWritten: uint32(min(total, math.MaxUint32))}.Append(nil)
	return nil
}

// visibleStreams lists the named streams of o that aren't hidden.
func (t *tree) visibleStreams(ctx context.Context, o *open) (list []vfs.StreamInfo, err error) {
	s, ok := vfs.As[vfs.Streamer](o.f)
	if !ok {
		return nil, nil
	}
	for info, err := range s.Streams(ctx) {
		if err != nil {
			return nil, ignoreUnsupported(err)
		}
		if !t.hides(info, false) {
			list = append(list, info)
		}
	}
	return list, nil
}

// checkStreamsFree checks that nobody forbids that streams of o, named as in list, are
// written.
func (o *open) checkStreamsFree(list []vfs.StreamInfo) error {
	m := o.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, info := range list {
		f := o.file.streams[foldStream(info.Name)]
		if f == nil {
			continue
		}
		f.mu.Lock()
		busy := f.deletePending
		for _, other := range f.opens {
			busy = busy || other.share&smb2.ShareWrite == 0
		}
		f.mu.Unlock()
		if busy {
			return smb2.StatusSharingViolation
		}
	}
	return nil
}

// claimStreams makes others give up what they cache of the streams in list, of src and of
// dst, and checks that nobody has locked them.
func (r *request) claimStreams(src, dst *open, list []vfs.StreamInfo) error {
	for _, info := range list {
		if err := r.claimStream(src, info, oplock.OpRead); err != nil {
			return err
		}
		if err := r.claimStream(dst, info, oplock.OpSetSize); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) claimStream(o *open, info vfs.StreamInfo, op oplock.Op) error {
	o.m.mu.Lock()
	f := o.file.streams[foldStream(info.Name)]
	o.m.mu.Unlock()
	if f == nil {
		return nil
	}
	if err := r.breakFor(f, o.holder, op); err != nil {
		return err
	}
	return f.checkRange(o, 0, uint64(info.Size), op != oplock.OpRead)
}

// copyContent copies the content of src and cuts off what is behind it.
func (r *request) copyContent(ctx context.Context, src *open) (total int64, err error) {
	o := r.open
	a, err := src.f.Stat(ctx)
	if err != nil {
		return 0, err
	}
	for total < a.Size {
		if err := context.Cause(ctx); err != nil {
			return total, err
		}
		n, err := r.copyFrom(ctx, src, smb2.SrvCopychunk{
			SourceOffset: uint64(total),
			TargetOffset: uint64(total),
			Length:       uint32(min(a.Size-total, copyMaxChunkSize)),
		})
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	if o.trunc == nil {
		return total, nil
	}
	return total, r.setSize(ctx, a.Size, false)
}

// copyStream makes the stream of r.open called name the same as that of src.
func (r *request) copyStream(ctx context.Context, src *open, name string) error {
	o := r.open
	from, _, err := streamOf(ctx, src.f, name, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData}})
	if err != nil {
		return err
	}
	defer from.Close()
	opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}, Create: true}
	to, _, err := streamOf(ctx, o.f, name, opt)
	if err != nil {
		return err
	}
	err = pour(ctx, to, from)
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	o.m.mu.Lock()
	f := o.file.streams[foldStream(name)]
	o.m.mu.Unlock()
	if f != nil {
		r.c.srv.brokenBy(f, o.holder, oplock.OpSetSize)
	}
	o.m.entryChanged(o.holder, streamChange(o.path(), name, smb2.ActionFileModifiedStream))
	return err
}

// pour replaces the content of to by that of from.
func pour(ctx context.Context, to, from vfs.File) error {
	src, readable := vfs.As[io.ReaderAt](from)
	dst, writable := vfs.As[io.WriterAt](to)
	trunc, cuts := vfs.As[vfs.Truncater](to)
	if !readable || !writable || !cuts {
		return smb2.StatusAccessDenied
	}
	if err := orDenied(trunc.Truncate(0)); err != nil {
		return err
	}
	buf := frame.Get(copyMaxChunkSize)
	defer buf.Free()
	for off := int64(0); ; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := readAt(src, buf.B, off)
		if n > 0 {
			if _, err := writeAt(dst, buf.B[:n], off); err != nil {
				return err
			}
			off += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// copyAttr gives o the times and attributes of src.
func (o *open) copyAttr(ctx context.Context, src *open) error {
	if o.access&vfs.WriteAttributes == 0 {
		return nil
	}
	a, err := src.stat(ctx)
	if err != nil {
		return err
	}
	c := vfs.AttrChange{Created: a.Created, Written: a.Written, Attributes: a.Attributes & settableAttrs}
	err = o.setAttr(ctx, c)
	o.m.entryChanged(o.holder, modified(o.path(), attrFilter(c)))
	return err
}
