package vfs

import "context"

// Tags of reparse points, [MS-FSCC] 2.1.2.1, that have a meaning to the server.
// Others it stores and gives back.
const (
	TagSymlink    uint32 = 0xA000000C
	TagMountPoint uint32 = 0xA0000003

	// TagNFS makes an object a device, pipe or socket, [MS-FSCC] 2.1.2.6.
	TagNFS uint32 = 0x80000014
)

// MaxReparseData is the most bytes of ReparsePoint.Data.
const MaxReparseData = 16<<10 - 8

// ReparsePoint is what makes a file or directory something else to those who know
// its tag: a symbolic link, a junction, a device or socket of a client that has
// them. To the storage it is data.
type ReparsePoint struct {
	Tag  uint32
	GUID [16]byte // whose tag it is; zero if Tag has the bit 0x80000000
	Data []byte
}

// Symlinker is a file system with symbolic links of its own. Without it, or where
// it returns [errors.ErrUnsupported] for everything, a client's link is stored as any
// other reparse point, if the object is a [Reparser].
//
// The server never follows a link that is one here: it has fs.ModeSymlink in
// Attr.Mode and TagSymlink in Attr.ReparseTag, a File of it has no content, and the
// client is told where it leads. A link that the backend follows by itself isn't one
// to the server; it is what it leads to.
type Symlinker interface {
	// Symlink makes name a link to target, which is slash-separated and relative
	// to the directory of name, and doesn't lead above the root as written. With
	// replace, it takes the place of a file, a link or an empty directory
	// (ErrNotEmpty) that is called so, atomically where the storage can; else
	// fs.ErrExist.
	Symlink(ctx context.Context, target, name string, replace bool) error

	// Readlink returns where a link leads, as it was stored; fs.ErrInvalid for
	// what isn't one.
	Readlink(ctx context.Context, name string) (string, error)
}

// Reparser is a File that can be made a reparse point; Attr.ReparseTag shows it. The
// data is kept as it is and followed by nobody. Without it, FSCTL_SET_REPARSE_POINT is
// refused with INVALID_DEVICE_REQUEST, but for what a [Symlinker] can do, and what
// has no tag is no reparse point. A backend, or the storage beneath it, that can't do
// it for this object returns [errors.ErrUnsupported].
type Reparser interface {
	// ReparsePoint returns the reparse point; ErrNotReparsePoint if it is none.
	ReparsePoint(ctx context.Context) (ReparsePoint, error)

	// SetReparsePoint makes the object a reparse point or replaces what it was.
	// Storage that bounds its size returns ErrNoSpace. p.Data must not be kept.
	SetReparsePoint(ctx context.Context, p ReparsePoint) error

	// RemoveReparsePoint makes the object an ordinary one; ErrNotReparsePoint if
	// it is that already.
	RemoveReparsePoint(ctx context.Context) error
}
