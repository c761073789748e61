//go:build !unix || solaris || illumos || aix

package ntlm

import "os"

// locker locks an account file by another one beside it. If a program was killed with
// the lock, somebody has to remove that file.
type locker struct{}

func lockName(f *os.File) string { return f.Name() + ".lock" }

// try reports false if somebody else has the lock.
func (locker) try(f *os.File) (bool, error) {
	l, err := os.OpenFile(lockName(f), os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, l.Close()
}

func (locker) release(f *os.File) { os.Remove(lockName(f)) }
