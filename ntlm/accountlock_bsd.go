//go:build unix && !linux && !solaris && !illumos && !aix

package ntlm

import (
	"errors"
	"os"
	"syscall"
)

// locker locks an account file. The lock belongs to the open file.
type locker struct{}

// try reports false if somebody else has the lock.
func (locker) try(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("lock "+f.Name(), err)
	}
	return true, nil
}

// release does nothing: closing the file unlocks it.
func (locker) release(*os.File) {}
