package vfs

import (
	"context"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Streamer is a File that has named streams besides its data, as files and
// directories of NTFS have. Without it names with a colon are refused with
// OBJECT_NAME_INVALID, and a file has only its data. Whether there are streams at all
// is asked of the root, which has to be a Streamer, too, if it has none itself.
//
// Names come without colons and type, and satisfy [ValidStreamName]; the server
// sees to that. Storage that can't have one so long returns ErrNameTooLong. They
// are compared without regard to case, as [strings.EqualFold] does, and keep the
// spelling that they were created with. Streams belong to the object, not to
// its name: all hard links have the same ones, a rename keeps them, and they go
// with the last link.
//
// A backend, or the storage beneath it, that can't do it for this object
// returns [errors.ErrUnsupported], also from a Streams that yields it alone.
type Streamer interface {
	// OpenStream opens the stream called name, or creates it: see
	// StreamOptions. A stream that isn't there is fs.ErrNotExist.
	//
	// The File it returns stands by itself: it may outlive the one that it
	// was opened on, and any number of Files of one stream work on the same
	// content. It has io.ReaderAt, io.WriterAt, Truncater and Syncer for the
	// stream, refused with fs.ErrPermission where opt doesn't ask for it, and
	// Streamer, and what the object's File has of AttrSetter and Xattrer, for
	// the object.
	// Its Stat is the object's (ID, times, attributes, links) but for Size
	// and Alloc, which are the stream's, and Mode, which is a regular file's,
	// for a stream of a directory as well. A write changes the object's times.
	//
	// Storage that bounds the size of a stream returns ErrNoSpace where a
	// write or Truncate would exceed it, and writes nothing.
	OpenStream(ctx context.Context, name string, opt StreamOptions) (File, error)

	// Streams iterates over the named streams, in any order; an object
	// without has none. An error ends the iteration, which may be abandoned.
	Streams(ctx context.Context) iter.Seq2[StreamInfo, error]

	// RemoveStream removes the stream called name; fs.ErrNotExist if there is
	// none. Open Files of it go on working.
	RemoveStream(ctx context.Context, name string) error

	// RenameStream gives the stream called from another name. If there is a
	// stream called to it is replaced when replace is set, else fs.ErrExist
	// is returned; a change of case only is no such conflict. Open Files of
	// the stream follow it, those of a replaced one go on working.
	RenameStream(ctx context.Context, from, to string, replace bool) error
}

// StreamOptions says how a stream is opened. The zero value opens an existing
// one without access to its content.
type StreamOptions struct {
	OpenOptions

	// Create makes the stream, empty, if it isn't there.
	Create bool

	// Exclusive makes the creation fail with fs.ErrExist if the stream is
	// there already; the check and the act are one. Without Create it means
	// nothing.
	Exclusive bool
}

// StreamInfo describes a named stream.
type StreamInfo struct {
	Name  string // as it was created, without colons and type
	Size  int64  // end of the stream, in bytes
	Alloc int64  // bytes allocated; zero lets the server round Size up
}

// maxStreamName is the longest name of a stream in UTF-16 units, [MS-FSCC] 2.1.5.3.
const maxStreamName = 255

// ValidStreamName reports whether name can be that of a named stream: 1 to 255
// UTF-16 units, without NUL, colon, slash and backslash.
func ValidStreamName(name string) bool {
	if name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, "\x00:/\\") {
		return false
	}
	n := 0
	for _, r := range name {
		n += utf16.RuneLen(r)
	}
	return n <= maxStreamName
}
