package smb

import (
	"net"

	"golang.org/x/sys/unix"
)

// wakeAt has the system say that there is something to read once there are n bytes,
// instead of with every segment. It reports whether it does.
func (t *tcp) wakeAt(n int) bool {
	if _, ok := t.nc.(*net.TCPConn); !ok || t.raw == nil {
		return false
	}
	if t.setLowat == nil { // made once: for each call it would be allocated
		t.setLowat = func(fd uintptr) {
			t.lowatErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, t.lowat)
		}
	}
	t.lowat = n
	return t.raw.Control(t.setLowat) == nil && t.lowatErr == nil
}
