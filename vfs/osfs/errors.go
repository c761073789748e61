package osfs

import (
	"errors"
	"io/fs"
	"os"
)

// errSpecial refuses the content of devices, sockets and pipes.
var errSpecial = errors.Join(errors.New("neither a file nor a directory"), fs.ErrPermission)

// cause strips what package os puts around an error: paths of the machine don't
// belong into the messages of a share.
func cause(err error) error {
	for {
		switch e := err.(type) {
		case *fs.PathError:
			err = e.Err
		case *os.LinkError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		default:
			return err
		}
	}
}

// fail describes a failed operation on a name of the share, with the errors of
// packages fs and vfs instead of the system's where there is one.
func (f *FS) fail(op, name string, err error) error {
	err = cause(err)
	if err == f.escape {
		// A link that leads out. What lies there is nobody's business.
		err = fs.ErrNotExist
	}
	for _, t := range translations {
		if errors.Is(err, t.from) {
			err = t.to
			break
		}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// translation is an error of the system and what it is called elsewhere.
type translation struct{ from, to error }

// fail describes a failed operation on an open file; nil stays nil.
func (h *File) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return h.fs.fail(op, h.name, err)
}
