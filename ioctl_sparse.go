package smb

import (
	"context"
	"errors"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// statusIntegerOverflow is for a range to be trimmed that exceeds 64 bits.
const statusIntegerOverflow Status = 0xC0000095

const (
	zeroChunk = 1 << 30     // at most this much is zeroed between two looks whether that was cancelled
	pageSize  = clusterSize // what trimmed ranges are aligned to
)

// zeros are what is written where no hole can be made. They are never written to.
var zeros [128 << 10]byte

// canHaveHoles reports whether o's content can be sparse. That of a named stream can't,
// although its attributes are those of an object which may be.
func (o *open) canHaveHoles() bool { return o.sparser != nil && o.file.base == nil }

// sparse reports whether o's content, with the attributes a, is sparse.
func (o *open) sparse(a vfs.Attr) bool { return o.canHaveHoles() && a.Attributes&vfs.AttrSparse != 0 }

// setSparse notes whether a file is meant to have holes. [MS-FSA] 2.1.5.10.38
func setSparse(ctx context.Context, r *request, q *control) error {
	o := r.open
	if o.file.dir {
		return smb2.StatusInvalidParameter
	}
	v, err := o.m.volume(ctx, r.tree)
	switch {
	case err != nil:
		return err
	case !v.Sparse || !o.canHaveHoles():
		return smb2.StatusInvalidDeviceRequest
	}
	defer o.work().end()
	err = o.sparser.SetSparse(ctx, smb2.ParseFileSetSparseBuffer(q.Input).SetSparse)
	if errors.Is(err, errors.ErrUnsupported) {
		return smb2.StatusInvalidDeviceRequest
	}
	if err == nil {
		o.m.entryChanged(o.holder, o.modified(smb2.FileNotifyChangeAttributes))
	}
	return err
}

// setZeroData makes a range of a file zero, and frees its storage if the file is sparse.
// [MS-FSA] 2.1.5.10.39
func setZeroData(ctx context.Context, r *request, q *control) error {
	o := r.open
	x, err := smb2.ParseFileZeroDataInformation(q.Input)
	switch {
	case err != nil:
		return err
	case x.FileOffset < 0 || x.FileOffset > x.BeyondFinalZero || o.file.dir:
		return smb2.StatusInvalidParameter
	case o.writer == nil:
		return smb2.StatusAccessDenied
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return err
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	// "Open.Stream.Size MUST NOT be changed by this operation."
	all := vfs.Range{Off: x.FileOffset, Len: min(x.BeyondFinalZero, a.Size) - x.FileOffset}
	if all.Len <= 0 {
		return nil
	}
	if err := o.file.checkRange(o, uint64(all.Off), uint64(all.Len), true); err != nil {
		return err
	}
	defer r.written(ctx, r.open.beforeWrite(ctx))
	if err := r.zero(ctx, all, o.sparse(a)); err != nil {
		return err
	}
	if o.options&(smb2.OptionWriteThrough|smb2.OptionNoIntermediateBuffering) != 0 {
		return o.sync()
	}
	return nil
}

// written ends what beforeWrite began, data having been written. This shows at once,
// since whether all of it was written isn't known here.
func (r *request) written(ctx context.Context, n writeNote) {
	n.work.end()
	n.before = time.Time{}
	r.open.wrote()
	r.open.afterWrite(ctx, n)
	r.c.srv.brokenBy(r.open.file, r.open.holder, oplock.OpWrite)
}

// zero makes a range before the end of file zero. If free is set its storage is given
// back, else it stays, as far as there is any.
func (r *request) zero(ctx context.Context, all vfs.Range, free bool) error {
	for done := int64(0); done < all.Len; {
		if err := r.stopped(ctx); err != nil {
			return err
		}
		part := vfs.Range{Off: all.Off + done, Len: min(all.Len-done, zeroChunk)}
		done += part.Len
		if free {
			err := r.open.sparser.Punch(ctx, part)
			if err == nil {
				continue
			}
			if !errors.Is(err, errors.ErrUnsupported) {
				return err
			}
		}
		for data, err := range r.open.allocated(ctx, part) {
			if err == nil {
				err = r.writeZeros(ctx, data)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// writeZeros writes a range.
func (r *request) writeZeros(ctx context.Context, part vfs.Range) error {
	for done := int64(0); done < part.Len; {
		if err := r.stopped(ctx); err != nil {
			return err
		}
		n, err := writeAt(r.open.writer, zeros[:min(part.Len-done, int64(len(zeros)))], part.Off+done)
		if err != nil {
			return err
		}
		done += int64(n)
	}
	return nil
}

// fileLevelTrim frees the storage of ranges that the client has no use for any more; what
// it reads there afterwards is zero. [MS-FSA] 2.1.5.10.6
func fileLevelTrim(ctx context.Context, r *request, q *control) error {
	o := r.open
	const outputSize = 4
	x, err := smb2.ParseFileLevelTrim(q.Input)
	switch {
	case err != nil:
		return err
	case !o.file.dir && !o.canHaveHoles():
		return smb2.StatusInvalidDeviceRequest
	case o.file.dir || len(x.Ranges) == 0, q.MaxOutputResponse > 0 && q.MaxOutputResponse < outputSize:
		return smb2.StatusInvalidParameter
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return err
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	if a.Attributes&(vfs.AttrCompressed|vfs.AttrEncrypted) != 0 {
		return smb2.StatusInvalidParameter
	}
	for _, t := range x.Ranges {
		part, err := trimmed(t, a.Size)
		if err == nil && part.Len > 0 {
			err = o.file.checkRange(o, uint64(part.Off), uint64(part.Len), true)
		}
		if err != nil {
			return err
		}
	}
	defer r.written(ctx, r.open.beforeWrite(ctx))
	var out smb2.FileLevelTrimOutput
	for _, t := range x.Ranges {
		part, _ := trimmed(t, a.Size)
		if part.Len == 0 {
			continue
		}
		if err := r.stopped(ctx); err != nil {
			return err
		}
		if err := o.sparser.Punch(ctx, part); err != nil {
			return err
		}
		out.NumRangesProcessed++
	}
	if q.MaxOutputResponse > 0 {
		q.out = out.Append(nil)
	}
	return nil
}

// trimmed returns the whole pages of a range, in a file of this size.
func trimmed(t smb2.FileLevelTrimRange, size int64) (vfs.Range, error) {
	adjust := -t.Offset % pageSize
	off, end := t.Offset+adjust, t.Offset+t.Length
	if off < t.Offset || end < t.Offset {
		return vfs.Range{}, statusIntegerOverflow
	}
	if end = min(end, uint64(roundUp(size))) / pageSize * pageSize; off >= end {
		return vfs.Range{}, nil
	}
	return vfs.Range{Off: int64(off), Len: int64(end - off)}, nil
}
