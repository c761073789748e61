package memfs

import (
	"context"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.Snapshotter = (*FS)(nil)

// Snapshot keeps a copy of all that there is and returns the time by which it is
// known, in whole seconds. It counts against MaxBytes: what exceeds that is
// vfs.ErrNoSpace. A second one in the same second is fs.ErrExist.
func (f *FS) Snapshot() (time.Time, error) {
	at := time.Now().UTC().Truncate(time.Second)
	root := f.rootNode()
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.snapshots[at.Unix()]; ok {
		return at, pathError("snapshot", ".", fs.ErrExist)
	}
	c := &copier{from: f, to: &FS{MaxBytes: -1, Label: f.Label, CaseSensitive: f.CaseSensitive}, made: make(map[*node]*node)}
	c.to.init.Do(func() {}) // it has a root already
	c.to.lastID.Store(f.lastID.Load())
	c.to.root = c.node(root)
	c.directory(root.dir)
	if c.short || !f.reserve(c.to.used.Load()) {
		return at, pathError("snapshot", ".", vfs.ErrNoSpace)
	}
	if f.snapshots == nil {
		f.snapshots = make(map[int64]*FS)
	}
	f.snapshots[at.Unix()] = c.to
	return at, nil
}

// RemoveSnapshot forgets the snapshot of that time; fs.ErrNotExist if there is none.
// What is open of it goes on working.
func (f *FS) RemoveSnapshot(at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.snapshots[at.Unix()]
	if s == nil {
		return pathError("removesnapshot", ".", fs.ErrNotExist)
	}
	delete(f.snapshots, at.Unix())
	f.release(s.used.Load())
	return nil
}

// Snapshots implements vfs.Snapshotter.
func (f *FS) Snapshots(context.Context) ([]time.Time, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var list []time.Time
	for at := range maps.Keys(f.snapshots) {
		list = append(list, time.Unix(at, 0).UTC())
	}
	return list, nil
}

// OpenSnapshot implements vfs.Snapshotter. The FS is the snapshot itself: who changes
// something in it changes the snapshot.
func (f *FS) OpenSnapshot(_ context.Context, at time.Time) (vfs.FS, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if s := f.snapshots[at.Unix()]; s != nil {
		return s, nil
	}
	return nil, pathError("opensnapshot", ".", fs.ErrNotExist)
}

// copier copies a tree. The FS that it is copied from is locked.
type copier struct {
	from, to *FS
	short    bool            // something was left out, as there was no room for it then
	made     map[*node]*node // for files with several names
}

// directory copies what is in d.
func (c *copier) directory(d *directory) {
	for _, e := range d.order {
		if e.dead {
			continue
		}
		n := c.node(e.node)
		n.links++
		c.made[d.node].dir.add(e.name, e.key, n)
		c.to.reserve(e.cost())
		if e.node.dir != nil {
			c.directory(e.node.dir)
		}
	}
}

// node copies n, but not what is in it if it is a directory.
func (c *copier) node(n *node) *node {
	if m := c.made[n]; m != nil {
		return m
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	m := &node{
		id: n.id, maker: n.maker, target: n.target, reparse: n.reparse, content: c.content(&n.content), security: n.security, xattrs: slices.Clone(n.xattrs), attributes: n.attributes,
		mode: n.mode, uid: n.uid, gid: n.gid,
		created: n.created, accessed: n.accessed, written: n.written, changed: n.changed,
	}
	if n == c.from.root {
		m.links = 1
	}
	if n.dir != nil {
		m.dir = &directory{node: m, exact: n.dir.exact, byKey: make(map[string]*entry)}
	}
	for key, s := range n.streams {
		if m.streams == nil {
			m.streams = make(map[string]*stream)
		}
		m.streams[key] = &stream{name: s.name, content: c.content(&s.content)}
		m.peak = len(m.streams)
		c.to.reserve(s.cost())
	}
	if n.security != nil {
		c.to.reserve(n.security.cost)
	}
	c.to.reserve(objectCost + xattrsCost(n.xattrs) + n.reparseCost())
	m.charged = m.content.alloc
	for _, s := range m.streams {
		m.charged += s.content.alloc
	}
	_ = c.to.accounts.charge(m.owner(), m.charged) // nothing is limited yet
	c.made[n] = m
	return m
}

func (c *copier) content(from *content) content {
	c.to.reserve(from.alloc + int64(len(from.blocks))*placeCost)
	if !c.fits() {
		return content{}
	}
	to := content{size: from.size, alloc: from.alloc, peak: len(from.blocks)}
	if from.blocks != nil {
		to.blocks = make(map[int64]*block, len(from.blocks))
	}
	for i, b := range from.blocks {
		to.blocks[i] = newBlock(len(b.b))
		copy(to.blocks[i].b, b.b)
	}
	return to
}

// fits reports whether there is room for what was copied. Blocks that are shared are copied
// as often as they are: that may be far more than there is, and isn't even tried then.
func (c *copier) fits() bool {
	limit := c.from.limit()
	c.short = c.short || limit >= 0 && c.to.used.Load() > limit-c.from.used.Load()
	return !c.short
}
