package smb

import (
	"errors"
	"strings"
)

// Renames of directories in which something is open.

// movesOpen reports whether the rename may move a directory with what is open in it, as
// macOS expects of a file system.
func (n *renaming) movesOpen() bool { return n.r != nil && n.r.tree.hasAAPL(0) }

// movedBelow gives all that is open, or to be removed, below the directory that was called
// from its new name. The names are claimed.
func (m *mount) movedBelow(from, to string) error {
	var err error
	for _, f := range m.openBelow(from) {
		f.movedBelow(from, to)
		f.follow()
		err = errors.Join(err, f.saveAll())
	}
	m.moveFiles(from, to) // last, since what is closed meanwhile is to be removed by the open's name
	return err
}

// movedName returns what name becomes when the directory called from is called to; not ok:
// it isn't below that.
func (m *mount) movedName(name, from, to string) (_ string, ok bool) {
	if p, key := m.keyOf(name), m.keyOf(from); p == key || !below(p, key) {
		return name, false
	}
	// The two may differ in spelling, but not in how many elements they have.
	return to + "/" + behind(name, strings.Count(from, "/")+1), true
}

// moveFiles is movedBelow for what is to be removed, and where files are found by name. They
// need not be open: they may wait for their streams to be closed, or for a name to be free.
func (m *mount) moveFiles(from, to string) {
	moved := func(name string) (string, bool) { return m.movedName(name, from, to) }
	dooms := func(f *file) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.deletePending {
			f.renameDooms(moved)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, object := range m.files {
		for _, f := range object.streams {
			dooms(f)
		}
		dooms(object)
		if object.byName == "" {
			continue
		}
		if name, ok := moved(object.byName); ok && m.byName[object.byName] == object {
			delete(m.byName, object.byName)
			object.byName = m.keyOf(name)
			m.byName[object.byName] = object
		}
	}
}

// movedBelow gives the opens of f their new names.
func (f *file) movedBelow(from, to string) {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.opens {
		name, ok := m.movedName(o.name, from, to)
		if !ok || o.unlinked.Load() {
			continue
		}
		m.dropPath(o.key())
		o.name = name
		m.addPath(o.key(), f)
		if o.watch != nil {
			o.watch.Move(name)
		}
	}
	f.renameDooms(func(name string) (string, bool) { return m.movedName(name, from, to) })
}
