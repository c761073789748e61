package smb

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// infoSize is the size of the stream AFP_AfpInfo: all of it is one record. In big-endian
// numbers it has a signature, a version, four bytes of nothing, the time of the last
// backup, the Finder info, and fourteen bytes that are of no use today.
const (
	infoSize       = 60
	infoFinder     = 16 // offset of the Finder info
	infoFinderSize = 32
)

// emptyInfo is the record of a file that has none: it was never backed up.
var emptyInfo = [infoSize]byte{'A', 'F', 'P', 0, 0, 0, 1, 0, 12: 0x80}

// infoFile is the stream AFP_AfpInfo with the rules of Apple's server. It always has its
// size. While the stream beneath it is empty it reads as a record without Finder info, and
// to write such a record empties the stream; it then counts as missing, and is
// removed with its last open.
type infoFile struct {
	vfs.File
	reader io.ReaderAt
	writer io.WriterAt
	trunc  vfs.Truncater
}

// wrapStream makes f, an open stream called name, keep the rules of Apple's streams.
func (sh *Share) wrapStream(name string, f vfs.File) vfs.File {
	if f == nil || sh.appleStream(name) != appleInfo {
		return f
	}
	i := &infoFile{File: f}
	i.reader, _ = vfs.As[io.ReaderAt](f)
	i.writer, _ = vfs.As[io.WriterAt](f)
	i.trunc, _ = vfs.As[vfs.Truncater](f)
	return i
}

// Unwrap shows what the stream can do besides.
func (i *infoFile) Unwrap() vfs.File { return i.File }

// Stat implements vfs.File.
func (i *infoFile) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := i.File.Stat(ctx)
	a.Size, a.Alloc = infoSize, 0
	return a, err
}

// record returns what the stream holds.
func (i *infoFile) record() ([infoSize]byte, error) {
	b := emptyInfo
	if i.reader == nil {
		return b, fs.ErrPermission
	}
	n, err := readAt(i.reader, b[:], 0)
	if n < infoSize {
		if err != nil && !errors.Is(err, io.EOF) {
			return emptyInfo, err
		}
		return emptyInfo, nil
	}
	return b, nil
}

// ReadAt reads from the start, whatever the offset is, unless that lies behind the end.
func (i *infoFile) ReadAt(b []byte, off int64) (int, error) {
	if off > infoSize {
		return 0, io.EOF
	}
	record, err := i.record()
	if err != nil {
		return 0, err
	}
	n := copy(b, record[:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt replaces the record, whatever the offset is. It must begin with its signature, and
// be whole if it doesn't begin at the start.
func (i *infoFile) WriteAt(b []byte, off int64) (int, error) {
	switch {
	case len(b) < 3 || off != 0 && len(b) < infoSize || string(b[:3]) != "AFP":
		return 0, smb2.StatusInvalidParameter
	case i.writer == nil:
		return 0, fs.ErrPermission
	case len(b) <= infoFinder:
		return len(b), nil
	}
	var record [infoSize]byte
	copy(record[:], b)
	if [infoFinderSize]byte(record[infoFinder:]) == [infoFinderSize]byte{} {
		if err := i.clear(); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	if _, err := writeAt(i.writer, record[:], 0); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Truncate doesn't do anything to a record that is there: its size is fixed.
func (i *infoFile) Truncate(size int64) error {
	if size > infoSize {
		return smb2.StatusAllottedSpaceExceeded
	}
	return nil
}

// CopyRange declines: a record is written by WriteAt only.
func (i *infoFile) CopyRange(context.Context, int64, vfs.File, int64, int64) (int64, error) {
	return 0, errors.ErrUnsupported
}

// clear empties the stream.
func (i *infoFile) clear() error {
	if i.trunc == nil {
		return fs.ErrPermission
	}
	return i.trunc.Truncate(0)
}
