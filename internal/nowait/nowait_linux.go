package nowait

import (
	"math/bits"
	"os"
	"syscall"
	"unsafe" // golang.org/x/sys/unix has these calls only as those that the scheduler is told of.

	"golang.org/x/sys/unix"
)

// Vectors is how many pieces Send is given at most.
const Vectors = 16

// Cached has ReadAt return EAGAIN instead of waiting, or having read a part, or EOPNOTSUPP if the
// file system can't tell.
const Cached = unix.RWF_NOWAIT

// Recv is recvfrom(2), and EAGAIN if there is nothing.
func Recv(fd int, p []byte) (int, error) {
	return result(syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_DONTWAIT, 0, 0))
}

// Send is sendmsg(2) of the pieces one after the other, and EAGAIN if there is no room.
func Send(fd int, vec [][]byte) (int, error) {
	var m struct {
		unix.Msghdr
		pieces [Vectors]unix.Iovec
	}
	n := min(len(vec), len(m.pieces))
	for i, p := range vec[:n] {
		m.pieces[i] = iovec(p)
	}
	m.Iov = &m.pieces[0]
	m.SetIovlen(n)
	return result(syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.Msghdr)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL))
}

// InCache reports whether all of the n bytes at off of a file are in the system's cache, n > 0. It's cachestat(2), which counts pages;
// a kernel before 6.5 has none, and one since 6.14 tells only who may write to the file.
func InCache(fd int, off int64, n int) bool {
	page := int64(os.Getpagesize())
	begin, end := off&^(page-1), (off+int64(n)+page-1)&^(page-1)
	area := unix.CachestatRange{Off: uint64(begin), Len: uint64(end - begin)}
	var found unix.Cachestat_t
	_, err := result(syscall.RawSyscall6(unix.SYS_CACHESTAT, uintptr(fd), uintptr(unsafe.Pointer(&area)), uintptr(unsafe.Pointer(&found)), 0, 0, 0))
	return err == nil && found.Cache == uint64((end-begin)/page)
}

// ReadAt is preadv2(2) with Cached, or with 0 where nothing is waited for: in memory.
func ReadAt(fd int, p []byte, off int64, flags int) (int, error) {
	v := iovec(p)
	high := uint64(off) >> (bits.UintSize / 2) >> (bits.UintSize / 2) // what doesn't fit in the register before
	return result(syscall.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&v)), 1, uintptr(off), uintptr(high), uintptr(flags)))
}

func iovec(p []byte) unix.Iovec {
	v := unix.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	return v
}

func result(n, _ uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
