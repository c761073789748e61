package memfs

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// directory is the names in a directory; FS.mu guards it.
//
// Entries stand in the order of their numbers, which are never used again, so
// an iteration that knows the number of the entry it saw last finds its place
// whatever was added and removed meanwhile. A removed entry stays as dead
// until half of them are.
type directory struct {
	node   *node            // immutable
	exact  bool             // names that differ in case are different; immutable
	parent *directory       // nil for the root; of no meaning when removed
	byID   map[uint64]*node // what has a name in any directory; nil in a snapshot

	byKey map[string]*entry
	order []*entry
	live  int
	seq   uint64
}

// entry is one name of an object.
type entry struct {
	name string // as spelled
	key  string // what spellings of the same name have in common
	node *node
	dir  *directory
	seq  uint64
	dead bool
}

func (e *entry) cost() int64 { return nameCost + 2*int64(len(e.name)) }

func (d *directory) add(name, key string, n *node) {
	d.seq++
	e := &entry{name: name, key: key, node: n, dir: d, seq: d.seq}
	d.byKey[key] = e
	d.order = append(d.order, e)
	d.live++
	n.names = append(n.names, e)
	if d.byID != nil {
		d.byID[n.id] = n
	}
	if n.dir != nil {
		n.dir.parent = d
	}
}

// del takes e, of which nothing is left, from d.
func (d *directory) del(e *entry) {
	delete(d.byKey, e.key)
	d.live--
	n := e.node
	n.names = slices.DeleteFunc(n.names, func(o *entry) bool { return o == e })
	switch {
	case len(n.names) == 0:
		n.names = nil
		delete(d.byID, n.id)
	case cap(n.names) > 4*len(n.names)+8:
		n.names = slices.Clone(n.names)
	}
	*e = entry{seq: e.seq, dead: true} // its place is kept, but not the object
	if len(d.order) > 2*d.live+16 {
		d.compact()
	}
}

// compact leaves out what is dead, also from the map: that is as large as it ever was.
func (d *directory) compact() {
	order := make([]*entry, 0, d.live)
	byKey := make(map[string]*entry, d.live)
	for _, e := range d.order {
		if !e.dead {
			order = append(order, e)
			byKey[e.key] = e
		}
	}
	d.order, d.byKey = order, byKey
}

// path returns the name of e from the root on; false if it is longer than max bytes.
func (e *entry) path(max int) (string, bool) {
	elems := []string{e.name}
	length := len(e.name)
	for d := e.dir; d.parent != nil && length <= max; d = d.parent {
		name := d.node.names[0].name // a directory has one
		elems = append(elems, name)
		length += 1 + len(name)
	}
	slices.Reverse(elems)
	return strings.Join(elems, "/"), length <= max
}

// within reports whether d is top or below it.
func (d *directory) within(top *directory) bool {
	for ; d != nil; d = d.parent {
		if d == top {
			return true
		}
	}
	return false
}

// unlink takes a name from its object, which is freed if that was the last of
// it.
func (f *FS) unlink(d *directory, e *entry, now time.Time) {
	n := e.node
	f.release(e.cost())
	d.del(e)
	n.addLink(-1, now)
	d.node.touch(now)
	f.sweep(n)
}

// cursor is the place of one iteration over a directory.
type cursor struct {
	dir   *directory
	index int    // into order, where the next entry was when last seen
	last  uint64 // number of the entry seen last
	end   uint64 // number of the last entry to see
}

func (f *FS) newCursor(d *directory) *cursor {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return &cursor{dir: d, end: d.seq}
}

// next returns the next entry that is still there. It waits for the node with nothing
// locked: else all that want to change the tree would wait, and all others behind them.
func (c *cursor) next(f *FS) (vfs.DirEntry, bool) {
	name, n := c.step(f)
	if n == nil {
		return vfs.DirEntry{}, false
	}
	return vfs.DirEntry{Name: name, Attr: n.attr(), Xattrs: n.xattrsSize()}, true
}

// step goes to the next entry that is still there; nil: there is none.
func (c *cursor) step(f *FS) (string, *node) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	order := c.dir.order
	if c.index > len(order) || c.index > 0 && order[c.index-1].seq != c.last {
		// The directory was compacted meanwhile.
		c.index = sort.Search(len(order), func(i int) bool { return order[i].seq > c.last })
	}
	for c.index < len(order) {
		e := order[c.index]
		if e.seq > c.end {
			break
		}
		c.index, c.last = c.index+1, e.seq
		if !e.dead {
			return e.name, e.node
		}
	}
	return "", nil
}
