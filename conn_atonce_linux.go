package smb

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/internal/nowait"
)

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
			t.wrote, _ = writev(int(fd), t.vec[:min(len(t.vec), nowait.Vectors)])
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

func writev(fd int, vec [][]byte) (int, error) {
	size := 0
	for _, p := range vec {
		size += len(p)
	}
	switch {
	case size <= nowait.Most:
		return nowait.Send(fd, vec)
	case len(vec) == 1:
		return unix.Write(fd, vec[0])
	}
	return unix.Writev(fd, vec[:min(len(vec), 8)]) // for more it allocates
}

// reader returns what the connection is read by.
func (t *tcp) reader() io.Reader {
	if t.raw == nil {
		return t.nc
	}
	r := &atOnceReader{t: t}
	r.try = r.read
	return r
}

// readsInTurn is how many reads may find something at once until the scheduler is told of one. A request
// takes two at most. Of a client that has always sent something more the scheduler has to know: else its monitor may go
// on sleeping, which takes the processor from who has it for too long, and looks who else has sent something.
const readsInTurn = 4

// atOnceReader reads from a connection by calls that the scheduler isn't told of.
type atOnceReader struct {
	t      *tcp
	try    func(fd uintptr) bool // read; a method value made for each call would be allocated
	p      []byte                // for try
	n      int                   // by try
	err    error                 // by try
	inTurn int                   // reads that found something at once
}

func (r *atOnceReader) Read(p []byte) (int, error) {
	if len(p) == 0 || len(p) > nowait.Most || r.inTurn == readsInTurn {
		r.inTurn = 0
		return r.t.nc.Read(p)
	}
	r.inTurn++
	r.p = p
	err := r.t.raw.Read(r.try)
	r.p = nil
	switch {
	case err != nil:
		return 0, err
	case r.err == unix.ENOSYS: // on 32 bits before Linux 4.3
		return r.t.nc.Read(p)
	case r.err == nil && r.n == 0:
		return 0, io.EOF
	}
	return r.n, os.NewSyscallError("recvfrom", r.err)
}

// read reports whether there was something, or there won't be.
func (r *atOnceReader) read(fd uintptr) bool {
	for r.err = unix.EINTR; r.err == unix.EINTR; {
		r.n, r.err = nowait.Recv(int(fd), r.p)
	}
	if r.err == unix.EAGAIN {
		r.inTurn = 0
		return false
	}
	return true
}
