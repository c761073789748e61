package smb

import (
	"context"
	"errors"
	"path"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Who may do what with an object. Three things decide it, and each can only take
// away: the share (tree.access), the descriptor that the backend keeps of the object,
// and the object's read-only attribute. Where the backend keeps none, as most objects
// of a directory that only this server shares, the share alone decides.
//
// An open holds what it was granted, and every request is checked against that. So
// descriptors are looked at by CREATE, and by those requests that act on names which
// are not open: rename and link.

// storedSecurity returns the descriptor that the backend keeps for f, nil if it keeps
// none.
func storedSecurity(ctx context.Context, f vfs.File) (*vfs.SecurityDescriptor, error) {
	s, ok := vfs.As[vfs.Securer](f)
	if !ok {
		return nil, nil
	}
	sd, err := s.Security(ctx)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &sd, nil
}

// keepsSecurity reports whether the objects of a backend can have descriptors of their
// own, as far as its root tells.
func keepsSecurity(root vfs.File) bool {
	_, ok := vfs.As[vfs.Securer](root)
	return ok
}

// securityAt is storedSecurity for what is called name.
func (m *mount) securityAt(ctx context.Context, name string) (*vfs.SecurityDescriptor, error) {
	if !m.secures {
		return nil, nil
	}
	f, err := m.fs.Open(ctx, name, vfs.OpenOptions{Access: vfs.ReadControl})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return storedSecurity(ctx, f)
}

// held returns what the descriptor sd lets the bearer of t do, everything if there is
// none.
func held(sd *vfs.SecurityDescriptor, t *vfs.Token) vfs.Access {
	if sd == nil {
		return vfs.AccessFull
	}
	return sd.Maximum(t)
}

// derived is the descriptor of an object for which none is kept: it says what the share
// lets everybody do whom it lets do what it lets the caller. The caller is told as its owner
// if the backend doesn't know who is, so that who sets a descriptor can change it again.
func (t *tree) derived(owner vfs.SID, dir bool) vfs.SecurityDescriptor {
	ace := vfs.ACE{Type: vfs.ACEAllowed, Mask: t.access(), SID: vfs.SIDEveryone}
	if dir {
		ace.Flags = vfs.ACEObjectInherit | vfs.ACEContainerInherit
	}
	return vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent,
		Owner:   owner,
		Group:   vfs.SIDUsers,
		DACL:    &vfs.ACL{ACEs: []vfs.ACE{ace}},
	}
}

// mayAdd checks that the caller may make a name where the new one is to be, of a
// directory if dir is set. [MS-FSA] 2.1.5.15.12
func (n *renaming) mayAdd(dir bool) error {
	need := vfs.AddFile
	if dir {
		need = vfs.AddSubdirectory
	}
	sd, err := n.m.securityAt(n.ctx, path.Dir(n.to))
	switch {
	case err != nil:
		return err
	case n.r.tree.access()&held(sd, n.r.id.token)&need == 0:
		return smb2.StatusAccessDenied
	}
	return nil
}

// mayReplace checks that the caller may remove name for another to take its place.
// [MS-FSA] 2.1.5.15.12
func (n *renaming) mayReplace(name string) error {
	sd, err := n.m.securityAt(n.ctx, name)
	if err != nil {
		return err
	}
	may := held(sd, n.r.id.token)
	if may&vfs.Delete == 0 {
		if sd, err = n.m.securityAt(n.ctx, path.Dir(name)); err != nil {
			return err
		}
		may |= lent(held(sd, n.r.id.token))
	}
	if n.r.tree.access()&may&vfs.Delete == 0 {
		return smb2.StatusAccessDenied
	}
	return nil
}

// hides reports whether a listing of the directory o, called dir, leaves out what has
// name in it.
func (o *open) hides(ctx context.Context, dir, name string) bool {
	t := o.tree()
	// Asked first, for a listing has the path of each name put together otherwise.
	return t != nil && t.share.AccessBasedEnumeration && t.hidesIn(ctx, o.m, path.Join(dir, name))
}

// hidesIn reports whether listings leave out what has name in m.
func (t *tree) hidesIn(ctx context.Context, m *mount, name string) bool {
	const read = vfs.AccessRead &^ vfs.Synchronize
	if !t.share.AccessBasedEnumeration {
		return false
	}
	sd, err := m.securityAt(ctx, name)
	return err != nil || held(sd, t.se.identity.Load().token)&read != read
}
