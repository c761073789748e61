package vfs

import (
	"context"
	"strings"
	"unicode/utf8"
)

// Xattrer is a File that has extended attributes, as files and directories of
// NTFS have. Without it an object has none, and to set one is refused with
// EAS_NOT_SUPPORTED.
//
// They belong to the object, not to its name: all hard links have the same
// ones, and a rename keeps them. Neither method needs a right to the content;
// the server has checked what the client may do.
//
// A backend, or the storage beneath it, that can't do it for this object
// returns [errors.ErrUnsupported].
type Xattrer interface {
	// Xattrs returns the extended attributes, in an order that stays while
	// nothing is changed. Those that don't satisfy [ValidXattrName], that are
	// empty, or that would make all together exceed [MaxXattrs] are left out. The
	// caller doesn't change the values.
	Xattrs(ctx context.Context) ([]Xattr, error)

	// SetXattrs sets each of changes, or removes it if its Value is empty;
	// to remove what isn't there is no error. No two of them have the same
	// name. Either all changes are made or none. One that is there already
	// keeps its spelling.
	//
	// A name that the storage can't hold is ErrNameTooLong, one that it uses
	// for itself fs.ErrPermission, and what doesn't fit ErrNoSpace. The
	// values must not be kept. A change of any changes Attr.Changed.
	SetXattrs(ctx context.Context, changes []Xattr) error
}

// Xattr is an extended attribute.
type Xattr struct {
	Name  string // compared without regard to case, see FoldXattrName
	Value []byte

	// Needed tells that who doesn't understand the attribute can't make
	// sense of the object.
	Needed bool
}

// MaxXattrs is the most that all extended attributes of an object may take, as
// [XattrsSize] counts, [MS-FSA] 2.1.5.15.6.
const MaxXattrs = 64<<10 - 5

// maxXattrName is the longest name in bytes, [MS-FSCC] 2.4.16.
const maxXattrName = 254

// XattrsSize returns what extended attributes take on NTFS.
func XattrsSize(list []Xattr) int {
	n := 0
	for _, x := range list {
		n += x.Size()
	}
	return n
}

// Size returns what the attribute takes of [MaxXattrs].
func (x Xattr) Size() int { return 4 + len(x.Name) + 1 + len(x.Value) }

// FoldXattrName returns what all spellings of a name have in common: those that
// differ in the case of ASCII letters are the same.
func FoldXattrName(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, name)
}

// ValidXattrName reports whether name can be that of an extended attribute: 1 to
// 254 bytes of UTF-8, without control characters and those of \/:*?"<>|,+=[];
// ([MS-FSCC] 2.4.16).
func ValidXattrName(name string) bool {
	bad := func(r rune) bool { return r < ' ' || strings.ContainsRune(`\/:*?"<>|,+=[];`, r) }
	return name != "" && len(name) <= maxXattrName && utf8.ValidString(name) && !strings.ContainsFunc(name, bad)
}
