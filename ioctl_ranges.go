package smb

import (
	"context"
	"errors"
	"iter"
	"math"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// allocated iterates over the parts of a range before the end of file that have storage:
// all of it, if the backend can't tell.
func (o *open) allocated(ctx context.Context, all vfs.Range) iter.Seq2[vfs.Range, error] {
	return func(yield func(vfs.Range, error) bool) {
		if !o.canHaveHoles() {
			yield(all, nil)
			return
		}
		for part, err := range o.sparser.Allocated(ctx, all) {
			if errors.Is(err, errors.ErrUnsupported) {
				yield(all, nil)
				return
			}
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// queryAllocatedRanges tells which parts of a range have storage. What is no sparse file
// has it everywhere. [MS-FSA] 2.1.5.10.22
func queryAllocatedRanges(ctx context.Context, r *request, q *control) error {
	o := r.open
	x, err := smb2.ParseFileAllocatedRangeBuffer(q.Input)
	switch {
	case err != nil:
		return err
	case o.file.dir || x.FileOffset < 0 || x.Length < 0 || x.Length > math.MaxInt64-x.FileOffset:
		return smb2.StatusInvalidParameter
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	all := vfs.Range{Off: x.FileOffset, Len: min(x.Length, a.Size-x.FileOffset)}
	if all.Len <= 0 {
		return nil // beyond the end of file nothing is allocated, as on Windows
	}
	list := smb2.FileAllocatedRanges{{FileOffset: all.Off, Length: all.Len}}
	if o.sparse(a) {
		if list, err = r.rangesIn(ctx, all, int(q.MaxOutputResponse)); err != nil {
			return err
		}
	}
	var n int
	q.out, n = list.AppendMax(nil, int(q.MaxOutputResponse))
	switch {
	case n == 0 && len(list) > 0:
		return smb2.StatusBufferTooSmall
	case n < len(list):
		q.status = smb2.StatusBufferOverflow
	}
	return nil
}

// rangesIn lists the allocated parts of a range, those that meet as one, and not many
// more than fit into max bytes.
func (r *request) rangesIn(ctx context.Context, all vfs.Range, max int) (list smb2.FileAllocatedRanges, err error) {
	const size = 16
	for part, err := range r.open.allocated(ctx, all) {
		if err == nil {
			err = r.stopped(ctx)
		}
		if err != nil {
			return nil, err
		}
		if n := len(list); n > 0 && list[n-1].FileOffset+list[n-1].Length == part.Off {
			list[n-1].Length += part.Len
			continue
		}
		if len(list)*size > max {
			break
		}
		list = append(list, smb2.FileAllocatedRangeBuffer{FileOffset: part.Off, Length: part.Len})
	}
	return list, nil
}

// queryFileRegions tells which parts of a range were ever written, as far as that can be
// known: all, up to the end of file. [MS-FSA] 2.1.5.10.24
func queryFileRegions(ctx context.Context, r *request, q *control) error {
	const inputSize, outputSize = 24, 40
	x := smb2.FileRegion{Length: math.MaxInt64, Usage: smb2.RegionValidCachedData}
	if len(q.Input) > 0 {
		if len(q.Input) < inputSize {
			return smb2.StatusBufferTooSmall
		}
		var err error
		if x, err = smb2.ParseFileRegion(q.Input); err != nil {
			return err
		}
	}
	switch {
	case r.open.file.dir || x.FileOffset < 0 || x.Length <= 0 || x.Length > math.MaxInt64-x.FileOffset,
		x.Usage&smb2.RegionValidCachedData == 0:
		return smb2.StatusInvalidParameter
	case q.MaxOutputResponse < outputSize:
		return smb2.StatusBufferTooSmall
	}
	a, err := r.open.f.Stat(ctx)
	if err != nil {
		return err
	}
	if x.FileOffset > a.Size || x.FileOffset == a.Size && a.Size > 0 {
		return nil
	}
	x.Length = min(x.Length, a.Size-x.FileOffset)
	if a.Size == 0 {
		x.Usage = 0
	}
	q.out = smb2.FileRegions{Total: 1, Regions: []smb2.FileRegion{x}}.Append(nil)
	return nil
}
