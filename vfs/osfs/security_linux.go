package osfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Securer = (*File)(nil)
	_ vfs.Securer = (*streamFile)(nil)
)

// securityProbe is an attribute that no object has. To replace it needs the right to write
// those whose names begin with "security.", and does nothing.
const securityProbe = "security.smb.probe"

// mayWriteSecurity reports whether the process may write such attributes where fd is. Its
// capabilities alone don't tell: the root of a container has them in a user namespace of
// its own, and what counts is the one that the file system was mounted in.
func mayWriteSecurity(fd int) bool {
	err := again(func() error { return unix.Fsetxattr(fd, securityProbe, nil, unix.XATTR_REPLACE) })
	switch {
	case err == errNotStored:
		return true
	case err == unix.EPERM && !frozen(fd):
		return false
	}
	// The file system is read-only, or has no such attributes.
	return isAdmin() && initialNamespace()
}

// frozen reports whether nobody may change an object, as by chattr +i.
func frozen(fd int) bool {
	var x unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &x)
	return err == nil && x.Attributes&(unix.STATX_ATTR_IMMUTABLE|unix.STATX_ATTR_APPEND) != 0
}

func isAdmin() bool {
	var data [2]unix.CapUserData
	return unix.Capget(&capHeader, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// initialNamespace reports whether the process is in the machine's own user namespace, the
// only one in which each user is himself. A kernel that has no others has no such file.
func initialNamespace() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err != nil || slices.Equal(strings.Fields(string(b)), []string{"0", "0", "4294967295"})
}

// closed is the descriptor of an object whose own can't be read: nobody gets in
// but administrators, who can replace it.
var closed = vfs.SecurityDescriptor{Owner: vfs.SIDAdministrators, Group: vfs.SIDAdministrators, DACL: &vfs.ACL{}}

// Security implements vfs.Securer.
func (h *File) Security(ctx context.Context) (vfs.SecurityDescriptor, error) {
	sd, err := h.security()
	if err == errors.ErrUnsupported { // as of most objects, each time that one is opened
		return sd, err
	}
	return sd, h.fail("security", err)
}

func (h *File) security() (vfs.SecurityDescriptor, error) {
	sd, current, err := h.storedSecurity()
	if err != nil || current {
		return sd, err
	}
	if h.fs.opt.ModeFromSecurity {
		// Perhaps somebody is changing both the descriptor and the mode.
		h.fs.attrMu.Lock()
		defer h.fs.attrMu.Unlock()
		if sd, current, err = h.storedSecurity(); err != nil || current {
			return sd, err
		}
	}
	var p posixACL
	if err := h.readPOSIX(&p); err != nil {
		return sd, err
	}
	if h.fs.opt.SecurityFromMode {
		return h.fs.derive(&p), nil
	}
	return h.fs.capped(sd, &p), nil
}

// storedSecurity reads the descriptor. One that isn't current was stored before
// the permissions were changed by somebody else. Without any, and with nothing
// to derive one from, the error is errors.ErrUnsupported.
func (h *File) storedSecurity() (sd vfs.SecurityDescriptor, current bool, err error) {
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room) // nothing that parseNTACL returns is in it
	b, err := h.readNTACL(room[:])
	switch {
	case notStored(err):
		if h.fs.opt.SecurityFromMode {
			return sd, false, nil
		}
		return sd, false, errors.ErrUnsupported
	case err == unix.EACCES:
		// Attributes of the user's are read with the right to the content.
		return closed, true, nil
	case err != nil:
		return sd, false, err
	}
	n, err := parseNTACL(b)
	if err != nil {
		return closed, true, nil
	}
	if !n.hashed || h.fs.opt.IgnoreMode {
		return n.sd, true, nil
	}
	var p posixACL
	if err := h.readPOSIX(&p); err != nil {
		return sd, false, err
	}
	return n.sd, p.matches(n.hash), nil
}

// notStored reports whether there is no attribute, or can be none: a special file
// has none of the user's.
func notStored(err error) bool {
	return err == errNotStored || err == unix.ENOTSUP || err == unix.EPERM
}

// readNTACL reads the attribute, into b if it fits.
func (h *File) readNTACL(b []byte) ([]byte, error) {
	if h.home && h.fs.sys.listsAll && h.lacks(ntACLs) {
		return nil, errNotStored
	}
	if h.fs.sys.userACL {
		v, err := h.readInto(b, ntaclUserName)
		if !notStored(err) {
			return v, err
		}
		// Perhaps a server wrote the other that had the right to.
	}
	return h.readInto(b, ntaclName)
}

// SetSecurity implements vfs.Securer.
func (h *File) SetSecurity(ctx context.Context, sd vfs.SecurityDescriptor) error {
	err := sd.Validate()
	if err == nil {
		err = h.maySecure()
	}
	if err == nil {
		err = h.setSecurity(sd)
	}
	return h.fail("setsecurity", err)
}

// maySecure reports why the user that h was opened for mustn't set the descriptor. If one
// is stored it says who may, and the server went by it; else only the owner may, as with
// chmod.
func (h *File) maySecure() error {
	if owns, err := h.owns(); owns || err != nil {
		return err
	}
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	if _, err := h.readNTACL(room[:]); err != nil {
		return fs.ErrPermission
	}
	return nil
}

func (h *File) setSecurity(sd vfs.SecurityDescriptor) error {
	h.fs.attrMu.Lock()
	defer h.fs.attrMu.Unlock()
	var was, p posixACL
	if err := h.readPOSIX(&was); err != nil {
		return err
	}
	if !was.st.dir() && !was.st.regular() {
		return errors.ErrUnsupported
	}
	p = was
	if h.fs.opt.ModeFromSecurity {
		if err := h.applyMode(sd, &p); err != nil {
			return err
		}
	}
	n := ntacl{sd: sd, hashed: !h.fs.opt.IgnoreMode}
	if n.hashed {
		n.hash = p.hash(false)
	}
	err := h.writeNTACL(appendNTACL(nil, n, time.Now()))
	if err != nil && h.fs.opt.ModeFromSecurity {
		h.restoreMode(&was)
	}
	switch {
	case isFull(err):
		return vfs.ErrNoSpace
	case err == unix.ENOTSUP:
		return errors.ErrUnsupported
	}
	return err
}

// writeNTACL writes the attribute, under the name that the process has the right
// to.
func (h *File) writeNTACL(b []byte) error {
	if h.fs.sys.userACL {
		return h.writeAttr(ntaclUserName, b, 0)
	}
	return h.writeAttr(ntaclName, b, 0)
}

// capped returns the descriptor with what it grants reduced to what the permissions
// have as well. They were changed by somebody who knew nothing of it: to go
// by them alone could let in whom it forbids, and to go by it alone whom they
// were to keep out.
func (f *FS) capped(sd vfs.SecurityDescriptor, p *posixACL) vfs.SecurityDescriptor {
	if sd.DACL == nil {
		sd.DACL = &vfs.ACL{ACEs: []vfs.ACE{{Type: vfs.ACEAllowed, Mask: vfs.AccessFull, SID: vfs.SIDEveryone}}}
		sd.Control |= vfs.SDDACLPresent
	}
	list := make([]vfs.ACE, len(sd.DACL.ACEs))
	for i, e := range sd.DACL.ACEs {
		if e.Type == vfs.ACEAllowed && e.Flags&vfs.ACEInheritOnly == 0 {
			bits := uint32(7) // as root has
			if e.SID != vfs.SIDAdministrators && e.SID != vfs.SIDSystem {
				bits = f.bitsOf(e.SID, &sd, p)
			}
			e.Mask = e.Mask.Expand() & (modeRights(bits, p.st.dir()) | modeIndifferent)
		}
		list[i] = e
	}
	sd.DACL = &vfs.ACL{ACEs: list}
	return sd
}

// bitsOf returns what the permissions give to all who have a SID that the descriptor names.
// Who is one of a group may be the owner, or have an entry of his own; of a SID that has none
// it isn't known who has it.
func (f *FS) bitsOf(sid vfs.SID, sd *vfs.SecurityDescriptor, p *posixACL) uint32 {
	if sid == vfs.SIDOwnerRights {
		sid = sd.Owner
	}
	uid, isUser := f.opt.Identities.UID(sid)
	gid, isGroup := f.opt.Identities.GID(sid)
	everybody, user, users, group := uint32(7), uint32(7), uint32(7), uint32(7)
	var foundUser, foundGroup bool
	mask := p.mask()
	for _, e := range p.access {
		bits := e.bits(mask)
		var his, its bool
		switch e.tag {
		case posixMask:
			continue
		case posixUserObj:
			his = sid == sd.Owner || isUser && uid == p.st.uid
		case posixUser:
			his = isUser && uid == e.id
		case posixGroupObj:
			its = sid == sd.Group || isGroup && gid == p.st.gid
		case posixGroup:
			its = isGroup && gid == e.id
		}
		everybody &= bits
		if e.tag == posixUserObj || e.tag == posixUser {
			users &= bits
		}
		if his {
			user, foundUser = user&bits, true
		}
		if its {
			group, foundGroup = group&bits, true
		}
	}
	switch {
	case foundUser:
		return user
	case foundGroup:
		return group & users
	}
	return everybody
}

// Security implements vfs.Securer.
func (s *streamFile) Security(ctx context.Context) (vfs.SecurityDescriptor, error) {
	return s.base.Security(ctx)
}

// SetSecurity implements vfs.Securer.
func (s *streamFile) SetSecurity(ctx context.Context, sd vfs.SecurityDescriptor) error {
	return s.base.SetSecurity(ctx, sd)
}
