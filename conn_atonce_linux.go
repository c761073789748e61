package smb

import "golang.org/x/sys/unix"

// vecAtOnce is how many frames one system call is given at most: for more, unix.Writev allocates.
const vecAtOnce = 8

// writeAtOnce writes what the system takes of t.vec without waiting, which is
// mostly all of it: no deadline has to be set then, nor is there one left that wakes up
// for nothing when the client has long had its answer. Whatever is wrong, and be it that
// an old deadline has passed, is left to the writing of the rest.
func (t *tcp) writeAtOnce() (done bool) {
	if t.raw == nil {
		return false
	}
	if t.try == nil { // made once: for each write it would be allocated
		t.try = func(fd uintptr) bool {
			if len(t.vec) == 1 {
				t.wrote, _ = unix.Write(int(fd), t.vec[0])
			} else {
				t.wrote, _ = unix.Writev(int(fd), t.vec[:min(len(t.vec), vecAtOnce)])
			}
			return true
		}
	}
	for len(t.vec) > 0 {
		t.wrote = 0
		if t.raw.Write(t.try) != nil || t.wrote <= 0 {
			return false
		}
		for len(t.vec) > 0 && t.wrote >= len(t.vec[0]) {
			t.wrote -= len(t.vec[0])
			t.vec = t.vec[1:]
		}
		if t.wrote > 0 {
			t.vec[0] = t.vec[0][t.wrote:]
		}
	}
	return true
}
