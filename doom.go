package smb

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/vfs"
)

// What is to be deleted. A name goes when the last handle that was opened by it is closed:
// whoever has the file open by another name, a hard link, is not in the way and is not
// disturbed. [MS-FSA] 2.1.5.5

// doom is a name that is to be removed, and whose wish that is.
type doom struct {
	name string
	by   *vfs.Caller
	from *oplock.LeaseID // the lease on the directory that he says is his
}

// setDeletePending marks a name of f for removal, as the wish of by. The caller holds m.mu
// and f.mu.
func (f *file) setDeletePending(d doom) {
	if f.deletePending {
		if f.base == nil && !f.doomedAt(f.m.keyOf(d.name)) {
			f.further = append(f.further, d)
		}
		return
	}
	f.deletePending, f.deletePath, f.deleter, f.deletedFrom = true, d.name, d.by, d.from
	if f.dir {
		f.m.doomed[f.m.keyOf(d.name)]++
		f.failWatches()
	}
}

// clearDelete is the reverse of setDeletePending for the first of the names.
func (f *file) clearDelete() {
	if !f.deletePending {
		return
	}
	f.deletePending, f.deleter, f.deletedFrom = false, nil, nil
	if f.dir {
		key := f.m.keyOf(f.deletePath)
		if f.m.doomed[key]--; f.m.doomed[key] <= 0 {
			delete(f.m.doomed, key)
		}
	}
	if len(f.further) > 0 {
		next := f.further[0]
		f.further = f.further[1:]
		f.setDeletePending(next)
	}
}

// clearDoom is clearDelete for the name of key.
func (f *file) clearDoom(key string) {
	if f.deletePending && f.m.keyOf(f.deletePath) == key {
		f.clearDelete()
		return
	}
	f.further = slices.DeleteFunc(f.further, func(d doom) bool { return f.m.keyOf(d.name) == key })
}

// renameDooms gives names that are to be removed those that to tells. The caller holds m.mu
// and f.mu.
func (f *file) renameDooms(to func(name string) (string, bool)) {
	for i, d := range f.further {
		if name, ok := to(d.name); ok {
			f.further[i].name = name
		}
	}
	if name, ok := to(f.deletePath); ok && f.deletePending {
		d, further := f.doom(), f.further
		f.further = nil
		f.clearDelete()
		d.name = name
		f.setDeletePending(d)
		f.further = further
	}
}

// doomedAt reports whether the name of key is to be removed. The caller holds f.mu.
func (f *file) doomedAt(key string) bool {
	return f.deletePending && f.m.keyOf(f.deletePath) == key ||
		slices.ContainsFunc(f.further, func(d doom) bool { return f.m.keyOf(d.name) == key })
}

// doomedFor reports whether what o opens is to be removed: a stream, or the name that it
// is opened by. The caller holds m.mu and f.mu.
func (f *file) doomedFor(o *open) bool {
	if f.base != nil {
		return f.deletePending
	}
	return f.doomedAt(f.m.keyOf(o.name))
}

// dooms returns how many names of f are to be removed.
func (f *file) dooms() uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.deletePending {
		return 0
	}
	return 1 + uint32(len(f.further))
}

// isDeletePending reports whether f, or a name of it, is to be removed.
func (f *file) isDeletePending() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deletePending
}

// isDeletePendingAt reports whether name, which is one of f, is to be removed.
func (f *file) isDeletePendingAt(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doomedAt(f.m.keyOf(name))
}

// isDoomed reports whether the name that o was opened by is gone or will go.
func (o *open) isDoomed() bool {
	if o.unlinked.Load() {
		return true
	}
	f := o.file
	if !f.isDeletePending() {
		return false // without m.mu, which all files share
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doomedFor(o)
}

// setDisposition marks what o was opened by for removal when its last open goes, or
// unmarks it. With posix the name goes already when o is closed. It reports false if the name is
// gone, and maybe another file's.
func (f *file) setDisposition(o *open, del, posix bool) bool {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if o.unlinked.Load() {
		return false
	}
	key := f.m.keyOf(o.name)
	switch {
	case del:
		f.setDeletePending(o.doom())
	default:
		if f.base != nil {
			f.clearDelete()
		} else {
			f.clearDoom(key)
		}
		for _, other := range f.opens {
			if f.m.keyOf(other.name) == key {
				other.posixDelete = false
			}
		}
	}
	o.posixDelete = del && posix
	return true
}

// freed returns those names of f that are to be removed and that nobody has it open by any
// more, now that o is closed, while others have it open. That of o is one of them with
// posix.
func (f *file) freed(o *open, posix bool) []doom {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.deletePending || f.gone != nil || len(f.opens) == 0 {
		return nil
	}
	free := make(map[string]bool) // keys
	for _, d := range f.doomList() {
		free[m.keyOf(d.name)] = true
	}
	own := m.keyOf(o.name)
	left := len(free)
	if posix && free[own] {
		left--
	}
	for _, other := range f.opens {
		if left == 0 {
			break
		}
		if key := m.keyOf(other.name); free[key] && !other.unlinked.Load() && !(posix && key == own) {
			free[key] = false
			left--
		}
	}
	return slices.DeleteFunc(f.doomList(), func(d doom) bool { return !free[m.keyOf(d.name)] })
}

// doomList returns all names of f that are to be removed. The caller holds f.mu, and one is.
func (f *file) doomList() []doom {
	return append([]doom{f.doom()}, f.further...)
}

// doom returns the first of them. The caller holds f.mu.
func (f *file) doom() doom { return doom{f.deletePath, f.deleter, f.deletedFrom} }

// doom is the wish to remove the name that o was opened by.
func (o *open) doom() doom { return doom{o.name, o.caller, o.holder.Parent()} }

// knownTo returns h, who removes what d is by closing it last, if his lease on the directory is that of
// who asked for it. Else nobody knows that it goes now: it is nil.
func (d doom) knownTo(h *oplock.Holder) *oplock.Holder {
	if p := h.Parent(); p != nil && d.from != nil && *p == *d.from {
		return h
	}
	return nil
}

// nextDoom makes the next name that is to be removed the first one.
func (f *file) nextDoom() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clearDelete()
}

// as returns ctx as that of whose wish it is, which may come true when somebody else
// closes the file.
func (d doom) as(ctx context.Context) context.Context {
	if d.by == nil {
		return ctx
	}
	return vfs.WithCaller(ctx, d.by)
}

// asDeleter returns ctx as that of who wants f removed.
func (f *file) asDeleter(ctx context.Context) context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	return doom{by: f.deleter}.as(ctx)
}

// doomedName returns the name by which f is to be removed, and the stream of it.
func (f *file) doomedName() (name, stream string) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deletePath, f.stream
}

// knownTo is that of what is to be removed first.
func (f *file) knownTo(h *oplock.Holder) *oplock.Holder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doom().knownTo(h)
}
