package ntlm

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// locker locks an account file as Samba does, by a lock on the range of all bytes. It
// belongs to the open file, so that others in this process may open and close it.
type locker struct{}

// try reports false if somebody else has the lock.
func (locker) try(f *os.File) (bool, error) {
	all := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &all)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("lock "+f.Name(), err)
	}
	return true, nil
}

// release does nothing: closing the file unlocks it.
func (locker) release(*os.File) {}
