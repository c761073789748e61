//go:build unix

package osfs

import (
	"sync"
	"time"
)

// attrBuffer is enough for most attributes; what is longer takes a second call.
// The system's calls take buffers only from the heap, so they are pooled.
type attrBuffer [1 << 10]byte

var attrPool = sync.Pool{New: func() any { return new(attrBuffer) }}

// kept is what a handle remembers of user.DOSATTRIB, which is asked for with each Stat:
// who changes it changes the object's time of change.
type kept struct {
	mu sync.Mutex
	keptInfo
}

type keptInfo struct {
	info    dosInfo
	ok      bool
	ctime   time.Time // of the object; zero: nothing is remembered
	changes uint64    // FS.changes then
	at      time.Time
}

const (
	// keptTick is by how much a file system's clock may be behind: what was changed
	// later than that may be changed once more at what it takes for the same time.
	keptTick = 20 * time.Millisecond

	// keptFor is for file systems that don't count a change of attributes as one of
	// the object, such as tmpfs once, or that don't tell at once, such as NFS.
	keptFor = time.Second
)

// stored returns what user.DOSATTRIB says; st is the status that the object has now.
func (h *File) stored(st *status) (dosInfo, bool) {
	changes, now := h.fs.changes.Load(), time.Now()
	k := &h.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctime.Equal(st.ctime) && k.changes == changes && now.Sub(k.at) < keptFor {
		return k.info, k.ok
	}
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	k.info, k.ok = parseStored(h.getxattr(st, room[:dosMax]))
	k.ctime, k.changes, k.at = time.Time{}, changes, now
	if now.Sub(st.ctime) > keptTick {
		k.ctime = st.ctime
	}
	return k.info, k.ok
}

// take takes over what other remembers of the same object.
func (k *kept) take(other *kept) {
	other.mu.Lock()
	defer other.mu.Unlock()
	k.keptInfo = other.keptInfo
}
