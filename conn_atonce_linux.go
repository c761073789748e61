package smb

import "golang.org/x/sys/unix"

// writeAtOnce writes what the system takes of a single frame without waiting, which is
// mostly all of it: no deadline has to be set then, nor is there one left that wakes up
// for nothing when the client has long had its answer. Whatever is wrong, and be it that
// an old deadline has passed, is left to the writing of the rest.
func (t *tcp) writeAtOnce() (done bool) {
	if t.raw == nil || len(t.vec) != 1 {
		return false
	}
	if t.try == nil { // made once: for each write it would be allocated
		t.try = func(fd uintptr) bool {
			t.wrote, _ = unix.Write(int(fd), t.vec[0])
			return true
		}
	}
	t.wrote = 0
	if t.raw.Write(t.try) != nil || t.wrote <= 0 {
		return false
	}
	t.vec[0] = t.vec[0][t.wrote:]
	return len(t.vec[0]) == 0
}
