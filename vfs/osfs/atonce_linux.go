package osfs

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/internal/nowait"
)

// atOnce is how the small reads of a file, or the small writes, are tried before they are made
// like all others: without waiting, and so without Go's scheduler.
type atOnce struct{ way atomic.Uint32 }

const (
	first  = iota // nothing was read yet: who reads once isn't to pay for finding out
	second        // not known
	cached        // the file system tells what would wait
	memory        // it can't tell, but reads wait for nothing: there is no other place than memory
	never         // it can't tell
)

// readAtOnce returns how much of b it has read.
func (h *File) readAtOnce(b []byte, off int64) int {
	n, unable := h.reads.do(nowait.ReadAt, h.fd, b, off)
	if unable {
		h.reads.way.Store(h.otherWay())
	}
	return n
}

// writeAtOnce returns how much of b it has written.
func (h *File) writeAtOnce(b []byte, off int64) int {
	if h.writes.way.Load() == second && h.synced() {
		h.writes.way.Store(never)
	}
	n, unable := h.writes.do(nowait.WriteAt, h.fd, b, off)
	if unable { // in memory, too: it waits for whoever else writes to the file
		h.writes.way.Store(never)
	}
	return n
}

// otherWay returns the way of reads where the file system can't tell what would wait. What is in
// memory waits no more than any page of this process does.
func (h *File) otherWay() uint32 {
	var st unix.Statfs_t
	if unix.Fstatfs(h.fd, &st) == nil && st.Type == unix.TMPFS_MAGIC {
		return memory
	}
	return never
}

// synced reports whether each write waits for stable storage. The file system takes nowait.Cached for
// the writing before that only.
func (h *File) synced() bool {
	flags, err := unix.FcntlInt(uintptr(h.fd), unix.F_GETFL, 0)
	return err != nil || flags&unix.O_DSYNC != 0
}

// do returns how much was done, and whether the file system can't tell what would wait. Whatever else is wrong is
// left to the call for the rest.
func (a *atOnce) do(call func(int, []byte, int64, int) (int, error), fd int, b []byte, off int64) (n int, unable bool) {
	if len(b) == 0 || len(b) > nowait.Most || off < 0 {
		return 0, false
	}
	flags := nowait.Cached
	switch a.way.Load() {
	case first:
		a.way.Store(second)
		return 0, false
	case memory:
		flags = 0
	case never:
		return 0, false
	}
	n, err := call(fd, b, off, flags)
	switch err {
	case nil, unix.EAGAIN:
		a.way.CompareAndSwap(second, cached)
	case unix.EOPNOTSUPP, unix.ENOSYS:
		unable = true
	}
	return n, unable
}
