package vfs

import "strings"

// IdentityMapper tells which SIDs the users and groups of the machine have.
type IdentityMapper interface {
	// UserSID and GroupSID return the SID of a user or group; the empty SID
	// if it has none.
	UserSID(uid uint32) SID
	GroupSID(gid uint32) SID

	// UID and GID return the user or group that has the SID; not ok if
	// there is none. A SID may be both.
	UID(SID) (uid uint32, ok bool)
	GID(SID) (gid uint32, ok bool)
}

// UnixIdentities is the IdentityMapper that needs no table: each user is
// S-1-22-1-uid and each group S-1-22-2-gid, and no other SID is anybody, as with
// Samba for those of whom it knows nothing else.
type UnixIdentities struct{}

// UserSID implements IdentityMapper.
func (UnixIdentities) UserSID(uid uint32) SID { return UnixUserSID(uid) }

// GroupSID implements IdentityMapper.
func (UnixIdentities) GroupSID(gid uint32) SID { return UnixGroupSID(gid) }

// UID implements IdentityMapper.
func (UnixIdentities) UID(s SID) (uint32, bool) { return s.after("S-1-22-1-") }

// GID implements IdentityMapper.
func (UnixIdentities) GID(s SID) (uint32, bool) { return s.after("S-1-22-2-") }

func (s SID) after(prefix string) (uint32, bool) {
	rest, ok := strings.CutPrefix(string(s), prefix)
	if !ok {
		return 0, false
	}
	return decimal32(rest)
}

// UnixUser returns the user of the machine that the caller's SIDs stand for, and his
// groups, the first of which is his own; nil if m doesn't know his SID, or none of his
// groups'.
func (c *Caller) UnixUser(m IdentityMapper) *UnixUser {
	uid, ok := m.UID(c.SID)
	if !ok {
		return nil
	}
	u := &UnixUser{UID: uid}
	for _, sid := range c.Groups {
		if gid, ok := m.GID(sid); ok {
			u.Groups = append(u.Groups, gid)
		}
	}
	if len(u.Groups) == 0 {
		return nil
	}
	u.GID, u.Groups = u.Groups[0], u.Groups[1:]
	return u
}
