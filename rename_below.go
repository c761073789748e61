package smb

import (
	"errors"
	"strings"
)

// Renames of directories in which something is open.

// movesOpen reports whether the rename may move a directory with what is open in it, as
// macOS expects of a file system.
func (n *renaming) movesOpen() bool { return n.r != nil && n.r.tree.hasAAPL(0) }

// movedBelow gives all that is open below the directory that was called from its new name.
// The names are claimed.
func (m *mount) movedBelow(from, to string) error {
	var err error
	for _, f := range m.openBelow(from) {
		f.movedBelow(from, to)
		f.follow()
		err = errors.Join(err, f.saveAll())
	}
	return err
}

// movedBelow is that for the opens of f.
func (f *file) movedBelow(from, to string) {
	m, key := f.m, f.m.keyOf(from)
	moved := func(name string) (string, bool) {
		if p := m.keyOf(name); p == key || !below(p, key) {
			return name, false
		}
		// The two may differ in spelling, but not in how many elements they have.
		return to + "/" + behind(name, strings.Count(from, "/")+1), true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.opens {
		name, ok := moved(o.name)
		if !ok || o.unlinked.Load() {
			continue
		}
		m.dropPath(o.key())
		o.name = name
		m.addPath(o.key(), f)
		if o.watch != nil {
			o.watch.Move(name)
		}
		if f.byName != "" {
			delete(m.byName, f.byName)
			f.byName = m.keyOf(name)
			m.byName[f.byName] = f
		}
	}
	f.renameDooms(moved)
}
