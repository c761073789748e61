package vfs

// Privileges is a set of rights that a user has on the whole server, besides
// those that descriptors grant. The names are those of [MS-LSAD] 3.1.1.2.1.
type Privileges uint8

// The privileges that count for files.
const (
	// PrivilegeBackup (SeBackupPrivilege) reads everything, where a client
	// opens for backup.
	PrivilegeBackup Privileges = 1 << iota
	// PrivilegeRestore (SeRestorePrivilege) writes everything, where a client
	// opens for backup, and makes anybody an owner.
	PrivilegeRestore
	// PrivilegeSecurity (SeSecurityPrivilege) reads and changes what is
	// audited: ACCESS_SYSTEM_SECURITY.
	PrivilegeSecurity
	// PrivilegeTakeOwnership (SeTakeOwnershipPrivilege) is WRITE_OWNER for
	// every object.
	PrivilegeTakeOwnership

	privilegesAll = PrivilegeBackup | PrivilegeRestore | PrivilegeSecurity | PrivilegeTakeOwnership
)

// Token is what an access check knows of a caller: all SIDs that he is, and his
// privileges, [MS-DTYP] 2.5.2. It is immutable. A nil token is nobody's.
type Token struct {
	user, group SID
	sids        map[SID]struct{}
	privileges  Privileges
}

// Token works out the caller's token. It is meant to be kept with the session.
//
// Besides the caller's own SID and groups it has Everyone and NETWORK, for an
// anonymous caller ANONYMOUS LOGON, for a guest BUILTIN\Guests, and for all
// others Authenticated Users and BUILTIN\Users. Unlike Windows by default, an
// anonymous caller is one of Everyone: a server lets him in only if it was told to.
// Who is a user of the machine is so under the SIDs of UnixIdentities as well.
func (c *Caller) Token() *Token {
	if c == nil {
		return nil
	}
	t := &Token{user: c.SID, sids: make(map[SID]struct{}, len(c.Groups)+6), privileges: c.Privileges}
	own := []SID{SIDEveryone, SIDNetwork}
	switch {
	case c.Anonymous:
		t.user = SIDAnonymous
	case c.Guest:
		own = append(own, SIDGuests)
	default:
		own = append(own, SIDAuthenticatedUsers, SIDUsers)
	}
	if u := c.Unix; u != nil {
		own = append(own, UnixUserSID(u.UID), UnixGroupSID(u.GID))
		for _, gid := range u.Groups {
			own = append(own, UnixGroupSID(gid))
		}
	}
	own = append(own, t.user)
	for _, list := range [][]SID{own, c.Groups} {
		for _, s := range list {
			if s.Valid() {
				t.sids[s] = struct{}{}
			}
		}
	}
	if t.Has(SIDAdministrators) {
		t.privileges = privilegesAll
	}
	t.setDefaults(c)
	return t
}

// setDefaults settles who owns what the caller makes. [MS-DTYP] 2.5.2: OwnerIndex
// and PrimaryGroup.
func (t *Token) setDefaults(c *Caller) {
	for _, g := range c.Groups {
		if t.Has(g) {
			t.group = g
			break
		}
	}
	switch {
	case t.user.Valid():
	case c.Guest:
		t.user = SIDGuests
	default:
		t.user = SIDNobody
	}
	if t.group != "" {
		return
	}
	switch {
	case c.Anonymous:
		t.group = SIDAnonymous
	case c.Guest:
		t.group = SIDGuests
	default:
		t.group = SIDUsers
	}
}

// Has reports whether the caller is s or a member of it.
func (t *Token) Has(s SID) bool {
	if t == nil {
		return false
	}
	_, ok := t.sids[s]
	return ok
}

// Holds reports whether the caller has all of the privileges p.
func (t *Token) Holds(p Privileges) bool { return t != nil && t.privileges&p == p }

// MayAssignOwner reports whether the caller may make s the owner of an object
// whose owner he may change: himself, BUILTIN\Administrators if he is one of
// them, or with PrivilegeRestore anybody.
func (t *Token) MayAssignOwner(s SID) bool {
	if !s.Valid() {
		return false
	}
	return t.Holds(PrivilegeRestore) || t != nil && s == t.user && t.Has(s) || s == SIDAdministrators && t.Has(s)
}

// Defaults returns who owns what the caller makes, and what the DACL of it is
// where none is inherited: full control for him and for the system, as on Windows.
// A caller whose SID isn't known can't be told from others, so what he makes
// belongs to nobody, and all of his kind have full control.
func (t *Token) Defaults() Defaults {
	if t == nil {
		return Defaults{Owner: SIDNobody, Group: SIDNobody, DACL: &ACL{}}
	}
	who := t.user
	if who == SIDNobody {
		who = SIDAuthenticatedUsers
	}
	return Defaults{Owner: t.user, Group: t.group, DACL: &ACL{ACEs: []ACE{
		{Type: ACEAllowed, Mask: AccessFull, SID: who},
		{Type: ACEAllowed, Mask: AccessFull, SID: SIDSystem},
	}}}
}
