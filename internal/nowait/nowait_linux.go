package nowait

import (
	"math/bits"
	"syscall"
	"unsafe" // golang.org/x/sys/unix has these calls only as those that the scheduler is told of.

	"golang.org/x/sys/unix"
)

// Vectors is how many pieces Writev is given at most.
const Vectors = 16

// Cached has ReadAt and WriteAt return EAGAIN instead of waiting, or having done a part, or
// EOPNOTSUPP if the file system can't tell.
const Cached = unix.RWF_NOWAIT

// Read is read(2), of a descriptor that doesn't block.
func Read(fd int, p []byte) (int, error) {
	return result(syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p))))
}

// Writev is writev(2), to a descriptor that doesn't block.
func Writev(fd int, vec [][]byte) (int, error) {
	var v [Vectors]unix.Iovec
	n := min(len(vec), len(v))
	for i, p := range vec[:n] {
		v[i] = iovec(p)
	}
	return result(syscall.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&v)), uintptr(n)))
}

// ReadAt is preadv2(2) with Cached, or with 0 where nothing is waited for: in memory.
func ReadAt(fd int, p []byte, off int64, flags int) (int, error) {
	return at(unix.SYS_PREADV2, fd, p, off, flags)
}

// WriteAt is pwritev2(2), with the same flags.
func WriteAt(fd int, p []byte, off int64, flags int) (int, error) {
	return at(unix.SYS_PWRITEV2, fd, p, off, flags)
}

func at(call uintptr, fd int, p []byte, off int64, flags int) (int, error) {
	v := iovec(p)
	high := uint64(off) >> (bits.UintSize / 2) >> (bits.UintSize / 2) // what doesn't fit in the register before
	return result(syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&v)), 1, uintptr(off), uintptr(high), uintptr(flags)))
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
