package smb

import (
	"bytes"
	"context"
	"errors"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// security answers with the parts of the descriptor that are asked for. [MS-SMB2]
// 3.3.5.20.3
func (q *query) security(dst []byte) ([]byte, error) {
	info := vfs.SecurityInformation(q.req.Additional)
	if info.QueryAccess()&^q.o.access != 0 {
		return dst, smb2.StatusAccessDenied
	}
	if q.o.pipe != nil {
		return dst, smb2.StatusNotSupported
	}
	sd, err := q.r.descriptor(q.ctx, q.o)
	if err != nil {
		return dst, err
	}
	if info&vfs.DACLSecurity != 0 && q.r.tree.hasAAPL(smb2.AAPLNFSACE) {
		a, err := q.o.stat(q.ctx)
		if err != nil {
			return dst, err
		}
		sd = withModes(sd, a)
	}
	sd = sd.Select(info)
	if n := sd.Len(); n > int(q.req.OutputLength) {
		return dst, q.tooSmall(n) // nothing is counted for it
	}
	return sd.Append(dst), nil
}

// descriptor returns the descriptor of what o is an open of.
func (r *request) descriptor(ctx context.Context, o *open) (vfs.SecurityDescriptor, error) {
	var sd *vfs.SecurityDescriptor
	owner := r.id.caller.SID
	err := o.withObject(ctx, func(f vfs.File) (err error) {
		if sd, err = storedSecurity(ctx, f); sd != nil || err != nil {
			return err
		}
		a, err := f.Stat(ctx)
		if a.Owner != "" {
			owner = a.Owner
		}
		return err
	})
	switch {
	case err != nil:
		return vfs.SecurityDescriptor{}, err
	case sd == nil:
		return r.tree.derived(owner, o.file.object().dir), nil
	}
	return *sd, nil
}

// withObject calls do with a File of the object that o belongs to: the one that o opened,
// unless that is a stream, or another object took its place (see replaced).
func (o *open) withObject(ctx context.Context, do func(vfs.File) error) error {
	if o.file.base == nil && !o.byName.Load() {
		return do(o.f)
	}
	f, err := o.m.fs.Open(ctx, o.path(), vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return err
	}
	defer f.Close()
	a, err := f.Stat(ctx)
	if err != nil {
		return err
	}
	o.noteIDNow(ctx) // afterwards, or it might get another in between
	if err := o.isObject(a); err != nil {
		return err
	}
	return do(f)
}

// isObject checks that a, which are the attributes of what has o's name now, are those of the object that o
// belongs to: another user may have got the name since.
func (o *open) isObject(a vfs.Attr) error {
	object := o.file.object()
	object.mu.Lock()
	defer object.mu.Unlock()
	if o.unlinked.Load() {
		return smb2.StatusFileDeleted
	}
	known := a.ID == 0 || a.ID == object.id || a.ID == object.now || !o.byName.Load() && a.ID == object.last
	if !known {
		return smb2.StatusFileDeleted
	}
	return nil
}

// claim claims the name that o has then.
func (o *open) claim(ctx context.Context) (claim, error) {
	for {
		name := o.path()
		c := claim{key: foldPath(name), exclusive: true}
		if err := o.m.claim(ctx, c); err != nil || o.path() == name {
			return c, err
		}
		o.m.unclaim(c)
	}
}

// setSecurity replaces the parts of the descriptor that info names. [MS-SMB2]
// 3.3.5.21.3, [MS-FSA] 2.1.5.17
func (r *request) setSecurity(ctx context.Context, info vfs.SecurityInformation, data []byte) error {
	o := r.open
	switch {
	case info.SetAccess()&^o.access != 0:
		return smb2.StatusAccessDenied
	case o.pipe != nil:
		return smb2.StatusNotSupported
	case o.m.frozen():
		return smb2.StatusMediaWriteProtected
	case info.SetAccess() == 0:
		return nil // of no part
	}
	// Parts of it alias the bytes, and a backend may keep it.
	sd, err := vfs.ParseSecurityDescriptor(bytes.Clone(data))
	if err != nil {
		return smb2.StatusInvalidSecurityDescr
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpSetSecurity); err != nil {
		return err
	}
	if o.posix {
		if done, err := r.asOwnership(ctx, sd, info); done || err != nil {
			return err
		}
	}
	// Nobody else may change it between the look at it and the change.
	cl, err := o.claim(ctx)
	if err != nil {
		return err
	}
	defer o.m.unclaim(cl)
	old, err := r.descriptor(ctx, o)
	if err != nil {
		return err
	}
	if r.tree.hasAAPL(0) {
		if info, err = r.setModes(ctx, info, &sd, old); err != nil || info.SetAccess() == 0 {
			return err
		}
	}
	fresh, err := old.Merge(sd, info)
	switch {
	case err != nil:
		return err
	case fresh.Owner != old.Owner && !r.id.token.MayAssignOwner(fresh.Owner):
		return smb2.StatusInvalidOwner
	}
	defer o.work().end()
	err = o.withObject(ctx, func(f vfs.File) error {
		s, ok := vfs.As[vfs.Securer](f)
		if !ok {
			return errors.ErrUnsupported
		}
		return s.SetSecurity(ctx, fresh)
	})
	if errors.Is(err, errors.ErrUnsupported) {
		return smb2.StatusNotSupported
	}
	if err == nil {
		o.m.entryChanged(o.holder, modified(o.path(), smb2.FileNotifyChangeSecurity))
	}
	return err
}
