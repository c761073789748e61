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

// kept is what a handle remembers of extended attributes: of user.DOSATTRIB, which is
// asked for with each Stat, and which ones there are. Who changes them changes the object's
// time of change.
type kept struct {
	mu sync.Mutex
	keptInfo
}

// attrSet are kinds of extended attributes.
type attrSet uint8

const (
	dosAttrs    attrSet = 1 << iota // user.DOSATTRIB
	ntACLs                          // descriptors
	clientAttrs                     // what clients know as extended attributes
)

type keptInfo struct {
	info   dosInfo // with ok, if read
	ok     bool
	read   bool
	attrs  attrSet // those that there are, if listed
	listed bool

	ctime   time.Time // of the object; zero: nothing is remembered
	changes uint64    // FS.changes then
	at      time.Time
	seen    time.Time // when the object was last looked at
}

const (
	// keptTick is by how much a file system's clock may be behind: what was changed
	// later than that may be changed once more at what it takes for the same time.
	keptTick = 20 * time.Millisecond

	// keptFor is for file systems that don't count a change of attributes as one of
	// the object, such as tmpfs once, or that don't tell at once, such as NFS.
	keptFor = time.Second

	// keptUnseen is how long it is taken that the object's time of change is what it was. To open
	// a file takes several questions about its attributes, and one look is enough for them.
	keptUnseen = time.Millisecond
)

// stored returns what user.DOSATTRIB says; st is the status that the object has now.
func (h *File) stored(st *status) (dosInfo, bool) {
	k := &h.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	keep := k.holds(h.fs, st)
	if k.read {
		return k.info, k.ok
	}
	var info dosInfo
	var ok bool
	if !k.listed || k.attrs&dosAttrs != 0 {
		room := attrPool.Get().(*attrBuffer)
		defer attrPool.Put(room)
		info, ok = parseStored(h.getxattr(st, room[:dosMax]))
	}
	if keep {
		k.info, k.ok, k.read = info, ok, true
	}
	return info, ok
}

// holds forgets what doesn't hold any more now that the object has the status st, and
// reports whether anything may be remembered. The caller holds k.mu.
func (k *kept) holds(f *FS, st *status) bool {
	changes, now := f.changes.Load(), time.Now()
	if k.ctime.Equal(st.ctime) && k.changes == changes && now.Sub(k.at) < keptFor {
		k.seen = now
		return true
	}
	k.keptInfo = keptInfo{changes: changes, at: now, seen: now}
	if now.Sub(st.ctime) <= keptTick {
		return false
	}
	k.ctime = st.ctime
	return true
}

// justSeen reports whether the object was looked at just now. The caller holds k.mu.
func (k *kept) justSeen(f *FS) bool {
	return k.changes == f.changes.Load() && time.Since(k.seen) < keptUnseen
}

// take takes over what other remembers of the same object.
func (k *kept) take(other *kept) {
	other.mu.Lock()
	defer other.mu.Unlock()
	k.keptInfo = other.keptInfo
}
