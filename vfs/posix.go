package vfs

import "io/fs"

// PosixBits are the bits of an fs.FileMode that a [Chmoder] is about: the permissions
// and those that come before them.
const PosixBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// Capabilities of an open file that POSIX clients ask for, in the form that *os.File
// has them.
type (
	// Chmoder changes the permission bits. Without it that is refused with
	// NOT_SUPPORTED.
	Chmoder interface {
		// Chmod sets those of PosixBits that the backend lets clients set, and
		// leaves out the others without an error.
		Chmod(mode fs.FileMode) error
	}

	// Chowner changes the owner. Without it that is refused with NOT_SUPPORTED.
	Chowner interface {
		// Chown sets the numbers of the user and the group that own the object;
		// -1 leaves one as it is.
		Chown(uid, gid int) error
	}
)
