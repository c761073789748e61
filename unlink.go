package smb

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Deletion of a name while others have the file open: as POSIX has it, when the handle that
// deletes it is closed, and whoever else has the file open keeps it, [MS-FSCC] 2.4.12; or
// because they have it open by other names.

// unlink removes a name of f, whose deletion h's open asked for, while others have it
// open, and reports whether it did. Where the backend can't do that the name goes with the
// last of them.
func (m *mount) unlink(ctx context.Context, f *file, d doom, h *oplock.Holder) bool {
	name := d.name
	ctx = d.as(ctx)
	c := claim{key: foldPath(name), exclusive: true, subtree: f.dir}
	if m.remover == nil || m.claim(ctx, c) != nil {
		return false
	}
	defer m.unclaim(c)
	if len(f.openStreams()) > 0 {
		return false
	}
	f.mu.Lock()
	still := f.gone == nil && f.deletePending && slices.ContainsFunc(f.doomList(), func(d doom) bool { return d.name == name })
	f.mu.Unlock()
	if !still {
		return false
	}
	if m.removeName(ctx, f, name, d.knownTo(h)) != nil {
		return false
	}
	f.unlinked(name)
	f.saveAll()
	return true
}

// removeLink removes one of several names of f, which nobody has open any more.
func (m *mount) removeLink(ctx context.Context, f *file, h *oplock.Holder) error {
	name, _, c, err := m.claimDoomed(ctx, f)
	if err != nil {
		return err
	}
	defer m.unclaim(c)
	if f.dooms() < 2 {
		return nil // it was detached meanwhile
	}
	if err := m.removeName(f.asDeleter(ctx), f, name, f.knownTo(h)); err != nil {
		m.srv.log.Error("smb: removing a hard link failed", "path", name, "err", err)
	}
	f.nextDoom()
	return nil
}

// removeName removes a name of f, which is claimed, unless another program did, and perhaps
// gave it to another object.
func (m *mount) removeName(ctx context.Context, f *file, name string, h *oplock.Holder) error {
	if m.remover == nil {
		return smb2.StatusAccessDenied
	}
	if m.isAnother(ctx, name, f) {
		return nil
	}
	defer m.names.change(name)()
	if err := m.remover.Remove(ctx, name); err != nil && !isMissing(err) {
		return orDenied(err)
	}
	m.names.removed(name, f.dir)
	m.entryChanged(h, removed(name, f.dir))
	return nil
}

// isAnother reports whether name is that of another object than f, as far as the backend
// tells objects apart.
func (m *mount) isAnother(ctx context.Context, name string, f *file) bool {
	a, err := m.exists(vfs.WithCaller(ctx, vfs.SystemCaller()), name)
	if isMissing(err) {
		return true // and what gets the name now isn't f
	}
	if err != nil || a.ID == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return a.ID != f.id && a.ID != f.now && a.ID != f.last
}

// isElsewhere reports whether name, by which o is known, is that of another object, or of none: another program
// moved or removed it.
func (o *open) isElsewhere(ctx context.Context, name string) bool {
	o.noteIDNow(ctx)
	return o.m.isAnother(ctx, name, o.file.object())
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
		if m.keyOf(o.name) == key {
			f.unlink(o)
		}
	}
	if f.byName == key && m.byName[key] == f {
		delete(m.byName, key)
		f.byName = ""
	}
	f.clearDoom(key)
}

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
