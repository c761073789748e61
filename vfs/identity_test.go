package vfs

import "testing"

func TestUnixIdentities(t *testing.T) {
	var m IdentityMapper = UnixIdentities{}
	for _, id := range []uint32{0, 1000, 1<<32 - 1} {
		if got, ok := m.UID(m.UserSID(id)); got != id || !ok {
			t.Errorf("user %d is %s, which is %d, %v", id, m.UserSID(id), got, ok)
		}
		if got, ok := m.GID(m.GroupSID(id)); got != id || !ok {
			t.Errorf("group %d is %s, which is %d, %v", id, m.GroupSID(id), got, ok)
		}
	}
	for _, s := range []SID{"", SIDEveryone, "S-1-22-1", "S-1-22-1-", "S-1-22-1-1-1", "S-1-22-1-01", "S-1-22-1-4294967296", UnixGroupSID(1)} {
		if id, ok := m.UID(s); ok {
			t.Errorf("%q is user %d", s, id)
		}
	}
	if _, ok := m.GID(UnixUserSID(1)); ok {
		t.Error("a user is a group")
	}
}
