package smb

import (
	"context"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// Deletion as POSIX has it: the name goes when the handle that deletes it is closed, and
// whoever else has the file open keeps it. [MS-FSCC] 2.4.12

// unlink removes the name of f, whose deletion h's open asked for, while others have it
// open. Where the backend can't do that the name goes with the last of them.
func (m *mount) unlink(ctx context.Context, f *file, h *oplock.Holder) {
	name, _ := f.doomedName()
	ctx = f.asDeleter(ctx)
	c := claim{key: foldPath(name), exclusive: true, subtree: f.dir}
	if m.remover == nil || m.claim(ctx, c) != nil {
		return
	}
	defer m.unclaim(c)
	if len(f.openStreams()) > 0 {
		return
	}
	f.mu.Lock()
	still := f.deletePending && f.gone == nil && f.deletePath == name
	f.mu.Unlock()
	if !still {
		return
	}
	defer m.names.change(name)()
	if err := m.remover.Remove(ctx, name); err != nil && !isMissing(err) {
		return
	}
	m.names.removed(name, f.dir)
	f.unlinked(name)
	f.saveAll()
	m.entryChanged(h, removed(name, f.dir))
}

// unlinked notes that a name of f is gone, and maybe another file's, while f is open.
func (f *file) unlinked(name string) {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	key := m.keyOf(name)
	for _, o := range f.opens {
		if m.keyOf(o.name) == key && !o.unlinked.Load() {
			m.dropPath(o.key())
			o.unlinked.Store(true)
		}
	}
	if f.byName == key && m.byName[key] == f {
		delete(m.byName, key)
		f.byName = ""
	}
	if f.deletePending && m.keyOf(f.deletePath) == key {
		f.clearDelete()
	}
}

// isDoomed reports whether the name that o was opened by is gone or will go.
func (o *open) isDoomed() bool { return o.unlinked.Load() || o.file.isDeletePending() }

// sharesDelete reports whether all who have f open let others delete it, and none has a
// stream of it open.
func (f *file) sharesDelete() bool {
	if len(f.openStreams()) > 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.opens {
		if o.share&smb2.ShareDelete == 0 && o.shared&(sharedRead|sharedWrite|sharedDelete) != 0 {
			return false
		}
	}
	return true
}
