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
	nameCacheSize  = 500_000               // names, and listings; long ones count for more
	clockPrecision = 50 * time.Millisecond // of the times of directories
)

func (n *nameCache) init() {
	n.dirs, n.changing, n.reads = make(map[string]*listing), make(map[string]int), make(map[string]*listingRead)
}

// find looks in dir for a name that folds to key, reading the directory if need be, and tells how it is spelled.
// Where that isn't known it isn't ok.
func (n *nameCache) find(ctx context.Context, m *mount, dir, key string) (name string, there, ok bool) {
	l := n.get(ctx, m, dir)
	if l == nil {
		return "", false, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.tooLarge() {
		return "", false, false
	}
	name, there = l.find(key)
	return name, there, name != "" || !there
}

// learn notes how the name in dir is spelled that folds to key.
func (n *nameCache) learn(dir, key, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.dirs[dir]; l != nil {
		n.total -= l.size()
		l.learn(strings.Clone(key), strings.Clone(name))
		n.total += l.size()
		n.makeRoom(l)
	}
}

// get returns the listing of dir, reading the directory if need be; nil if it can't be
// read.
func (n *nameCache) get(ctx context.Context, m *mount, dir string) (l *listing) {
	for range 3 { // if others are reading it, perhaps since before it changed
		found, r, attr, mine := n.look(ctx, m, dir)
		switch {
		case found != nil:
			return found
		case mine:
			if l = n.read(ctx, m, dir, attr, r); l == nil || n.holds(l) {
				return l
			}
			continue
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

// holds reports whether what was just read wasn't out of date by then.
func (n *nameCache) holds(l *listing) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !l.read.IsZero()
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
		if l.fresh() {
			if ours || l.tooLarge() || l.written.Equal(attr.Written) {
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
		l.written, l.read, l.took = attr.Written, now, time.Since(now)
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
		} else if l.has(c.name) && !l.remove(c.name) {
			l.read, l.took = time.Time{}, 0 // it doesn't hold
		}
		l.own = true
	}
	if r.stale {
		l.read, l.took = time.Time{}, 0
	}
	n.drop(dir)
	l.path = len(dir) / bytesPerName
	n.dirs[strings.Clone(dir)], r.listing = l, l // dir may be a small part of what a client sent
	n.total += l.size()
	n.makeRoom(l)
}

// makeRoom drops others until l fits. The caller holds n.mu.
func (n *nameCache) makeRoom(l *listing) {
	for dir, other := range n.dirs {
		if n.total <= nameCacheSize {
			return
		}
		if other != l {
			n.drop(dir)
		}
	}
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
	n.lose(dir)
}

// lose is forget for who holds n.mu.
func (n *nameCache) lose(dir string) {
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
	n.lose(name) // of another directory that had the name
	base = strings.Clone(base)
	if r := n.reads[dir]; r != nil {
		r.log = append(r.log, nameChange{name: base})
	}
	if l := n.dirs[dir]; l != nil {
		n.total -= l.size()
		l.add(base)
		n.total += l.size()
		n.makeRoom(l)
		l.own = true
	}
}

// removed notes that name, which had nothing in it, was removed through this server.
func (n *nameCache) removed(name string, isDir bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone(name)
	if isDir {
		n.lose(name)
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
		for d, r := range n.reads {
			if d == from || strings.HasPrefix(d, below) {
				r.stale = true
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
	n.total -= l.size()
	alone := l.remove(base)
	n.total += l.size()
	l.own = true
	if !alone {
		n.drop(dir) // another spelling is still there
	}
}
