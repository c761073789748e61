package smb

import (
	"golang.org/x/sys/unix"
)

// conduit is a pipe of the system's. What is moved into it from a connection, and from it to a file, is not copied to the
// server's memory in between.
type conduit struct {
	r, w int
	n    int // bytes in it
}

// openConduit returns one that takes conduitSize bytes, or nil: users other than root have a limit of how much all of their
// pipes take.
func openConduit() *conduit {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	p := &conduit{r: fds[0], w: fds[1]}
	if size, err := unix.FcntlInt(uintptr(p.w), unix.F_SETPIPE_SZ, conduitSize); err != nil || size < conduitSize {
		p.close()
		return nil
	}
	return p
}

func (p *conduit) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// take moves up to n bytes of what a connection has into the pipe. Zero without an error is the end of the connection,
// unix.EINVAL that it can't be.
func (p *conduit) take(conn uintptr, n int) (int, error) {
	for {
		k, err := unix.Splice(int(conn), nil, p.w, nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN && p.n > 0 && p.full() {
			err = unix.EINVAL
		}
		p.n += int(max(k, 0))
		return int(max(k, 0)), err
	}
}

// full reports whether the pipe takes no more, because of very small pieces.
func (p *conduit) full() bool {
	fds := [1]unix.PollFd{{Fd: int32(p.w), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds[:], 0)
	return err == nil && n == 0
}

// empty reports whether nothing is in the pipe, whatever a backend said of what it took.
func (p *conduit) empty() bool {
	n, err := unix.IoctlGetInt(p.r, unix.TIOCINQ)
	return p.n == 0 && n == 0 && err == nil
}

// read reads b from the pipe, which has as much.
func (p *conduit) read(b []byte) error {
	for len(b) > 0 {
		k, err := unix.Read(p.r, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p.n -= k
		b = b[k:]
	}
	return nil
}
