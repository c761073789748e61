package smb

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// file is what all opens of one object, or of one named stream of it, have in common,
// whatever names and sessions they came through: share modes, byte-range locks, a
// pending deletion. It lives as long as it has opens, and that of an object as long as
// any of its streams has.
type file struct {
	// Immutable.
	m    *mount
	id   uint64
	dir  bool
	base *file // of a named stream: the object

	// Guarded by m.mu.
	byName  string           // its key in m.byName, if it is there
	streams map[string]*file // of an object: those of its streams that are open, by folded name
	stream  string           // of a named stream: its name

	work   ownWork       // of an object: what the server does to it
	writes atomic.Uint64 // how often the content was changed

	// now is the id of what took the object's place, if any did; see replaced.
	// Guarded by m.mu and mu, either to read.
	now uint64

	// appends makes an append one act: finding the end and writing there. It is
	// held while the backend writes.
	appends sync.Mutex

	mu            sync.Mutex
	last          uint64 // the id that the object had when the last who deletes it closed it
	opens         []*open
	deletePending bool
	deletePath    string          // the name to be removed
	deleter       *vfs.Caller     // whose wish that is
	deletedFrom   *oplock.LeaseID // as doom.from
	further       []doom          // of an object: other names of it, hard links, that are to be removed
	tidy          bool            // a stream that is not to be left empty
	onlyEmpty     bool            // a stream that is removed only if it is empty
	renaming      string          // what it is about to be called
	gone          chan struct{}   // closed by forget
	alloc         int64           // allocation that was asked for and not yet used
	locks         locks
	caching       oplock.File
	settled       settled     // of an object
	parked        []*parking  // chains that wait for caching to change
	overdue       *time.Timer // nil unless a client owes an answer
}

// join finds the object that attr describes, checks that the open may share
// it with those who have it open, and adds it. It is where an open takes effect for
// others. When others must first give up what they cache, it returns what to tell
// them and what to wait for, and nothing happened. [MS-FSA] 2.1.5.1.2.2
func (c *creation) join(attr vfs.Attr, overwrite bool) (wait <-chan struct{}, err error) {
	f, breaks, wait, err := c.tryJoin(attr, overwrite)
	c.waitFile = f
	c.m.srv.sendBreaks(f, breaks)
	return wait, err
}

func (c *creation) tryJoin(attr vfs.Attr, overwrite bool) (_ *file, breaks []oplock.Break, wait <-chan struct{}, err error) {
	o, m := c.o, c.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropDead(c.objectAttr(attr), m.keyOf(o.name), c.made)
	f := m.fileOf(attr, m.keyOf(o.name), c.object, c.stream.name)
	if g, breaks, wait, err := f.barred(o); g != nil {
		return g, breaks, wait, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := c.checkLease(&f.caching); err != nil {
		return f, nil, nil, err
	}
	if f.unavailable(o, overwrite) {
		return f, nil, nil, smb2.StatusFileNotAvailable
	}
	switch {
	case f.gone != nil:
		return f, nil, f.gone, nil // it is being removed
	case f.doomedFor(o):
		return f, nil, nil, smb2.StatusDeletePending
	}
	conflict := slices.ContainsFunc(f.opens, func(other *open) bool { return conflicts(o, other) })
	o.holder.SetDirectory(f.dir)
	breaks, wait = f.cache().CheckOpen(time.Now(), o.holder, overwrite, conflict)
	switch {
	case wait != nil:
		return f, breaks, wait, nil
	case conflict:
		return f, breaks, nil, smb2.StatusSharingViolation
	}
	o.holder.SetAccess(uint32(o.access))
	if o.granted, err = f.cache().Grant(&m.srv.leases, o.holder); err != nil {
		return f, breaks, nil, smb2.StatusInvalidParameter
	}
	f.enter(o, attr.ID == 0)
	return f, breaks, nil, nil
}

// enter adds o, and puts f into the mount's tables; byName is whether the backend has
// no ids. The caller holds m.mu and f.mu.
func (f *file) enter(o *open, byName bool) {
	m, object := f.m, f.object()
	m.files[object.id] = object
	if key := m.keyOf(o.name); byName {
		m.byName[key], object.byName = object, key
	}
	if f.base != nil {
		if object.streams == nil {
			object.streams = make(map[string]*file)
		}
		object.streams[foldStream(f.stream)] = f
	}
	f.opens = append(f.opens, o)
	f.tidy = f.tidy || o.mayEmpty()
	f.onlyEmpty = f.onlyEmpty || o.kind == appleResource
	o.file = f
	m.addPath(o.key(), f)
}

// addPath counts an open of f by a path, as mount.keyOf has it. The caller holds m.mu.
func (m *mount) addPath(key string, f *file) {
	m.paths[key] = opened{f, m.paths[key].n + 1}
}

// dropPath is the reverse of addPath.
func (m *mount) dropPath(key string) {
	p := m.paths[key]
	if p.n--; p.n <= 0 {
		delete(m.paths, key)
		return
	}
	m.paths[key] = p
}

// fileOf returns the file of what attr describes, a new one if it isn't open. If that is
// a stream, object describes the object. The caller holds m.mu.
func (m *mount) fileOf(attr vfs.Attr, key string, object *vfs.Attr, stream string) *file {
	if stream == "" {
		return m.objectOf(attr, key)
	}
	attr.Mode = object.Mode
	base := m.objectOf(attr, key)
	if f := base.streams[foldStream(stream)]; f != nil {
		return f
	}
	f := &file{m: m, id: base.id, base: base, stream: stream}
	f.caching.Ref = f
	return f
}

// objectOf is fileOf for objects.
func (m *mount) objectOf(attr vfs.Attr, key string) *file {
	id := attr.ID
	if id == 0 {
		if f := m.byName[key]; f != nil {
			return f
		}
		id = hashString(key)
		// A file that was renamed while open keeps the id of its old name.
		for m.files[id] != nil || id == 0 {
			id++
		}
	}
	if f := m.files[id]; f != nil {
		return f
	}
	f := &file{m: m, id: id, dir: attr.IsDir()}
	f.caching.Ref = f
	return f
}

// Rights that share modes are about.
const (
	sharedRead   = vfs.ReadData | vfs.Execute
	sharedWrite  = vfs.WriteData | vfs.AppendData
	sharedDelete = vfs.Delete
)

// conflicts reports whether a and b can't both have a file open. Opens that
// touch only attributes get along with all. [MS-FSA] 2.1.5.1.2.2
func conflicts(a, b *open) bool {
	const all = sharedRead | sharedWrite | sharedDelete
	if a.shared&all == 0 || b.shared&all == 0 {
		return false
	}
	return denies(a, b) || denies(b, a)
}

// denies reports whether what b was granted is something that a doesn't share.
func denies(a, b *open) bool {
	return a.share&smb2.ShareRead == 0 && b.shared&sharedRead != 0 ||
		a.share&smb2.ShareWrite == 0 && b.shared&sharedWrite != 0 ||
		a.share&smb2.ShareDelete == 0 && b.shared&sharedDelete != 0
}

// leave removes o. It returns what must now be removed from the backend, if o was the
// last open of what is to be deleted: f, or the object that f is a stream of. That
// stays known, so that nobody opens it meanwhile, until forget. If others have it still
// open they may have to be told that it is to be deleted.
func (f *file) leave(o *open) (remove *file, breaks []oplock.Break) {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, other := range f.opens {
		if other == o {
			last := len(f.opens) - 1
			f.opens[i] = f.opens[last]
			f.opens[last] = nil
			f.opens = f.opens[:last]
			break
		}
	}
	f.cache().Close(&m.srv.leases, o.holder)
	defer f.wakeParked()
	if !o.unlinked.Load() {
		m.dropPath(o.key())
	}
	if o.deleteOnClose && !o.unlinked.Load() && !f.doomedFor(o) {
		f.setDeletePending(o.doom())
		breaks, _ = f.cache().Check(time.Now(), o.holder, oplock.OpDelete)
	}
	if len(f.opens) > 0 {
		return nil, breaks
	}
	if f.tidy && !f.deletePending {
		f.onlyEmpty = true
		f.setDeletePending(o.doom())
	}
	return f.idle(), nil
}

// idle is called when f has no opens. It returns what must now be removed. The caller
// holds m.mu and f.mu.
func (f *file) idle() (remove *file) {
	switch {
	case len(f.streams) > 0:
		return nil
	case f.deletePending:
		f.gone = make(chan struct{})
		return f
	}
	f.drop()
	return f.baseIdle()
}

// baseIdle is idle for the object that f is a stream of, if it has no opens.
func (f *file) baseIdle() (remove *file) {
	b := f.base
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.opens) > 0 {
		return nil
	}
	return b.idle()
}

// drop takes f out of the mount's tables. The caller holds m.mu and f.mu.
func (f *file) drop() {
	m := f.m
	if f.base != nil {
		delete(f.base.streams, foldStream(f.stream))
	} else if m.files[f.id] == f {
		delete(m.files, f.id)
	}
	if f.now != 0 && m.files[f.now] == f {
		delete(m.files, f.now)
	}
	if f.byName != "" && m.byName[f.byName] == f {
		delete(m.byName, f.byName)
	}
	f.further = nil
	f.clearDelete()
	f.stopOverdue()
}

// dropDead takes what has the id of an object, or its name where the backend has no ids, out of
// the mount's tables, with what was to be removed, if that was of another object, which is gone: ids are
// used again as soon as the last File is closed, which is before leave. That is so if the object was just
// made, or is of the other kind. The caller holds m.mu.
func (m *mount) dropDead(object vfs.Attr, key string, made bool) {
	f := m.files[object.ID]
	if object.ID == 0 {
		f = m.byName[key]
	}
	if f == nil || !made && (f.dir == object.IsDir() || object.ID != 0 && object.ID == f.now) {
		return
	}
	if made && object.ID != 0 && f.id != object.ID { // that of a link which is gone, see replaced
		f.mu.Lock()
		f.now = 0
		f.mu.Unlock()
		delete(m.files, object.ID)
		return
	}
	all := append(f.streamList(), f)
	switch {
	case slices.ContainsFunc(all, (*file).isGoing):
		if !made {
			return // it is waited for; who made the object has the name that its removal waits for
		}
	case slices.ContainsFunc(all, (*file).isInUse):
		return
	}
	for _, f := range all {
		f.mu.Lock()
		for _, o := range f.opens {
			f.unlink(o)
		}
		f.tidy = false
		f.drop()
		f.mu.Unlock()
	}
}

// isGoing reports whether f is being removed.
func (f *file) isGoing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone != nil
}

// isInUse reports whether somebody has f open whose File isn't being closed.
func (f *file) isInUse() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.opens, func(o *open) bool { return !o.closed.Load() })
}

// unlink notes that the name by which o has f open is not that of f any more. The caller holds m.mu
// and f.mu.
func (f *file) unlink(o *open) {
	if !o.unlinked.Load() {
		f.m.dropPath(o.key())
		o.unlinked.Store(true)
	}
}

// stopOverdue forgets the answers that clients owe. The caller holds f.mu.
func (f *file) stopOverdue() {
	if f.overdue != nil {
		f.overdue.Stop()
		f.overdue = nil
	}
}

// forget ends what leave began. It returns what must be removed next.
func (f *file) forget() (remove *file) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
	close(f.gone)
	f.wakeParked()
	return f.baseIdle()
}

// path returns the name that o was opened by, or what it was renamed to.
func (o *open) path() string {
	if o.m == nil {
		return o.name
	}
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	return o.name
}

// renamed gives all opens that came by the name from their new name.
func (f *file) renamed(from, to string) {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	oldKey, newKey := m.keyOf(from), m.keyOf(to)
	for _, o := range f.opens {
		if m.keyOf(o.name) != oldKey || o.unlinked.Load() {
			continue
		}
		o.name = to
		if o.watch != nil {
			o.watch.Move(to)
		}
		m.dropPath(oldKey)
		m.addPath(newKey, f)
	}
	f.renaming = ""
	if f.byName == oldKey {
		delete(m.byName, oldKey)
		m.byName[newKey], f.byName = f, newKey
	}
	f.renameDooms(func(name string) (string, bool) { return to, m.keyOf(name) == oldKey })
}
