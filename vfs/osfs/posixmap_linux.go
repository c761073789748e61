package osfs

import (
	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

const (
	// modeIndifferent are the rights that permission bits neither give nor
	// take: the owner of an object and of its directory have them.
	modeIndifferent = vfs.Delete | vfs.ReadControl | vfs.WriteDAC | vfs.WriteOwner | vfs.Synchronize | vfs.ReadAttributes
	// modeAlways is what everybody may: to look at what stat shows.
	modeAlways = vfs.ReadAttributes | vfs.ReadEA | vfs.ReadControl | vfs.Synchronize
	// modeOwner is what the owner may, whatever the bits say.
	modeOwner = modeAlways | vfs.WriteDAC | vfs.WriteAttributes | vfs.WriteEA
)

// modeRights returns the rights that the bits rwx give.
func modeRights(bits uint32, dir bool) (a vfs.Access) {
	if bits&4 != 0 {
		a |= vfs.AccessRead
	}
	if bits&2 != 0 {
		a |= vfs.AccessWrite
		if dir {
			a |= vfs.DeleteChild
		}
	}
	if bits&1 != 0 {
		a |= vfs.AccessExecute
	}
	return a
}

// modeBits returns the bits rwx that the rights suffice for.
func modeBits(a vfs.Access) (bits uint32) {
	const write = vfs.WriteData | vfs.AppendData
	if a&vfs.ReadData != 0 {
		bits |= 4
	}
	if a&write == write {
		bits |= 2
	}
	if a&vfs.Execute != 0 {
		bits |= 1
	}
	return bits
}

// derive makes a descriptor of the permissions. As the system asks only the first
// entry that is about somebody, each entry that grants less than what comes
// later comes with a denial of the difference.
func (f *FS) derive(p *posixACL) vfs.SecurityDescriptor {
	ids, dir := f.opt.Identities, p.st.dir()
	sd := vfs.SecurityDescriptor{
		Control: vfs.SDDACLPresent,
		Owner:   ids.UserSID(p.st.uid), Group: ids.GroupSID(p.st.gid), DACL: &vfs.ACL{},
	}
	mask := p.mask()
	rights := func(e posixEntry) vfs.Access {
		bits := e.bits(mask)
		a := modeRights(bits, dir) | modeAlways
		if p.st.mode&unix.S_ISVTX != 0 && e.tag != posixUserObj {
			a &^= vfs.DeleteChild // what is in it goes with its owner's leave only
		}
		if e.tag == posixUserObj {
			a |= modeOwner
			if bits&6 == 6 {
				a = vfs.AccessFull&^vfs.Execute | a
			}
		}
		return a
	}
	for i, e := range p.access {
		var sid vfs.SID
		switch e.tag {
		case posixUserObj:
			sid = sd.Owner
		case posixUser:
			sid = ids.UserSID(e.id)
		case posixGroupObj:
			sid = sd.Group
		case posixGroup:
			sid = ids.GroupSID(e.id)
		case posixOther:
			sid = vfs.SIDEveryone
		}
		if !sid.Valid() {
			continue
		}
		var later vfs.Access
		for _, l := range p.access[i+1:] {
			// Somebody may be of several groups, which add up.
			group := (e.tag == posixGroupObj || e.tag == posixGroup) && (l.tag == posixGroupObj || l.tag == posixGroup)
			if l.tag != posixMask && !group {
				later |= rights(l)
			}
		}
		grants := rights(e)
		if denied := later &^ grants; denied != 0 {
			sd.DACL.ACEs = append(sd.DACL.ACEs, vfs.ACE{Type: vfs.ACEDenied, Mask: denied, SID: sid})
		}
		sd.DACL.ACEs = append(sd.DACL.ACEs, vfs.ACE{Type: vfs.ACEAllowed, Mask: grants, SID: sid})
	}
	if dir {
		f.passOn(sd.DACL)
	}
	return sd
}

// passOn adds what new objects in a directory inherit: what their permission bits
// will say.
func (f *FS) passOn(a *vfs.ACL) {
	mode := uint32((f.opt.FileMode | f.opt.DirMode).Perm())
	for i, sid := range []vfs.SID{vfs.SIDCreatorOwner, vfs.SIDCreatorGroup, vfs.SIDEveryone} {
		rights := modeRights(mode>>(6-3*i)&7, true) | modeAlways
		if i == 0 {
			rights = vfs.AccessFull
		}
		a.ACEs = append(a.ACEs, vfs.ACE{
			Flags: vfs.ACEObjectInherit | vfs.ACEContainerInherit | vfs.ACEInheritOnly,
			Mask:  rights, SID: sid,
		})
	}
}

// applyMode gives the object the owner, group and permission bits that come nearest
// to the descriptor, and tells p. What an entry denies to anybody
// it denies to everybody but the owner, since bits can't say whom.
func (h *File) applyMode(sd vfs.SecurityDescriptor, p *posixACL) error {
	uid, gid := -1, -1
	if unix.Geteuid() == 0 {
		if id, ok := h.fs.opt.Identities.UID(sd.Owner); ok && id != p.st.uid {
			uid = int(id)
		}
		if id, ok := h.fs.opt.Identities.GID(sd.Group); ok && id != p.st.gid {
			gid = int(id)
		}
	}
	if uid >= 0 || gid >= 0 {
		if err := h.change(func() error { return h.chown(uid, gid) }); err != nil {
			return err
		}
	}
	mode := securityMode(sd)
	if p.st.dir() || uid < 0 && gid < 0 {
		mode |= p.st.mode & 0o7000 // a program keeps no privileges of its former owner
	}
	if euid := unix.Geteuid(); euid != 0 && uint32(euid) == p.st.uid {
		// The process must get in, for whomever it serves.
		mode |= 0o600
		if p.st.dir() {
			mode |= 0o100
		}
	}
	if uid < 0 && gid < 0 && mode == p.st.mode&0o7777 {
		return nil
	}
	if err := h.chmod(mode); err != nil {
		return err
	}
	return h.readPOSIX(p)
}

// securityMode returns the permission bits for a descriptor.
func securityMode(sd vfs.SecurityDescriptor) uint32 {
	if sd.DACL == nil {
		return 0o777
	}
	var denied vfs.Access
	for _, e := range sd.DACL.ACEs {
		if e.Flags&vfs.ACEInheritOnly == 0 && e.Type == vfs.ACEDenied {
			denied |= e.Mask.Expand()
		}
	}
	// who returns what somebody may who is nothing else but s.
	who := func(s vfs.SID) vfs.Access {
		list := &vfs.ACL{}
		for _, e := range sd.DACL.ACEs {
			if e.SID == s || e.SID == vfs.SIDEveryone || e.SID == vfs.SIDOwnerRights {
				list.ACEs = append(list.ACEs, e)
			}
		}
		only := vfs.SecurityDescriptor{Owner: sd.Owner, DACL: list}
		return only.Maximum((&vfs.Caller{Guest: true, SID: s}).Token())
	}
	return modeBits(who(sd.Owner))<<6 | modeBits(who(sd.Group)&^denied)<<3 | modeBits(who("")&^denied)
}

// restoreMode undoes applyMode as far as it can.
func (h *File) restoreMode(was *posixACL) {
	if unix.Geteuid() == 0 {
		_ = h.chown(int(was.st.uid), int(was.st.gid))
	}
	_ = h.chmod(was.st.mode & 0o7777)
}

func (h *File) chown(uid, gid int) error {
	return again(func() error {
		if h.path {
			return unix.Chown(procPath(h.fd), uid, gid)
		}
		return unix.Fchown(h.fd, uid, gid)
	})
}
