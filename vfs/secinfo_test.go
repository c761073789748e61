package vfs

import (
	"errors"
	"testing"
)

func TestSelect(t *testing.T) {
	const all = "O:BAG:SYD:PAI(A;;FA;;;WD)S:AI(AU;SA;FA;;;WD)(ML;;NW;;;HI)(SP;;;;;S-1-17-1)"
	tests := []struct {
		info SecurityInformation
		want string
	}{
		{0, ""},
		{OwnerSecurity, "O:BA"},
		{GroupSecurity, "G:SY"},
		{OwnerSecurity | DACLSecurity, "O:BAD:PAI(A;;FA;;;WD)"},
		{SACLSecurity, "S:AI(AU;SA;FA;;;WD)"},
		{LabelSecurity, "S:AI(ML;;NW;;;HI)"},
		{ScopeSecurity | LabelSecurity, "S:AI(ML;;NW;;;HI)(SP;;;;;S-1-17-1)"},
		{AttributeSecurity, "S:AI"},
		{ProtectedDACLSecurity, ""},
		{BackupSecurity, all},
	}
	d := mustSDDL(t, all)
	for _, test := range tests {
		if got := d.Select(test.info).String(); got != test.want {
			t.Errorf("%#x selects %s, want %s", test.info, got, test.want)
		}
	}
	null := mustSDDL(t, "D:NO_ACCESS_CONTROL").Select(DACLSecurity)
	if null.Control != SDDACLPresent || null.DACL != nil {
		t.Errorf("the null DACL is %+v", null)
	}
}

func TestMerge(t *testing.T) {
	const old = "O:BAG:SYD:PAI(A;;FA;;;WD)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)"
	tests := []struct {
		name string
		set  string
		info SecurityInformation
		want string
		err  error
	}{
		{"nothing", "O:BUG:BUD:S:", 0, old, nil},
		{"owner", "O:BUG:BUD:S:", OwnerSecurity, "O:BUG:SYD:PAI(A;;FA;;;WD)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"group", "O:BUG:BUD:S:", GroupSecurity, "O:BAG:BUD:PAI(A;;FA;;;WD)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"no owner", "G:BU", OwnerSecurity, old, ErrInvalidOwner},
		{"no group", "O:BU", OwnerSecurity | GroupSecurity, old, ErrInvalidGroup},
		{"DACL", "D:(A;OI;GR;;;BU)(A;OIIO;GR;;;BU)", DACLSecurity, "O:BAG:SYD:(A;OI;FR;;;BU)(A;OIIO;GR;;;BU)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"DACL, automatic", "D:AI(A;ID;FR;;;BU)", DACLSecurity, "O:BAG:SYD:(A;ID;FR;;;BU)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"DACL, automatic and required", "D:PARAI(A;ID;FR;;;BU)", DACLSecurity, "O:BAG:SYD:PAI(A;ID;FR;;;BU)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"DACL of a backup", "D:AI(A;ID;FR;;;BU)", BackupSecurity, "O:BAG:SYD:AI(A;ID;FR;;;BU)", nil},
		{"null DACL", "D:NO_ACCESS_CONTROL", DACLSecurity, "O:BAG:SYD:NO_ACCESS_CONTROLS:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"empty DACL", "D:", DACLSecurity, "O:BAG:SYD:S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"no DACL", "O:BU", DACLSecurity, "O:BAG:SYD:NO_ACCESS_CONTROLS:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"unprotect", "O:BU", UnprotectedDACLSecurity, "O:BAG:SYD:AI(A;;FA;;;WD)S:PAI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"protect", "D:(A;;FR;;;BU)", DACLSecurity | ProtectedDACLSecurity | UnprotectedSACLSecurity,
			"O:BAG:SYD:P(A;;FR;;;BU)S:AI(AU;SA;FA;;;WD)(ML;;NW;;;HI)", nil},
		{"SACL", "S:(AU;FA;GA;;;BU)(ML;;NW;;;LW)", SACLSecurity, "O:BAG:SYD:PAI(A;;FA;;;WD)S:(AU;FA;FA;;;BU)(ML;;NW;;;HI)", nil},
		{"label", "S:(AU;FA;FA;;;BU)(ML;;NW;;;LW)", LabelSecurity, "O:BAG:SYD:PAI(A;;FA;;;WD)S:PAI(ML;;NW;;;LW)(AU;SA;FA;;;WD)", nil},
		{"no SACL", "O:BU", SACLSecurity, "O:BAG:SYD:PAI(A;;FA;;;WD)S:(ML;;NW;;;HI)", nil},
		{"no SACL, no label", "O:BU", SACLSecurity | LabelSecurity, "O:BAG:SYD:PAI(A;;FA;;;WD)", nil},
	}
	for _, test := range tests {
		d := mustSDDL(t, old)
		got, err := d.Merge(mustSDDL(t, test.set), test.info)
		if !errors.Is(err, test.err) || err == nil && got.String() != test.want {
			t.Errorf("%s: %v, %v\nwant %s, %v", test.name, got, err, test.want, test.err)
		}
		if d.String() != old {
			t.Errorf("%s changed what it merges into", test.name)
		}
	}
	if _, err := mustSDDL(t, "D:").Merge(mustSDDL(t, "D:"), DACLSecurity); !errors.Is(err, ErrInvalidOwner) {
		t.Errorf("without an owner: %v", err)
	}
}

func TestSecurityInformationAccess(t *testing.T) {
	for _, test := range []struct {
		info       SecurityInformation
		query, set Access
	}{
		{0, 0, 0},
		{OwnerSecurity, ReadControl, WriteOwner},
		{GroupSecurity, ReadControl, WriteOwner},
		{LabelSecurity, ReadControl, WriteOwner},
		{DACLSecurity, ReadControl, WriteDAC},
		{AttributeSecurity, ReadControl, WriteDAC},
		{SACLSecurity, AccessSystemSecurity, AccessSystemSecurity},
		{ScopeSecurity, ReadControl, AccessSystemSecurity},
		{UnprotectedDACLSecurity, 0, WriteDAC},
		{OwnerSecurity | SACLSecurity, ReadControl | AccessSystemSecurity, WriteOwner | AccessSystemSecurity},
		{BackupSecurity, ReadControl | AccessSystemSecurity, WriteOwner | WriteDAC | AccessSystemSecurity},
	} {
		if q, s := test.info.QueryAccess(), test.info.SetAccess(); q != test.query || s != test.set {
			t.Errorf("%#x needs %#x to query, %#x to set, want %#x, %#x", test.info, q, s, test.query, test.set)
		}
	}
}
