package vfs

import (
	"errors"
	"io/fs"
	"testing"

	"pgregory.net/rapid"
)

const (
	testUser  SID = "S-1-5-21-1-2-3-1001"
	testOther SID = "S-1-5-21-1-2-3-1002"
	testGroup SID = "S-1-5-21-1-2-3-513"
)

var testCaller = Caller{Name: "ann", SID: testUser, Groups: []SID{testGroup}}

func TestToken(t *testing.T) {
	tests := []struct {
		name         string
		c            *Caller
		has, hasnt   []SID
		owner, group SID
	}{
		{"user", &testCaller, []SID{testUser, testGroup, SIDEveryone, SIDNetwork, SIDAuthenticatedUsers, SIDUsers},
			[]SID{SIDGuests, SIDAnonymous, SIDAdministrators, SIDOwnerRights, ""}, testUser, testGroup},
		{"of the machine", &Caller{SID: testUser, Unix: &UnixUser{UID: 5, GID: 6, Groups: []uint32{7}}},
			[]SID{testUser, UnixUserSID(5), UnixGroupSID(6), UnixGroupSID(7)}, []SID{UnixUserSID(6)}, testUser, SIDUsers},
		{"no SID", &Caller{Name: "bob"}, []SID{SIDEveryone, SIDAuthenticatedUsers}, []SID{SIDNobody, ""}, SIDNobody, SIDUsers},
		{"guest", &Caller{Name: "guest", Guest: true}, []SID{SIDEveryone, SIDGuests, SIDNetwork},
			[]SID{SIDAuthenticatedUsers, SIDUsers, SIDAnonymous}, SIDGuests, SIDGuests},
		{"anonymous", &Caller{Anonymous: true, SID: testUser}, []SID{SIDEveryone, SIDAnonymous, SIDNetwork},
			[]SID{SIDAuthenticatedUsers, SIDUsers, SIDGuests, testUser}, SIDAnonymous, SIDAnonymous},
		{"malformed", &Caller{SID: "S-1-", Groups: []SID{"x", testGroup}}, []SID{testGroup}, []SID{"x", "S-1-"}, SIDNobody, testGroup},
		{"nobody", nil, nil, []SID{SIDEveryone, ""}, SIDNobody, SIDNobody},
	}
	for _, test := range tests {
		token := test.c.Token()
		for _, s := range test.has {
			if !token.Has(s) {
				t.Errorf("%s is not %s", test.name, s)
			}
		}
		for _, s := range test.hasnt {
			if token.Has(s) {
				t.Errorf("%s is %q", test.name, s)
			}
		}
		if d := token.Defaults(); d.Owner != test.owner || d.Group != test.group {
			t.Errorf("%s makes what is owned by %s and %s", test.name, d.Owner, d.Group)
		}
	}
}

func TestTokenPrivileges(t *testing.T) {
	user := testCaller.Token()
	admin := (&Caller{SID: testUser, Groups: []SID{SIDAdministrators}}).Token()
	restorer := (&Caller{SID: testUser, Privileges: PrivilegeRestore}).Token()
	var nobody *Token
	for p := PrivilegeBackup; p <= PrivilegeTakeOwnership; p <<= 1 {
		if user.Holds(p) || nobody.Holds(p) || !admin.Holds(p) || restorer.Holds(p) != (p == PrivilegeRestore) {
			t.Errorf("privilege %#x is with the wrong", p)
		}
	}
	for _, test := range []struct {
		t    *Token
		s    SID
		want bool
	}{
		{user, testUser, true}, {user, testGroup, false}, {user, testOther, false}, {user, SIDAdministrators, false}, {user, "", false},
		{admin, SIDAdministrators, true}, {restorer, testOther, true}, {restorer, "S-1-", false}, {nobody, testUser, false},
	} {
		if got := test.t.MayAssignOwner(test.s); got != test.want {
			t.Errorf("MayAssignOwner(%s) = %v", test.s, got)
		}
	}
}

func TestCheck(t *testing.T) {
	user := testCaller.Token()
	other := (&Caller{SID: testOther}).Token()
	admin := (&Caller{SID: testOther, Groups: []SID{SIDAdministrators}}).Token()
	const own = "O:" + string(testUser)
	tests := []struct {
		name    string
		sddl    string
		token   *Token
		desired Access
		intent  Privileges
		want    Access
		err     error
	}{
		{"granted", "O:SYD:(A;;FR;;;AU)", user, ReadData | ReadControl, 0, ReadData | ReadControl, nil},
		{"one missing", "O:SYD:(A;;FR;;;AU)", user, ReadData | WriteData, 0, 0, fs.ErrPermission},
		{"two entries", "O:SYD:(A;;0x1;;;AU)(A;;0x2;;;WD)", user, ReadData | WriteData, 0, ReadData | WriteData, nil},
		{"by group", "O:SYD:(A;;FA;;;" + string(testGroup) + ")", user, AccessFull, 0, AccessFull, nil},
		{"not by group", "O:SYD:(A;;FA;;;" + string(testGroup) + ")", other, ReadData, 0, 0, fs.ErrPermission},
		{"denied first", "O:SYD:(D;;0x1;;;AU)(A;;FA;;;WD)", user, ReadData, 0, 0, fs.ErrPermission},
		{"denied later", "O:SYD:(A;;FA;;;WD)(D;;0x1;;;AU)", user, ReadData, 0, ReadData, nil},
		{"other denied", "O:SYD:(D;;FA;;;" + string(testOther) + ")(A;;FA;;;WD)", user, AccessFull, 0, AccessFull, nil},
		{"inherit only", "O:SYD:(D;OIIO;FA;;;WD)(A;;FR;;;WD)", user, ReadData, 0, ReadData, nil},
		{"generic asked", "O:SYD:(A;;FA;;;WD)", user, GenericRead, 0, AccessRead, nil},
		{"generic granted", "O:SYD:(A;;GR;;;WD)", user, AccessRead, 0, AccessRead, nil},
		{"generic denied", "O:SYD:(D;;GW;;;WD)(A;;FA;;;WD)", user, WriteData, 0, 0, fs.ErrPermission},
		{"audit counts for nothing", "O:SYD:(AU;;FA;;;WD)", user, ReadData, 0, 0, fs.ErrPermission},

		{"null DACL", "O:SYD:NO_ACCESS_CONTROL", user, AccessFull, 0, AccessFull, nil},
		{"no DACL", "O:SY", user, AccessFull, 0, AccessFull, nil},
		{"null DACL, SACL", "O:SYD:NO_ACCESS_CONTROL", user, AccessSystemSecurity, 0, 0, ErrPrivilege},
		{"empty DACL", "O:SYD:", user, ReadAttributes, 0, 0, fs.ErrPermission},
		{"nobody", "O:SYD:(A;;FA;;;WD)", nil, ReadData, 0, 0, fs.ErrPermission},
		{"no owner", "D:", nil, ReadControl, 0, 0, fs.ErrPermission},
		{"nothing", "O:SYD:", user, 0, 0, 0, nil},

		{"owner", own + "D:", user, ReadControl | WriteDAC, 0, ReadControl | WriteDAC, nil},
		{"owner denied", own + "D:(D;;FA;;;WD)", user, ReadControl | WriteDAC, 0, ReadControl | WriteDAC, nil},
		{"owner, more", own + "D:", user, ReadControl | Delete, 0, 0, fs.ErrPermission},
		{"owner rights", own + "D:(A;;0x2;;;OW)", user, WriteDAC, 0, 0, fs.ErrPermission},
		{"owner rights add", own + "D:(A;;0x2;;;OW)(A;;FR;;;AU)", user, MaximumAllowed, 0, AccessRead | WriteData, nil},
		{"owner rights deny", own + "D:(D;;0x1;;;OW)(A;;FR;;;AU)", user, MaximumAllowed, 0, AccessRead &^ ReadData, nil},
		{"owner rights deny later", own + "D:(A;;FR;;;AU)(A;;0x2;;;OW)(D;;0x3;;;OW)", user, MaximumAllowed, 0, AccessRead | WriteData, nil},
		{"owner rights inherit only", own + "D:(A;OIIO;0x2;;;OW)", user, WriteDAC, 0, WriteDAC, nil},
		{"owner rights of another", own + "D:(A;;FA;;;OW)", other, ReadData, 0, 0, fs.ErrPermission},

		{"maximum", own + "D:(A;;0x12008b;;;AU)(D;;0x2;;;AU)", user, MaximumAllowed, 0, AccessRead | WriteData | WriteDAC, nil},
		{"maximum and more", own + "D:(A;;0x1;;;AU)", user, MaximumAllowed | WriteData, 0, 0, fs.ErrPermission},
		{"maximum of nothing", "O:SYD:", user, MaximumAllowed, 0, 0, fs.ErrPermission},
		{"maximum, null DACL", "O:SYD:NO_ACCESS_CONTROL", user, MaximumAllowed, 0, AccessFull, nil},

		{"SACL", "O:SYD:(A;;FA;;;WD)", user, AccessSystemSecurity | ReadData, 0, 0, ErrPrivilege},
		{"SACL granted by no entry", "O:SYD:(A;;0x11f01ff;;;WD)", user, AccessSystemSecurity, 0, 0, ErrPrivilege},
		{"SACL, admin", "O:SYD:", admin, AccessSystemSecurity, 0, AccessSystemSecurity, nil},
		{"take ownership", "O:SYD:(D;;FA;;;WD)", admin, WriteOwner, 0, WriteOwner, nil},
		{"take ownership, not more", "O:SYD:(D;;FA;;;WD)", admin, WriteOwner | WriteDAC, 0, 0, fs.ErrPermission},
		{"take ownership, user", "O:SYD:", user, WriteOwner, 0, 0, fs.ErrPermission},
		{"maximum without it", "O:SYD:(A;;FR;;;WD)", admin, MaximumAllowed, 0, AccessRead, nil},

		{"backup", "O:SYD:", admin, GenericRead | AccessSystemSecurity, PrivilegeBackup, AccessRead | AccessSystemSecurity, nil},
		{"backup doesn't write", "O:SYD:", admin, WriteData, PrivilegeBackup, 0, fs.ErrPermission},
		{"without intent", "O:SYD:", admin, GenericRead, 0, 0, fs.ErrPermission},
		{"without privilege", "O:SYD:", user, GenericRead, PrivilegeBackup | PrivilegeRestore, 0, fs.ErrPermission},
		{"restore", "O:SYD:", admin, AccessWrite | WriteDAC | WriteOwner | Delete, PrivilegeRestore, AccessWrite | WriteDAC | WriteOwner | Delete, nil},
		{"restore and an entry", "O:SYD:(A;;0x1;;;WD)", admin, ReadData | Delete, PrivilegeRestore, ReadData | Delete, nil},
		{"restore, maximum", "O:SYD:(A;;0x1;;;WD)", admin, MaximumAllowed, PrivilegeRestore, ReadData | accessRestore, nil},
	}
	for _, test := range tests {
		d := mustSDDL(t, test.sddl)
		got, err := d.Check(test.token, test.desired, test.intent)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %s, asked %#x: %#x, %v, want %#x, %v", test.name, test.sddl, test.desired, got, err, test.want, test.err)
		}
	}
}

// Entries that aren't understood deny, and never grant.
func TestCheckOpaque(t *testing.T) {
	user := testCaller.Token()
	guid := make([]byte, 16)
	mine, theirs := testUser.Append(nil), testOther.Append(nil)
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	mask := []byte{1, 0, 0, 0}
	tests := []struct {
		name   string
		typ    ACEType
		body   []byte
		denied bool
	}{
		{"conditional grant", 0x09, join(mask, mine), true}, // granted by nothing
		{"conditional denial", 0x0A, join(mask, mine, []byte("artx")), true},
		{"conditional denial, other", 0x0A, join(mask, theirs), false},
		{"conditional denial, other right", 0x0A, join([]byte{2, 0, 0, 0}, mine), false},
		{"object denial", 0x06, join(mask, []byte{0, 0, 0, 0}, mine), true},
		{"object denial, one GUID", 0x06, join(mask, []byte{2, 0, 0, 0}, guid, mine), true},
		{"object denial, two GUIDs, other", 0x0C, join(mask, []byte{3, 0, 0, 0}, guid, guid, theirs), false},
		{"malformed denial", 0x0C, join(mask, []byte{3, 0, 0, 0}), true},
		{"empty denial", 0x0A, nil, true},
	}
	for _, test := range tests {
		raw := append([]byte{byte(test.typ), 0, byte(4 + len(test.body)), 0}, test.body...)
		d := SecurityDescriptor{Owner: SIDSystem, DACL: &ACL{ACEs: []ACE{{Type: test.typ, Raw: raw}}}}
		if test.typ != 0x09 {
			d.DACL.ACEs = append(d.DACL.ACEs, ACE{Type: ACEAllowed, Mask: AccessFull, SID: SIDEveryone})
		}
		if _, err := d.Check(user, ReadData, 0); (err != nil) != test.denied {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	token := testCaller.Token()
	d := mustSDDL(t, "O:SYD:(D;;0x1;;;BG)(A;;FR;;;BA)(A;;FA;;;"+string(testGroup)+")")
	d.DACL.ACEs = append([]ACE{{Type: aceDeniedCallback, Raw: append([]byte{0x0A, 0, 36, 0, 1, 0, 0, 0}, testOther.Append(nil)...)}}, d.DACL.ACEs...)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Check(token, AccessFull, 0); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// naive is [MS-DTYP] 2.5.3.2 as written, but for MAXIMUM_ALLOWED.
func (d SecurityDescriptor) naive(t *Token, desired Access) bool {
	remaining := desired
	if d.DACL == nil {
		return true
	}
	if t.Has(d.Owner) {
		found := false
		for _, e := range d.DACL.ACEs {
			found = found || e.SID == SIDOwnerRights && e.Flags&ACEInheritOnly == 0 && e.Type <= ACEDenied
		}
		if !found {
			remaining &^= ReadControl | WriteDAC
		}
	}
	for _, e := range d.DACL.ACEs {
		if e.Flags&ACEInheritOnly != 0 || !t.Has(e.SID) && !(e.SID == SIDOwnerRights && t.Has(d.Owner)) {
			continue
		}
		switch e.Type {
		case ACEAllowed:
			remaining &^= e.Mask.Expand()
		case ACEDenied:
			if remaining&e.Mask.Expand() != 0 {
				return false
			}
		}
	}
	return remaining == 0
}

var drawSID = rapid.SampledFrom([]SID{testUser, testOther, testGroup, SIDEveryone, SIDOwnerRights, SIDCreatorOwner, SIDCreatorGroup, SIDAdministrators})

func drawACL(t *rapid.T, label string) *ACL {
	return rapid.Ptr(rapid.Custom(func(t *rapid.T) ACL {
		return ACL{ACEs: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ACE {
			mask := Access(rapid.Uint32().Draw(t, "mask")) & (AccessFull | GenericAll | GenericRead | GenericWrite | GenericExecute)
			if rapid.Bool().Draw(t, "specific") {
				mask &= AccessFull
			}
			return ACE{
				Type:  rapid.SampledFrom([]ACEType{ACEAllowed, ACEDenied, ACEAudit, ACEMandatoryLabel}).Draw(t, "type"),
				Flags: ACEFlags(rapid.Uint8().Draw(t, "flags")) & 0xDF,
				Mask:  mask, SID: drawSID.Draw(t, "SID"),
			}
		}), 0, 6).Draw(t, "ACEs")}
	}), true).Draw(t, label)
}

// What is granted bit by bit is what is granted together, is what Maximum says,
// and is what the specification's own words say.
func TestCheckAsSpecified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := SecurityDescriptor{Owner: drawSID.Draw(t, "owner"), DACL: drawACL(t, "DACL")}
		token := (&Caller{SID: drawSID.Draw(t, "user"), Groups: rapid.SliceOfN(drawSID, 0, 2).Draw(t, "groups")}).Token()
		maximum := d.Maximum(token)
		for bit := Access(1); bit <= AccessFull; bit <<= 1 {
			if bit&AccessFull != 0 && d.naive(token, bit) != (maximum&bit != 0) {
				t.Fatalf("right %#x, maximum %#x", bit, maximum)
			}
		}
		ask := Access(rapid.Uint32().Draw(t, "ask")) & AccessFull &^ WriteOwner // which may come by privilege
		if ask == 0 {
			return
		}
		got, err := d.Check(token, ask, 0)
		if want := d.naive(token, ask); want != (err == nil) || want && got != ask {
			t.Fatalf("asked %#x: %#x, %v, want %v", ask, got, err, want)
		}
	})
}
