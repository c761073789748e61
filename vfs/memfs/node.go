package memfs

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// node is a file or a directory, whatever its names.
type node struct {
	// Immutable.
	id     uint64
	maker  vfs.SID    // who owns it if no descriptor says so
	dir    *directory // nil for a file
	target string     // of a symbolic link, which is nothing else

	names []*entry     // guarded by FS.mu
	opens atomic.Int64 // Files; rises only while there is a name, FS.mu held, or another File

	// mu guards what follows. Two nodes are locked in the order of their ids.
	mu         sync.RWMutex
	content    content
	streams    map[string]*stream // by folded name; nil without any
	peak       int                // the most streams that the map had
	security   *security          // nil without
	charged    int64              // bytes of content and streams that its owner has for it
	xattrs     []vfs.Xattr
	attributes vfs.Attributes
	mode       fs.FileMode // of vfs.PosixBits
	uid, gid   uint32
	created    time.Time
	accessed   time.Time
	written    time.Time
	changed    time.Time
	links      uint32            // names
	freed      bool              // neither a name nor a File is left
	reparse    *vfs.ReparsePoint // nil: an ordinary object
}

func (f *FS) newNode(isDir bool, now time.Time) *node {
	n := &node{
		id:      f.lastID.Add(1),
		mode:    0o666,
		created: now, accessed: now, written: now, changed: now,
	}
	if isDir {
		n.mode = 0o777
		n.dir = &directory{node: n, exact: f.CaseSensitive, byKey: make(map[string]*entry), byID: f.byID}
	}
	return n
}

// rootNode returns the root, which exists as soon as it's asked for.
func (f *FS) rootNode() *node {
	f.init.Do(func() {
		f.byID = make(map[uint64]*node)
		f.root = f.newNode(true, time.Now())
		f.root.links = 1
	})
	return f.root
}

func (n *node) attr() vfs.Attr {
	n.mu.RLock()
	defer n.mu.RUnlock()
	a := vfs.Attr{
		ID:         n.id,
		Mode:       n.mode,
		UID:        n.uid,
		GID:        n.gid,
		Owned:      true,
		Owner:      n.shownMaker(),
		Size:       n.content.size,
		Alloc:      n.content.alloc,
		Created:    n.created,
		Accessed:   n.accessed,
		Written:    n.written,
		Changed:    n.changed,
		Attributes: n.attributes,
		Links:      n.links,
	}
	if n.dir != nil {
		a.Mode |= fs.ModeDir
	}
	switch {
	case n.target != "":
		a.Mode = fs.ModeSymlink | 0o777
		a.ReparseTag = vfs.TagSymlink
	case n.reparse != nil:
		a.ReparseTag = n.reparse.Tag
	}
	return a
}

func (n *node) setAttr(c vfs.AttrChange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changed = time.Now()
	for _, t := range []struct {
		dst *time.Time
		src time.Time
	}{
		{&n.created, c.Created},
		{&n.accessed, c.Accessed},
		{&n.written, c.Written},
		{&n.changed, c.Changed},
	} {
		if !t.src.IsZero() {
			*t.dst = t.src
		}
	}
	if c.Attributes != 0 {
		n.attributes = stored(c.Attributes) | n.attributes&kept
	}
}

// stored drops the attributes that the server derives, and those that have ways of
// their own to be set.
func stored(a vfs.Attributes) vfs.Attributes {
	return a &^ (vfs.AttrNormal | vfs.AttrDirectory | vfs.AttrReparsePoint | kept)
}

// addLink counts one more name, or fewer if by is -1.
func (n *node) addLink(by int, now time.Time) {
	n.mu.Lock()
	n.links = uint32(int(n.links) + by)
	n.changed = now
	n.mu.Unlock()
}

func (n *node) touch(now time.Time) {
	n.mu.Lock()
	n.written, n.changed = now, now
	n.mu.Unlock()
}

// closed counts one File less.
func (f *FS) closed(n *node) {
	n.opens.Add(-1)
	f.sweep(n)
}

// sweep frees the object if neither a name nor a File is left of it.
func (f *FS) sweep(n *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.freed || n.links > 0 || n.opens.Load() > 0 {
		return
	}
	n.freed = true
	f.release(objectCost + xattrsCost(n.xattrs) + n.reparseCost())
	n.xattrs = nil
	payer{f, n}.free(&n.content)
	streams := n.streams
	n.streams = nil // all at once
	for key, s := range streams {
		n.forget(key, s, f)
	}
	n.setSecurity(nil, f) // after what it says whose it was
}
