package smb

import (
	"context"
	"math"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// duplicateExtents makes a range of a file share the storage of another. [MS-FSA]
// 2.1.5.10.4
func duplicateExtents(ctx context.Context, r *request, q *control) error {
	x, err := smb2.ParseDuplicateExtentsData(q.Input)
	if err != nil {
		return err
	}
	return r.duplicate(ctx, x)
}

// duplicateExtentsEx is duplicateExtents with flags. The only one asks for all or
// nothing, which is what vfs.RangeCloner does anyway. [MS-FSA] 2.1.5.10.5
func duplicateExtentsEx(ctx context.Context, r *request, q *control) error {
	x, err := smb2.ParseDuplicateExtentsDataEx(q.Input)
	if err != nil {
		return err
	}
	return r.duplicate(ctx, x.DuplicateExtentsData)
}

func (r *request) duplicate(ctx context.Context, x smb2.DuplicateExtentsData) error {
	o := r.open
	switch {
	case x.SourceFileOffset < 0 || x.TargetFileOffset < 0 || x.ByteCount < 0,
		x.SourceFileOffset > math.MaxInt64-x.ByteCount || x.TargetFileOffset > math.MaxInt64-x.ByteCount:
		return smb2.StatusInvalidParameter
	case x.ByteCount == 0:
		return nil
	case o.file.dir || o.cloner == nil:
		return smb2.StatusNotSupported
	}
	src := r.se.pin(x.SourceFileID, nil)
	if src == nil {
		return smb2.StatusInvalidHandle
	}
	defer src.unpin()
	if src.file == nil || src.file.dir || src.access&vfs.ReadData == 0 || src.m != o.m {
		return smb2.StatusInvalidParameter
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return err
	}
	part, err := r.duplicable(ctx, src, x)
	if err != nil || part.Len <= 0 {
		return err
	}
	// Byte-range locks aren't looked at, on either side: Windows doesn't, notes 91 and
	// 92, and who duplicates extents under a lock of his other handle relies on it.
	note := o.beforeWrite(ctx)
	if err := o.cloner.CloneRange(ctx, part, src.f, x.SourceFileOffset); err != nil {
		note.work.end()
		return err
	}
	r.written(ctx, note)
	return nil
}

// duplicable returns the range of the target that is to be cloned, if it can be. Beyond
// the target's end of file nothing is, and that is no error, as on Windows.
//
// The range is to be whole clusters, but who clones all of a file can't keep to that.
// Linux's clients then end at the end of file, and others at the end of its last
// cluster; both are accepted where the target ends there, too.
func (r *request) duplicable(ctx context.Context, src *open, x smb2.DuplicateExtentsData) (part vfs.Range, err error) {
	o := r.open
	from, err := src.f.Stat(ctx)
	if err != nil {
		return part, err
	}
	to, err := o.f.Stat(ctx)
	if err != nil {
		return part, err
	}
	v, err := o.m.volume(ctx, r.tree)
	if err != nil {
		return part, err
	}
	unit := int64(v.BlockSize)
	rest := from.Size - x.SourceFileOffset
	part = vfs.Range{Off: x.TargetFileOffset, Len: min(x.ByteCount, rest, to.Size-x.TargetFileOffset)}
	last := part.Len == rest && part.End() == to.Size
	switch {
	case x.SourceFileOffset%unit != 0 || x.TargetFileOffset%unit != 0:
		return part, smb2.StatusInvalidParameter
	case rest <= 0 || x.ByteCount-rest >= unit:
		return part, smb2.StatusNotSupported
	case part.Len > 0 && part.Len%unit != 0 && !last:
		return part, smb2.StatusInvalidParameter
	case src.sparse(from) && !o.sparse(to):
		return part, smb2.StatusNotSupported
	case src.file == o.file && part.Off < x.SourceFileOffset+x.ByteCount && x.SourceFileOffset < part.Off+x.ByteCount:
		return part, smb2.StatusNotSupported // they overlap
	}
	return part, nil
}
