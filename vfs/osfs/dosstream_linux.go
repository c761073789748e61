package osfs

import (
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// A named stream is an extended attribute, as Samba's module streams_xattr has
// it: its name is the prefix, the stream's name in UTF-8 and the type, and its
// value is the content and a NUL, since an attribute isn't empty with Samba.
// With "store_stream_type = no" Samba leaves out the type; such ones are found
// and keep their form. A value that doesn't end with NUL is another program's
// (ksmbd adds none), and all content.
//
// The kernel bounds names to 255 bytes and values to 64 KiB, and most file
// systems values further: ext4 all attributes of an object together to a block. What
// doesn't fit is a sidecar.
const (
	streamPrefix = "user.DosStream."
	streamType   = ":$DATA"

	maxAttrName  = 255
	maxAttrValue = 64 << 10
	maxStream    = maxAttrValue - 1
)

// streamAttr returns the attribute for a stream.
func streamAttr(name string) (string, error) {
	if !vfs.ValidStreamName(name) {
		return "", errStreamName
	}
	attr := streamPrefix + name + streamType
	if len(attr) > maxAttrName {
		return "", vfs.ErrNameTooLong
	}
	return attr, nil
}

// streamName returns the stream that an attribute holds or refers to; not ok if none.
func streamName(attr string) (name string, ok bool) {
	name, ok = strings.CutPrefix(attr, streamPrefix)
	if !ok {
		name, ok = strings.CutPrefix(attr, sidePrefix)
	}
	if at := len(name) - len(streamType); at > 0 && strings.EqualFold(name[at:], streamType) {
		name = name[:at]
	}
	return name, ok && vfs.ValidStreamName(name)
}

// streamContent returns the content in the value of an attribute, which it
// aliases.
func streamContent(value []byte) []byte {
	if n := len(value); n > 0 && value[n-1] == 0 {
		return value[:n-1]
	}
	return value
}

// appendStream appends the value that holds the content.
func appendStream(dst, content []byte) []byte {
	return append(append(dst, content...), 0)
}
