//go:build !linux && !darwin

package osfs

import "errors"

// moveAtomic declines: the system has no call for it.
func (f *FS) moveAtomic(oldname, newname string) error { return errors.ErrUnsupported }
