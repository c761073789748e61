package smb

import (
	"context"
	"iter"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// nameCache remembers the spellings of the names in directories, so that a name
// that isn't there is cheap to look for. Clients do that all the time.
type nameCache struct {
	mu       sync.Mutex
	dirs     map[string]*listing
	total    int                     // of their sizes
	changing map[string]int          // how many changes of a directory by the server are under way
	reads    map[string]*listingRead // of directories, under way
}

// listing is what a directory held when it was read, kept up to date with what
// is done through this server. What others do shows in the directory's time of
// change, but not at once: hence maxAge, and the short life of a listing that
// was read while the directory was changing.
type listing struct {
	names   map[string]string // folded to spelled
	twins   map[string]bool   // folded names that have more than one spelling
	written time.Time         // of the directory
	read    time.Time
	own     bool   // we changed the directory since
	changes uint64 // by us, begun or ended
	young   bool   // it was changing when it was read
}

// listingRead is the reading of a directory, for which others wait that want the same.
type listingRead struct {
	done    chan struct{}
	listing *listing // nil: it can't be read, or is too large
	log     []nameChange
	stale   bool // others changed the directory meanwhile
}

// nameChange is what the server did to a name while its directory was read.
type nameChange struct {
	name string
	gone bool
}

const (
	nameCacheSize  = 500_000 // names, and listings
	listingMaxAge  = 10 * time.Second
	listingYoung   = time.Second
	clockPrecision = 50 * time.Millisecond // of the times of directories
)

func (n *nameCache) init() {
	n.dirs, n.changing, n.reads = make(map[string]*listing), make(map[string]int), make(map[string]*listingRead)
}

// get returns the listing of dir, reading the directory if need be; nil if it is
// too large to keep, or can't be read.
func (n *nameCache) get(ctx context.Context, m *mount, dir string) (l *listing) {
	for range 3 { // if others are reading it, perhaps since before it changed
		found, r, attr, mine := n.look(ctx, m, dir)
		switch {
		case found != nil:
			return found
		case mine:
			return n.read(ctx, m, dir, attr, r)
		case r == nil:
			return nil
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil
		}
		if l = r.listing; l == nil {
			return nil
		}
	}
	return l
}

// look returns the listing of dir if it is known and still holds, or else the reading of
// the directory, and whether that is the caller's to do. Neither: there is no directory.
func (n *nameCache) look(ctx context.Context, m *mount, dir string) (l *listing, r *listingRead, attr vfs.Attr, mine bool) {
	for range 10 {
		var late bool
		if l, r, attr, mine, late = n.lookOnce(ctx, m, dir); !late {
			break
		}
	}
	return l, r, attr, mine
}

// lookOnce is look. Late says that nothing is known, since the server changed the directory after it was asked for its
// time: then that time is older than the one that belongs to the listing, which may hold.
func (n *nameCache) lookOnce(ctx context.Context, m *mount, dir string) (_ *listing, r *listingRead, attr vfs.Attr, mine, late bool) {
	n.mu.Lock()
	before, changes := n.dirs[dir], uint64(0)
	if before != nil {
		changes = before.changes
	}
	n.mu.Unlock()
	attr, err := m.exists(ctx, dir)
	if err != nil {
		return nil, nil, attr, false, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.dirs[dir]; l != nil {
		busy := n.changing[dir] > 0
		ours := l.own || busy
		if l.own && !busy && l == before && l.changes == changes {
			l.own, l.written = false, attr.Written // the time is that of our last change
		}
		age := time.Since(l.read)
		if fresh := age < listingMaxAge && (!l.young || age < listingYoung); fresh {
			if ours || l.written.Equal(attr.Written) {
				return l, nil, attr, false, false
			}
			if l != before || l.changes != changes {
				return nil, nil, attr, false, true
			}
		}
		n.drop(dir)
	}
	if r = n.reads[dir]; r == nil {
		r, mine = &listingRead{done: make(chan struct{})}, true
		n.reads[dir] = r
	}
	return nil, r, attr, mine, false
}

// read reads dir, whose attributes were attr before that, as r.
func (n *nameCache) read(ctx context.Context, m *mount, dir string, attr vfs.Attr, r *listingRead) *listing {
	defer n.ended(dir, r) // also when the backend panics
	now := time.Now()
	if l := readListing(ctx, m, dir); l != nil {
		l.written, l.read = attr.Written, now
		l.young = now.Sub(attr.Written) < clockPrecision
		n.keep(dir, l, r)
	}
	return r.listing
}

// ended lets those go on who wait for a directory to be read.
func (n *nameCache) ended(dir string, r *listingRead) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.reads, dir)
	close(r.done)
}

// keep makes l, which was read by r, the listing of dir, after what was done meanwhile.
func (n *nameCache) keep(dir string, l *listing, r *listingRead) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range r.log {
		if !c.gone {
			l.add(c.name)
		} else if key := foldPath(c.name); l.twins[key] {
			l.read = time.Time{} // another spelling is still there: it doesn't hold
		} else if l.names[key] == c.name {
			delete(l.names, key)
		}
		l.own = true
	}
	if r.stale {
		l.read = time.Time{}
	}
	n.drop(dir)
	for other := range n.dirs {
		if n.total+l.size() <= nameCacheSize {
			break
		}
		n.drop(other)
	}
	n.dirs[dir], r.listing = l, l
	n.total += l.size()
}

// size is what l counts for; one for itself.
func (l *listing) size() int { return len(l.names) + 1 }

// readListing reads a directory.
func readListing(ctx context.Context, m *mount, dir string) *listing {
	f, err := m.fs.Open(ctx, dir, vfs.OpenOptions{Access: vfs.ListDirectory | vfs.ReadAttributes})
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := vfs.As[vfs.DirReader](f)
	if !ok {
		return nil
	}
	l := &listing{names: make(map[string]string)}
	for name, err := range namesIn(ctx, d) {
		if err != nil || len(l.names) >= nameCacheSize/4 {
			return nil
		}
		l.add(name)
	}
	return l
}

// namesIn iterates over the names in a directory.
func namesIn(ctx context.Context, d vfs.DirReader) iter.Seq2[string, error] {
	if n, ok := d.(vfs.NameReader); ok {
		return n.ReadNames(ctx)
	}
	return func(yield func(string, error) bool) {
		for e, err := range d.ReadDir(ctx) {
			if !yield(e.Name, err) {
				return
			}
		}
	}
}

// add notes a name, and reports whether it is one more.
func (l *listing) add(name string) bool {
	key := foldPath(name)
	old, ok := l.names[key]
	if ok && old != name {
		if l.twins == nil {
			l.twins = make(map[string]bool)
		}
		l.twins[key] = true
	}
	l.names[key] = name
	return !ok
}

// drop forgets dir. The caller holds n.mu.
func (n *nameCache) drop(dir string) {
	if l := n.dirs[dir]; l != nil {
		n.total -= l.size()
		delete(n.dirs, dir)
	}
}

// forget drops what is known of dir, which others changed.
func (n *nameCache) forget(dir string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop(dir)
	if r := n.reads[dir]; r != nil {
		r.stale = true
	}
}

// change notes that the server is about to add or remove a name: until what is returned is
// called, a new time of the directory means nothing.
func (n *nameCache) change(name string) (end func()) {
	dir := path.Dir(name)
	n.count(dir, 1)
	return func() { n.count(dir, -1) }
}

func (n *nameCache) count(dir string, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changing[dir] += by; n.changing[dir] == 0 {
		delete(n.changing, dir)
	}
	if l := n.dirs[dir]; l != nil {
		l.changes++
	}
}

// added notes that name was created through this server.
func (n *nameCache) added(name string) {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.drop(name) // of another directory that had the name
	base = strings.Clone(base)
	if r := n.reads[dir]; r != nil {
		r.log = append(r.log, nameChange{name: base})
	}
	if l := n.dirs[dir]; l != nil {
		if l.add(base) {
			n.total++
		}
		l.own = true
	}
}

// removed notes that name, which had nothing in it, was removed through this server.
func (n *nameCache) removed(name string, isDir bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone(name)
	if isDir {
		n.drop(name)
	}
}

// renamed notes that from became to through this server.
func (n *nameCache) renamed(from, to string, isDir bool) {
	n.mu.Lock()
	n.gone(from)
	if isDir {
		below := from + "/"
		for d := range n.dirs {
			if d == from || strings.HasPrefix(d, below) {
				n.drop(d)
			}
		}
	}
	n.mu.Unlock()
	n.added(to)
}

// gone takes name out of its directory's listing. The caller holds n.mu.
func (n *nameCache) gone(name string) {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if r := n.reads[dir]; r != nil {
		r.log = append(r.log, nameChange{name: strings.Clone(base), gone: true})
	}
	l := n.dirs[dir]
	if l == nil {
		return
	}
	key := foldPath(base)
	if _, ok := l.names[key]; ok {
		n.total--
		delete(l.names, key)
	}
	l.own = true
	if l.twins[key] {
		n.drop(dir) // another spelling is still there
	}
}
