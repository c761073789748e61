package vfs

import "testing"

func TestUnixID(t *testing.T) {
	for _, tt := range []struct {
		sid       SID
		id        uint32
		group, ok bool
	}{
		{UnixUserSID(1000), 1000, false, true},
		{UnixGroupSID(1<<32 - 1), 1<<32 - 1, true, true},
		{"S-1-5-88-1-0", 0, false, true},
		{"S-1-5-88-2-7", 7, true, true},
		{"S-1-5-88-3-420", 0, false, false},
		{"S-1-22-1", 0, false, false},
		{"S-1-22-1-", 0, false, false},
		{"S-1-22-1-01", 0, false, false},
		{"S-1-22-1-4294967296", 0, false, false},
		{"S-1-22-1-1-1", 0, false, false},
		{"S-1-5-21-1-1", 0, false, false},
		{"", 0, false, false},
	} {
		id, group, ok := tt.sid.UnixID()
		if ok != tt.ok || ok && (id != tt.id || group != tt.group) {
			t.Errorf("%q: %d, %v, %v", tt.sid, id, group, ok)
		}
	}
	for sid, want := range map[SID]bool{
		"S-1-5-88-3-420": true, "S-1-5-88-3": false, "S-1-5-88-3-": false, "S-1-5-88-1-420": false, "S-1-5-88-3-0644": false,
	} {
		if mode, ok := sid.UnixMode(); ok != want || ok && mode != 0o644 {
			t.Errorf("%q: %o, %v", sid, mode, ok)
		}
	}
}
