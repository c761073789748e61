package osfs

import (
	"unsafe" // golang.org/x/sys/unix has no function for this call, whose argument is an address.

	"golang.org/x/sys/unix"
)

// quotaRoom is enough for each structure that quotactl_fd(2) is called with here.
type quotaRoom [80]byte

// quotactl calls quotactl_fd(2), for the file system that fd is on.
func quotactl(fd int, command, id uint32, b *quotaRoom) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(fd), uintptr(command), uintptr(id), uintptr(unsafe.Pointer(b)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
