package smb

import (
	"context"
	"crypto/rand"
	"errors"
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// getReparsePoint tells what the object is a reparse point of. [MS-FSA] 2.1.5.10.14
func getReparsePoint(ctx context.Context, r *request, q *control) error {
	o := r.open
	if o.file == nil || !o.m.reparse {
		return smb2.StatusInvalidDeviceRequest
	}
	p, err := o.reparsePoint(ctx)
	if err != nil {
		return err
	}
	if r.open.posix {
		p = slashes(p)
	}
	out := reparseBuffer(p)
	switch most := int(q.MaxOutputResponse); {
	case most < len(out)-len(p.Data):
		return smb2.StatusBufferTooSmall
	case most < len(out):
		q.out, q.status = out[:most], smb2.StatusBufferOverflow
	default:
		q.out = out
	}
	return nil
}

// reparsePoint returns what o is a reparse point of.
func (o *open) reparsePoint(ctx context.Context) (p vfs.ReparsePoint, err error) {
	err = o.withObject(ctx, func(f vfs.File) error {
		a, err := f.Stat(ctx)
		if err == nil {
			p, err = o.m.reparsePoint(ctx, f, o.path(), a)
		}
		return err
	})
	return p, err
}

// reparsing is a change of an object from or to a reparse point on its way.
type reparsing struct {
	ctx  context.Context
	o    *open
	m    *mount
	name string           // claimed
	want vfs.ReparsePoint // its Data aliases the request
}

// beginReparse checks what both changes have in common. [MS-FSA] 2.1.5.10.3, 2.1.5.10.37
func beginReparse(ctx context.Context, r *request, q *control) (*reparsing, error) {
	o := r.open
	switch {
	case o.file == nil || !o.m.reparse:
		return nil, smb2.StatusInvalidDeviceRequest
	case o.access&(vfs.WriteData|vfs.WriteAttributes) == 0:
		return nil, smb2.StatusAccessDenied
	}
	b, err := smb2.ParseReparseDataBuffer(q.Input)
	switch {
	case err != nil:
		return nil, err
	case b.Tag <= 1: // reserved
		return nil, smb2.StatusIoReparseTagInvalid
	}
	x := &reparsing{ctx: ctx, o: o, m: o.m, want: vfs.ReparsePoint{Tag: b.Tag, GUID: b.GUID, Data: b.Data}}
	if o.posix {
		x.want = backslashes(x.want)
	}
	return x, nil
}

// claimed calls act with the name claimed, and all that is below: nobody shall find what
// is neither the one nor the other, nor make something in a directory that leads away.
func (x *reparsing) claimed(act func() error) error {
	for races := 0; races < 8; races++ {
		err := x.attempt(act)
		if err == errRaced {
			continue
		}
		if err == nil {
			x.m.entryChanged(x.o.holder, modified(x.name, smb2.FileNotifyChangeAttributes))
		}
		return err
	}
	return smb2.StatusSharingViolation
}

// attempt is claimed, unless a rename was first.
func (x *reparsing) attempt(act func() error) error {
	x.name = x.o.path()
	c := claim{key: foldPath(x.name), exclusive: true, subtree: x.o.file.object().dir}
	if err := x.m.claim(x.ctx, c); err != nil {
		return err
	}
	defer x.m.unclaim(c)
	if x.o.path() != x.name {
		return errRaced
	}
	if !x.o.unlinked.Load() && x.o.isElsewhere(x.ctx, x.name) {
		return smb2.StatusObjectNameNotFound
	}
	return act()
}

// matches checks that what the object is already goes with the tag that the client
// names.
func (x *reparsing) matches(now vfs.ReparsePoint) error {
	switch {
	case now.Tag != x.want.Tag:
		return smb2.StatusIoReparseTagMismatch
	case now.GUID != x.want.GUID:
		return smb2.StatusReparseAttributeConflict
	}
	return nil
}

// setReparsePoint makes the object a reparse point. [MS-FSA] 2.1.5.10.37
func setReparsePoint(ctx context.Context, r *request, q *control) error {
	x, err := beginReparse(ctx, r, q)
	if err != nil {
		return err
	}
	target, expressed := "", false
	dir := x.o.file.object().dir
	switch x.want.Tag {
	case vfs.TagMountPoint:
		if !dir {
			return smb2.StatusNotADirectory
		}
	case vfs.TagSymlink:
		l, err := smb2.ParseSymbolicLinkReparse(reparseBuffer(x.want))
		if err != nil {
			return err
		}
		target, expressed = symlinkTarget(l, x.o.path())
	}
	return x.claimed(func() error {
		if err := x.checkSet(dir); err != nil {
			return err
		}
		if expressed && x.m.symlinker != nil && len(x.o.file.object().openStreams()) == 0 {
			err := x.symlink(target)
			if !errors.Is(err, errors.ErrUnsupported) {
				return err
			}
		}
		return x.o.withReparser(ctx, func(p vfs.Reparser) error { return p.SetReparsePoint(ctx, x.want) })
	})
}

// checkSet checks that the object may become what is wanted. Extended attributes are not
// in the way, as on current Windows: the special files of WSL have them.
func (x *reparsing) checkSet(dir bool) error {
	a, err := x.o.stat(x.ctx)
	switch {
	case err != nil:
		return err
	case x.name == ".":
		return smb2.StatusAccessDenied // or nobody could use the share any more
	case x.o.unlinked.Load() || x.o.file.object().isDeletePending():
		return smb2.StatusDeletePending
	case x.want.Tag == vfs.TagSymlink && a.Size != 0 && a.ReparseTag == 0:
		return smb2.StatusIoReparseDataInvalid
	}
	if dir {
		if err := x.o.checkEmpty(x.ctx); err != nil {
			return err
		}
	}
	if a.ReparseTag == 0 {
		return nil
	}
	now, err := x.o.reparsePoint(x.ctx)
	if err != nil {
		return err
	}
	return x.matches(now)
}

// symlink lets the backend put a link of its own in the object's place.
func (x *reparsing) symlink(target string) error {
	if err := x.m.symlinker.Symlink(x.ctx, target, x.name, true); err != nil {
		return err
	}
	return x.o.replaced(x.ctx, x.name)
}

// deleteReparsePoint makes the object an ordinary one. [MS-FSA] 2.1.5.10.3
func deleteReparsePoint(ctx context.Context, r *request, q *control) error {
	x, err := beginReparse(ctx, r, q)
	switch {
	case err != nil:
		return err
	case len(x.want.Data) > 0: // [MS-FSCC] 2.3.5
		return smb2.StatusIoReparseDataInvalid
	}
	return x.claimed(func() error {
		if x.o.unlinked.Load() {
			return smb2.StatusDeletePending
		}
		now, err := x.o.reparsePoint(ctx)
		if err != nil {
			return err
		}
		if err := x.matches(now); err != nil {
			return err
		}
		a, err := x.o.stat(ctx)
		switch {
		case err != nil:
			return err
		case isSymlink(a) && x.m.symlinker != nil:
			return x.unlink()
		}
		return x.o.withReparser(ctx, func(p vfs.Reparser) error { return p.RemoveReparsePoint(ctx) })
	})
}

// unlink puts an empty file in the place of a link of the backend's own.
func (x *reparsing) unlink() error {
	m := x.m
	if m.creator == nil || m.renamer == nil || m.remover == nil {
		return smb2.StatusAccessDenied
	}
	temp := path.Join(path.Dir(x.name), ".reparse-"+rand.Text())
	f, err := m.creator.Create(x.ctx, temp, vfs.CreateOptions{Attributes: vfs.AttrArchive, Owner: x.o.caller.SID})
	if err != nil {
		return orDenied(err)
	}
	f.Close()
	if err := m.renamer.Rename(x.ctx, temp, x.name, true); err != nil {
		m.remover.Remove(x.ctx, temp)
		return orDenied(err)
	}
	return x.o.replaced(x.ctx, x.name)
}

// withReparser is withObject for what can be made a reparse point.
func (o *open) withReparser(ctx context.Context, do func(vfs.Reparser) error) error {
	return o.withObject(ctx, func(f vfs.File) error {
		r, ok := vfs.As[vfs.Reparser](f)
		if !ok {
			return smb2.StatusInvalidDeviceRequest
		}
		err := do(r)
		if errors.Is(err, errors.ErrUnsupported) {
			return smb2.StatusInvalidDeviceRequest
		}
		return err
	})
}

// replaced makes o, and whoever else has the file open, stand for what was put in its
// place under a name that is claimed.
func (o *open) replaced(ctx context.Context, name string) error {
	a, err := o.m.exists(ctx, name)
	if err != nil {
		return err
	}
	f, m := o.file.object(), o.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ID != 0 && m.files[a.ID] != f {
		m.dropDead(a, "", true) // what was put there was just made
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, other := range f.opens {
		if m.keyOf(other.name) == m.keyOf(name) {
			other.byName.Store(true)
		}
	}
	if a.ID == 0 {
		return nil
	}
	// Who opens it from now on meets those who have it open. The old id stays
	// theirs as well: their Files keep what it belongs to.
	if f.now != 0 && f.now != f.id && m.files[f.now] == f {
		delete(m.files, f.now)
	}
	if m.files[a.ID] == nil {
		m.files[a.ID] = f
	}
	f.now = a.ID
	return nil
}
