package vfs

import (
	"encoding/binary"
	"io/fs"
)

// What privileges grant who opens for backup, [MS-FSA] 2.1.5.1 phase 4.
const (
	accessBackup  = AccessRead | AccessSystemSecurity | Traverse
	accessRestore = AccessWrite | AccessSystemSecurity | WriteDAC | WriteOwner | AddFile | AddSubdirectory | Delete
)

// Check decides whether who has the token t may have all of desired,
// [MS-DTYP] 2.5.3.2, and returns it with the generic rights replaced. With
// MaximumAllowed in it, all that he may have is added. An error is
// [ErrPrivilege] for ACCESS_SYSTEM_SECURITY, else [fs.ErrPermission]; nothing
// is granted then.
//
// PrivilegeSecurity and PrivilegeTakeOwnership count whenever their right is
// asked for. PrivilegeBackup and PrivilegeRestore count if they are in intent as
// well: a client says with FILE_OPEN_FOR_BACKUP_INTENT that it wants to use them.
//
// Entries that this package doesn't understand are conditional ones and those for
// kinds of objects that files aren't: such a grant grants nothing, and such a
// denial holds always. Mandatory labels are not enforced.
func (d SecurityDescriptor) Check(t *Token, desired Access, intent Privileges) (Access, error) {
	var granted Access
	ask := desired.Expand()
	maximum := ask&MaximumAllowed != 0
	ask &^= MaximumAllowed
	if t != nil {
		if granted = t.granted(intent); !maximum {
			granted &= ask
		}
	}
	switch rest := ask &^ granted; {
	case rest&AccessSystemSecurity == 0:
	case !t.Holds(PrivilegeSecurity):
		return 0, ErrPrivilege
	default:
		granted |= AccessSystemSecurity
	}
	if ask&WriteOwner != 0 && t.Holds(PrivilegeTakeOwnership) {
		granted |= WriteOwner
	}
	switch rest := ask &^ granted; {
	case maximum:
		granted |= d.Maximum(t)
	case rest != 0:
		granted |= d.grants(t, rest)
	}
	if ask&^granted != 0 || maximum && granted == 0 {
		return 0, fs.ErrPermission
	}
	return granted, nil
}

// granted returns what privileges grant who opens with intent.
func (t *Token) granted(intent Privileges) Access {
	var a Access
	if intent &= t.privileges; intent&PrivilegeBackup != 0 {
		a |= accessBackup
	}
	if intent&PrivilegeRestore != 0 {
		a |= accessRestore
	}
	return a
}

// Maximum returns all rights that the descriptor grants who has the token t.
// Rights that he would only have by a privilege are not among them, as on Windows.
func (d SecurityDescriptor) Maximum(t *Token) Access { return d.grants(t, AccessFull) }

// grants returns which of the rights want the descriptor grants. Each right is
// decided by the first entry that names it.
func (d SecurityDescriptor) grants(t *Token, want Access) Access {
	want &= AccessFull
	// No DACL, whether null or not present, is no restriction.
	if d.DACL == nil {
		return want
	}
	var granted, denied Access
	owner := t.Has(d.Owner)
	if owner && !d.DACL.ownerRights() {
		granted = ReadControl | WriteDAC
	}
	for i := range d.DACL.ACEs {
		e := &d.DACL.ACEs[i]
		if e.Flags&ACEInheritOnly != 0 {
			continue
		}
		switch e.Type {
		case ACEAllowed:
			if e.concerns(t, owner) {
				granted |= e.Mask.Expand() &^ denied
			}
		case ACEDenied:
			if e.concerns(t, owner) {
				denied |= e.Mask.Expand() &^ granted
			}
		case aceDeniedObject, aceDeniedCallback, aceDeniedCallbackObject:
			if mask, sid := e.opaqueDenial(); t.hasBinary(sid, owner) {
				denied |= mask.Expand() &^ granted
			}
		}
		if want&^(granted|denied) == 0 {
			break
		}
	}
	return granted & want
}

// concerns reports whether the entry is about who has the token.
func (e *ACE) concerns(t *Token, owner bool) bool {
	return t.Has(e.SID) || owner && e.SID == SIDOwnerRights
}

// ownerRights reports whether an entry says what the owner may do, which he then
// may in place of reading and changing the permissions.
func (a *ACL) ownerRights() bool {
	for i := range a.ACEs {
		if e := &a.ACEs[i]; e.SID == SIDOwnerRights && e.Flags&ACEInheritOnly == 0 && (e.Type == ACEAllowed || e.Type == ACEDenied) {
			return true
		}
	}
	return false
}

// The opaque types that deny, [MS-DTYP] 2.4.4.1.
const (
	aceDeniedObject         ACEType = 0x06
	aceDeniedCallback       ACEType = 0x0A
	aceDeniedCallbackObject ACEType = 0x0C
)

// opaqueDenial returns the mask and the binary SID of an entry of one of these
// types; of one that is malformed all rights and no SID.
func (e *ACE) opaqueDenial() (Access, []byte) {
	if len(e.Raw) < aceFixed {
		return AccessFull, nil
	}
	mask, sid := Access(binary.LittleEndian.Uint32(e.Raw[aceHeader:])), e.Raw[aceFixed:]
	if e.Type == aceDeniedCallback {
		return mask, sid
	}
	// [MS-DTYP] 2.4.4.4: flags say which of two GUIDs are there.
	if len(sid) < 4 {
		return mask, nil
	}
	n := 4
	for flags := binary.LittleEndian.Uint32(sid) & 3; flags != 0; flags &= flags - 1 {
		n += 16
	}
	if len(sid) < n {
		return mask, nil
	}
	return mask, sid[n:]
}

// hasBinary reports whether the SID at the start of b is in the token. One that
// can't be read is taken to be.
func (t *Token) hasBinary(b []byte, owner bool) bool {
	if len(b) < sidFixed || b[0] != sidRevision || b[1] > sidMaxSub || len(b) < sidFixed+4*int(b[1]) {
		return true
	}
	b = b[:sidFixed+4*int(b[1])]
	if owner && SIDOwnerRights.is(b) {
		return true
	}
	if t == nil {
		return false
	}
	for s := range t.sids {
		if s.is(b) {
			return true
		}
	}
	return false
}

// is reports whether b is the binary form of s.
func (s SID) is(b []byte) bool {
	var room [sidFixed + 4*sidMaxSub]byte
	return string(s.Append(room[:0])) == string(b)
}
