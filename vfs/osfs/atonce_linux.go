package osfs

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/internal/nowait"
)

// atOnce is how the small reads of a handle are tried before they are made like all others:
// without waiting, and so without Go's scheduler. All that is to be read has to be in the system's cache: for
// what isn't there, RWF_NOWAIT doesn't keep a file system from reading where on the disk it is.
type atOnce struct{ way atomic.Uint32 }

const (
	// first is the way of the first read, and of that after a write: it may have to note in the
	// file system when it was.
	first  = iota
	second // not known
	cached // the file system tells what would wait
	memory // it can't tell, but there is no other place than the cache
	never  // it can't tell
)

// readAtOnce returns how much of b it has read.
func (h *File) readAtOnce(b []byte, off int64) int {
	if len(b) == 0 || len(b) > nowait.Most || off < 0 {
		return 0
	}
	flags := nowait.Cached
	way := h.reads.way.Load()
	switch way {
	case first:
		h.reads.way.Store(second)
		return 0
	case memory:
		flags = 0
	case never:
		return 0
	}
	if !nowait.InCache(h.fd, off, len(b)) {
		return 0
	}
	n, err := nowait.ReadAt(h.fd, b, off, flags)
	switch err {
	case nil, unix.EAGAIN:
		h.reads.way.CompareAndSwap(second, cached)
	case unix.EOPNOTSUPP, unix.ENOSYS:
		h.reads.way.CompareAndSwap(second, h.otherWay())
	}
	return n
}

// otherWay returns the way of reads where the file system can't tell what would wait.
func (h *File) otherWay() uint32 {
	var st unix.Statfs_t
	if unix.Fstatfs(h.fd, &st) == nil && st.Type == unix.TMPFS_MAGIC {
		return memory
	}
	return never
}

// written notes that something was written.
func (a *atOnce) written() {
	if way := a.way.Load(); way == second || way == cached {
		a.way.CompareAndSwap(way, first)
	}
}
