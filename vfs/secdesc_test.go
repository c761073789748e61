package vfs

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func TestSID(t *testing.T) {
	tests := []struct {
		sid SID
		hex string
	}{
		{SIDEveryone, "010100000000000100000000"},
		{SIDAuthenticatedUsers, "01010000000000050b000000"},
		{SIDAdministrators, "01020000000000052000000020020000"},
		{UnixUserSID(1000), "010200000000001601000000e8030000"},
		{UnixGroupSID(0), "01020000000000160200000000000000"},
		{"S-1-5-21-1-2-4294967295-500", "01050000000000051500000001000000" + "02000000fffffffff4010000"},
		{"S-1-0x0001FFFFFFFF-7", "01010001ffffffff07000000"},
	}
	for _, test := range tests {
		want, _ := hex.DecodeString(test.hex)
		if got := test.sid.Append(nil); !bytes.Equal(got, want) || test.sid.Len() != len(want) || !test.sid.Valid() {
			t.Errorf("%s.Append = %x (Len %d), want %x", test.sid, got, test.sid.Len(), want)
		}
		got, n, err := ParseSID(append(want, 0xEE))
		if got != test.sid || n != len(want) || err != nil {
			t.Errorf("ParseSID(%x) = %q, %d, %v, want %q", want, got, n, err, test.sid)
		}
	}
}

func TestSIDInvalid(t *testing.T) {
	for _, s := range []SID{
		"", "S", "S-1", "S-1-", "S-2-5-1", "s-1-5-1", "S-1-5-", "S-1-5--1", "S-1-5-+1", "S-1-5-01", "S-1-5-4294967296",
		"S-1-4294967296-1", "S-1-0x5-1", "S-1-0x000000000005-1", "S-1-0x0001ffffffff-7", "S-1-5-1 ", "S-1-5-0x1",
		SID("S-1-5" + strings.Repeat("-1", 16)),
	} {
		if s.Valid() || s.Len() != 0 || len(s.Append(nil)) != 0 {
			t.Errorf("%q is valid", s)
		}
	}
	for _, b := range []string{"", "01", "0100000000000", "020100000000000100000000", "01010000000000050b0000", "0110" + strings.Repeat("00", 70)} {
		raw, _ := hex.DecodeString(b)
		if s, _, err := ParseSID(raw); err == nil {
			t.Errorf("ParseSID(%s) = %q", b, s)
		}
	}
}

func FuzzSID(f *testing.F) {
	f.Add(SIDAdministrators.Append(nil))
	f.Add(SID("S-1-0x0001FFFFFFFF-7").Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, n, err := ParseSID(b)
		if err != nil {
			return
		}
		if got := s.Append(nil); !s.Valid() || !bytes.Equal(got, b[:n]) {
			t.Errorf("%x became %q, and that %x", b[:n], s, got)
		}
	})
}

// example has every kind of part.
var example = SecurityDescriptor{
	Control: SDSelfRelative | SDDACLPresent | SDSACLPresent | SDDACLProtected,
	Owner:   SIDAdministrators,
	Group:   SIDUsers,
	DACL: &ACL{ACEs: []ACE{
		{Type: ACEDenied, Mask: WriteData, SID: SIDGuests},
		{Type: ACEAllowed, Flags: ACEObjectInherit | ACEContainerInherit, Mask: AccessFull, SID: SIDEveryone},
		{Type: 0x05, Flags: ACEInherited, Raw: []byte{0x05, 0x10, 0x0C, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
	}},
	SACL: &ACL{ACEs: []ACE{{Type: ACEAudit, Flags: ACEFailedAccess, Mask: Delete, SID: "S-1-5-21-1-2-3-1000"}}},
}

func TestSecurityDescriptor(t *testing.T) {
	for _, d := range []SecurityDescriptor{
		example,
		{Control: SDSelfRelative},
		{Control: SDSelfRelative | SDDACLPresent},                            // null DACL
		{Control: SDSelfRelative | SDDACLPresent, DACL: &ACL{ACEs: []ACE{}}}, // empty DACL
		{Control: SDSelfRelative, Owner: SIDSystem},
	} {
		b := d.Append([]byte("prefix"))[6:]
		if d.Len() != len(b) {
			t.Errorf("Len = %d, appended %d", d.Len(), len(b))
		}
		got, err := ParseSecurityDescriptor(b)
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("round trip: %+v, %v, want %+v", got, err, d)
		}
	}
}

// TestSecurityDescriptorBytes reads one byte by byte: everyone may all.
func TestSecurityDescriptorBytes(t *testing.T) {
	b, _ := hex.DecodeString("01000480" + "14000000" + "20000000" + "00000000" + "2c000000" +
		"010100000000000512000000" + "010100000000000100000000" +
		"02001c0001000000" + "00031400ff011f00" + "010100000000000100000000")
	d, err := ParseSecurityDescriptor(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []ACE{{Flags: 3, Mask: AccessFull, SID: SIDEveryone}}
	if d.Owner != SIDSystem || d.Group != SIDEveryone || d.SACL != nil || !reflect.DeepEqual(d.DACL.ACEs, want) {
		t.Errorf("parsed %+v", d)
	}
	if got := d.Append(nil); !bytes.Equal(got, b) {
		t.Errorf("appended %x\nwant     %x", got, b)
	}
}

// TestSecurityDescriptorDamage cuts and changes a valid one everywhere.
func TestSecurityDescriptorDamage(t *testing.T) {
	b := example.Append(nil)
	for n := range b {
		if d, err := ParseSecurityDescriptor(b[:n:n]); err == nil {
			t.Errorf("cut to %d of %d bytes it is %+v", n, len(b), d)
		}
	}
	for i := range b {
		for _, v := range []byte{0, 1, 0x7F, 0x80, 0xFF} {
			c := bytes.Clone(b)
			c[i] = v
			_, _ = ParseSecurityDescriptor(c)
		}
	}
}

func TestACLInvalid(t *testing.T) {
	many := make([]ACE, 4000)
	for i := range many {
		many[i] = ACE{SID: SIDEveryone}
	}
	for _, a := range []ACL{
		{ACEs: []ACE{{SID: "nonsense"}}},
		{ACEs: []ACE{{Type: 5}}},
		{ACEs: []ACE{{Type: 5, Raw: []byte{5, 0, 9, 0, 1}}}},
		{ACEs: many},
	} {
		if a.Valid() {
			t.Errorf("valid: %.100v", a)
		}
		got, _, err := parseACL(a.Append(nil))
		if err != nil || len(got.ACEs) != 0 {
			t.Errorf("an invalid list was written as %v, %v", got, err)
		}
	}
	// 65,535 entries announced in 8 bytes.
	if _, _, err := parseACL([]byte{2, 0, 8, 0, 0xFF, 0xFF, 0, 0}); err == nil {
		t.Error("an ACL without room for its entries is accepted")
	}
}

func FuzzSecurityDescriptor(f *testing.F) {
	f.Add(example.Append(nil))
	f.Add(SecurityDescriptor{Control: SDDACLPresent}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseSecurityDescriptor(b)
		if err != nil {
			return
		}
		c := d.Append(nil)
		if len(c) != d.Len() {
			t.Fatalf("Len = %d, appended %d", d.Len(), len(c))
		}
		again, err := ParseSecurityDescriptor(c)
		if err != nil {
			t.Fatalf("%x became %x: %v", b, c, err)
		}
		if !bytes.Equal(again.Append(nil), c) {
			t.Errorf("%x isn't stable", c)
		}
	})
}
