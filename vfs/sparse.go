package vfs

import (
	"context"
	"iter"
)

// Range is a part of a file, in bytes.
type Range struct{ Off, Len int64 }

// End returns the offset of the first byte behind r.
func (r Range) End() int64 { return r.Off + r.Len }

// Sparser is a File that can have holes: ranges that take no storage and read as
// zero. A file system whose files are Sparsers says so in [Volume.Sparse]; without it
// clients can't make a file sparse and aren't told that they could. Without the
// interface, or where a method declines with [errors.ErrUnsupported], zeros are
// written, and all of a file counts as allocated.
//
// The ranges that the server passes are not empty and don't exceed 63 bits.
type Sparser interface {
	// SetSparse notes whether the file is meant to have holes, which shows as
	// AttrSparse in Stat. One that no longer is gets storage for those that it
	// has, if the backend can take storage in advance, or ErrNoSpace.
	SetSparse(ctx context.Context, sparse bool) error

	// Allocated iterates, in their order, over the parts of r before the end of
	// file that have storage. An error ends the iteration, which may be abandoned.
	Allocated(ctx context.Context, r Range) iter.Seq2[Range, error]

	// Punch makes r read as zero and gives its storage back, as far as the
	// backend can. The end of file stays where it is.
	Punch(ctx context.Context, r Range) error
}

// RangeCloner is a File that can share storage with others until one of them is
// written. A file system whose files are RangeCloners says so in [Volume.Clones].
// Without it the server refuses to duplicate extents with NOT_SUPPORTED.
type RangeCloner interface {
	// CloneRange makes r, which lies before the end of file, have the content of
	// the range of the same length at srcOff of src, a File of the same file
	// system or the same file: as a copy, but without storage of its own. A
	// wrapper may be around src, which [As] sees through. It clones all or nothing. Where r begins and ends are multiples of the
	// volume's block size, or it ends at the end of both files; ranges of one
	// file don't overlap. [errors.ErrUnsupported] declines.
	CloneRange(ctx context.Context, r Range, src File, srcOff int64) error
}

// Compressor is a File or directory whose content can be stored compressed. A file
// system with Compressors says so in [Volume.Compression], and lets what is created in
// a compressed directory be compressed unless [CreateOptions.NoCompression] is set.
// Without it nothing is compressed and the wish is refused with NOT_SUPPORTED.
type Compressor interface {
	// SetCompressed sets whether the content is stored compressed, which shows
	// as AttrCompressed in Stat. Of a directory it is what new entries get.
	SetCompressed(ctx context.Context, compressed bool) error
}
