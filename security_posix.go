package smb

import (
	"context"
	"io/fs"
	"math"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// chmod and chown. POSIX clients have no other way to say it than a descriptor: an ACL
// whose only entry is for S-1-5-88-3-mode stands for permissions, as for Windows' NFS
// server, and an owner that is a number of the machine for that.

// ownership is what such a descriptor changes; -1 leaves an owner as it is.
type ownership struct {
	mode     fs.FileMode
	hasMode  bool
	uid, gid int
}

// ownershipIn returns what the parts of sd that info names change, not ok if any of them
// is about something else. Linux sends an ACL along with new owners, and other entries
// along with a mode: those that it was told, which count if a descriptor is stored.
func ownershipIn(sd vfs.SecurityDescriptor, info vfs.SecurityInformation, stored bool) (x ownership, ok bool) {
	x.uid, x.gid = -1, -1
	if info&vfs.DACLSecurity != 0 && sd.DACL != nil && (len(sd.DACL.ACEs) == 1 || !stored) {
		for _, a := range sd.DACL.ACEs {
			if mode, ok := a.SID.UnixMode(); ok {
				x.mode, x.hasMode = fileMode(smb2.PosixMode(mode)), true
			}
		}
	}
	if info&vfs.DACLSecurity != 0 && !x.hasMode && (stored || info&(vfs.OwnerSecurity|vfs.GroupSecurity) == 0) {
		return x, false
	}
	if info&vfs.OwnerSecurity != 0 {
		id, group, ok := sd.Owner.UnixID()
		if x.uid = int(id); !ok || group || x.uid < 0 || id == math.MaxUint32 {
			return x, false
		}
	}
	if info&vfs.GroupSecurity != 0 {
		id, group, ok := sd.Group.UnixID()
		if x.gid = int(id); !ok || !group || x.gid < 0 || id == math.MaxUint32 {
			return x, false
		}
	}
	const all = vfs.DACLSecurity | vfs.OwnerSecurity | vfs.GroupSecurity | vfs.UnprotectedDACLSecurity | vfs.ProtectedDACLSecurity
	return x, info&^all == 0
}

// asOwnership does what sd says of POSIX ownership, if that is all it says.
func (r *request) asOwnership(ctx context.Context, sd vfs.SecurityDescriptor, info vfs.SecurityInformation) (done bool, err error) {
	old, err := storedSecurity(ctx, r.open.f)
	if err != nil {
		return false, err
	}
	x, ok := ownershipIn(sd, info, old != nil)
	if !ok {
		return false, nil
	}
	return true, r.setOwnership(ctx, x)
}

// setOwnership does it, for one who has the right to write these parts of the descriptor.
// To give something away takes what it takes to make anybody an owner in a descriptor.
func (r *request) setOwnership(ctx context.Context, x ownership) error {
	o := r.open
	a, err := o.stat(ctx)
	if err != nil {
		return err
	}
	t := r.id.token
	sameUser, sameGroup := a.Owned && x.uid == int(a.UID), a.Owned && x.gid == int(a.GID)
	switch {
	case x.uid >= 0 && !sameUser && !t.MayAssignOwner(vfs.UnixUserSID(uint32(x.uid))):
		return smb2.StatusPrivilegeNotHeld
	case x.gid >= 0 && !sameGroup && !t.Has(vfs.UnixGroupSID(uint32(x.gid))) && !t.Holds(vfs.PrivilegeRestore):
		return smb2.StatusPrivilegeNotHeld
	}
	chmod, canMode := vfs.As[vfs.Chmoder](o.f)
	chown, canOwn := vfs.As[vfs.Chowner](o.f)
	owns := x.uid >= 0 || x.gid >= 0
	if x.hasMode && !canMode || owns && !canOwn {
		return smb2.StatusNotSupported
	}
	if owns {
		err = chown.Chown(x.uid, x.gid)
	}
	if err == nil && x.hasMode {
		err = chmod.Chmod(x.mode)
	}
	if err == nil {
		o.m.entryChanged(o.holder, modified(o.path(), smb2.FileNotifyChangeSecurity|smb2.FileNotifyChangeAttributes))
	}
	return err
}
