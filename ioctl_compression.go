package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// compressed reports whether o's content, with the attributes a, is compressed. That of
// a named stream isn't, whatever its object is.
func (o *open) compressed(a vfs.Attr) bool {
	return o.file.base == nil && a.Attributes&vfs.AttrCompressed != 0
}

// getCompression tells whether a file is compressed. [MS-FSA] 2.1.5.10.9
func getCompression(ctx context.Context, r *request, q *control) error {
	a, err := r.open.f.Stat(ctx)
	if err != nil {
		return err
	}
	var x smb2.CompressionState
	if r.open.compressed(a) {
		x.Format = smb2.CompressionFormatLZNT1
	}
	out := x.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// setCompression compresses a file, or no longer. Which way is left to the backend.
// [MS-FSA] 2.1.5.10.30
func setCompression(ctx context.Context, r *request, q *control) error {
	o := r.open
	x, err := smb2.ParseCompressionState(q.Input)
	switch {
	case err != nil:
		return err
	case x.Format > smb2.CompressionFormatLZNT1:
		return smb2.StatusInvalidParameter
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return err
	}
	on := x.Format != smb2.CompressionFormatNone
	switch {
	case on == o.compressed(a):
		return nil
	case o.compressor == nil || o.file.base != nil:
		return smb2.StatusNotSupported
	}
	defer o.work().end()
	if err := o.compressor.SetCompressed(ctx, on); err != nil {
		return err
	}
	o.m.entryChanged(o.holder, o.modified(smb2.FileNotifyChangeAttributes))
	return nil
}

// compressionInfo is [MS-FSA] 2.1.5.12.8.
func (o *open) compressionInfo(a vfs.Attr) smb2.FileCompressionInformation {
	if !o.compressed(a) {
		return smb2.FileCompressionInformation{CompressedFileSize: a.Size}
	}
	// NTFS compresses chunks of 4 KiB in units of 16 clusters.
	return smb2.FileCompressionInformation{
		CompressedFileSize: a.Alloc,
		CompressionFormat:  smb2.CompressionFormatLZNT1, CompressionUnitShift: 16, ChunkShift: 12, ClusterShift: 12,
	}
}
