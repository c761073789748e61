package vfs

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The flags that a child gets from each combination of a parent's entry,
// [MS-DTYP] 2.5.3.4.4, with and without something in it that is replaced.
func TestInheritFlags(t *testing.T) {
	tests := []struct{ parent, file, dir, creatorFile, creatorDir string }{
		{"", "-", "-", "-", "-"},
		{"OI", "", "OIIO", "", "OIIO"},
		{"CI", "-", "CI", "-", "own,CIIO"},
		{"OICI", "", "OICI", "", "own,OICIIO"},
		{"NP", "-", "-", "-", "-"},
		{"OINP", "", "-", "", "-"},
		{"CINP", "-", "", "-", "own"},
		{"OICINP", "", "", "", "own"},
		{"IO", "-", "-", "-", "-"},
		{"OIIO", "", "OIIO", "", "OIIO"},
		{"CIIO", "-", "CI", "-", "own,CIIO"},
		{"OICIIO", "", "OICI", "", "own,OICIIO"},
		{"NPIO", "-", "-", "-", "-"},
		{"OINPIO", "", "-", "", "-"},
		{"CINPIO", "-", "", "-", "own"},
		{"OICINPIO", "", "", "", "own"},
	}
	def := testCaller.Token().Defaults()
	own := "O:" + string(testUser) + "G:" + string(testGroup)
	defACL := "D:(A;;FA;;;" + string(testUser) + ")(A;;FA;;;SY)"
	for _, test := range tests {
		for _, auto := range []string{"", "AI"} {
			id := strings.Replace(auto, "AI", "ID", 1)
			ace := func(flags, sid string) string { return "(A;" + flags + id + ";0x2;;;" + sid + ")" }
			check := func(sid string, container bool, want string) {
				t.Helper()
				parent := mustSDDL(t, "O:SYG:SYD:"+auto+"(A;"+test.parent+";0x2;;;"+sid+")(A;;FA;;;WD)")
				list := ""
				for _, flags := range strings.Split(want, ",") {
					switch {
					case flags == "-":
					case flags == "own", sid == "CO" && !container:
						list += ace("", string(testUser))
					default:
						list += ace(flags, sid)
					}
				}
				expect := own + "D:" + auto + list
				if list == "" {
					expect = own + defACL
				}
				if got := Inherit(parent, nil, container, def).String(); got != expect {
					t.Errorf("%s, directory %v: %s\nwant %s", parent, container, got, expect)
				}
			}
			check("BA", false, test.file)
			check("BA", true, test.dir)
			check("CO", false, test.creatorFile)
			check("CO", true, test.creatorDir)
		}
	}
}

func TestInherit(t *testing.T) {
	def := Defaults{Owner: testUser, Group: testGroup, DACL: mustSDDL(t, "D:(A;;FA;;;LS)").DACL}
	tests := []struct {
		name, parent, explicit string // "-": none
		container              bool
		want                   string // ann and grp stand for the caller and his group
	}{
		{"nothing anywhere", "O:SY", "-", false, "O:annG:grpD:(A;;FA;;;LS)"},
		{"null DACL above", "D:NO_ACCESS_CONTROL", "-", true, "O:annG:grpD:(A;;FA;;;LS)"},
		{"creator group", "D:(A;OI;FR;;;CG)", "-", false, "O:annG:grpD:(A;;FR;;;grp)"},
		{"generic, file", "D:(A;OI;GR;;;WD)", "-", false, "O:annG:grpD:(A;;FR;;;WD)"},
		{"generic, directory", "D:(A;OICI;GA;;;WD)", "-", true, "O:annG:grpD:(A;;FA;;;WD)(A;OICIIO;GA;;;WD)"},
		{"generic, for files below only", "D:(A;OI;GA;;;WD)", "-", true, "O:annG:grpD:(A;OIIO;GA;;;WD)"},
		{"inherited before", "D:AI(A;OICIID;FR;;;WD)", "-", true, "O:annG:grpD:AI(A;OICIID;FR;;;WD)"},
		{"inherited before, not automatically", "D:(A;OICIID;FR;;;WD)", "-", true, "O:annG:grpD:(A;OICI;FR;;;WD)"},
		{"protected above", "D:PAI(A;OI;FR;;;WD)", "-", false, "O:annG:grpD:AI(A;ID;FR;;;WD)"},
		{"order is kept", "D:(D;OI;0x2;;;BG)(A;CI;FR;;;BU)(A;OI;FA;;;BA)", "-", false, "O:annG:grpD:(D;;0x2;;;BG)(A;;FA;;;BA)"},

		{"audit", "D:S:(AU;OISAFA;FA;;;WD)", "-", false, "O:annG:grpD:(A;;FA;;;LS)S:(AU;SAFA;FA;;;WD)"},
		{"label", "S:AI(ML;OICI;NW;;;HI)", "-", true, "O:annG:grpD:(A;;FA;;;LS)S:AI(ML;OICIID;NW;;;HI)"},
		{"only one list automatic", "D:AI(A;OI;FR;;;WD)S:(AU;OISA;FA;;;WD)", "-", false, "O:annG:grpD:AI(A;ID;FR;;;WD)S:(AU;SA;FA;;;WD)"},

		{"given", "D:(A;OI;FA;;;WD)", "O:BAG:BUD:(A;;FR;;;BU)", false, "O:BAG:BUD:(A;;FR;;;BU)"},
		{"given owner only", "D:(A;OI;FR;;;CO)", "O:BA", false, "O:BAG:grpD:(A;;FR;;;BA)"},
		{"given null DACL", "D:AI(A;OI;FA;;;WD)", "D:NO_ACCESS_CONTROL", false, "O:annG:grpD:NO_ACCESS_CONTROL"},
		{"given empty DACL", "D:(A;OI;FA;;;WD)", "D:", false, "O:annG:grpD:"},
		{"given and inherited", "D:AI(A;OI;FR;;;WD)", "D:(A;;FA;;;BA)(A;ID;FA;;;BG)", false, "O:annG:grpD:AI(A;;FA;;;BA)(A;ID;FR;;;WD)"},
		{"given and protected", "D:AI(A;OI;FR;;;WD)", "D:P(A;;FA;;;BA)(A;ID;FA;;;BU)", false, "O:annG:grpD:P(A;;FA;;;BA)(A;;FA;;;BU)"},
		{"given, nothing automatic", "D:(A;OI;FR;;;WD)", "D:(A;ID;FA;;;BU)", false, "O:annG:grpD:(A;ID;FA;;;BU)"},
		{"given as automatic", "D:(A;OI;FR;;;WD)", "D:AI(A;;FA;;;BU)", false, "O:annG:grpD:(A;;FA;;;BU)"},
		{"given as automatic, required", "D:(A;OI;FR;;;WD)", "D:ARAI(A;;FA;;;BU)", false, "O:annG:grpD:AI(A;;FA;;;BU)"},
		{"given for the creator", "D:", "D:(A;OICI;GA;;;CO)(A;OIIO;GR;;;CG)", true,
			"O:annG:grpD:(A;;FA;;;ann)(A;OICIIO;GA;;;CO)(A;OIIO;GR;;;CG)"},
		{"given SACL", "D:(A;OI;FR;;;WD)S:(AU;OISA;FR;;;WD)", "S:(AU;SA;GA;;;WD)", false, "O:annG:grpD:(A;;FR;;;WD)S:(AU;SA;FA;;;WD)"},
	}
	names := strings.NewReplacer(string(testUser), "ann", string(testGroup), "grp")
	for _, test := range tests {
		var explicit *SecurityDescriptor
		if test.explicit != "-" {
			d := mustSDDL(t, test.explicit)
			explicit = &d
		}
		got := names.Replace(Inherit(mustSDDL(t, test.parent), explicit, test.container, def).String())
		if got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
}

// Without a group, what is for the creator's is for nobody, and doesn't spoil the
// rest of the list.
func TestInheritWithoutGroup(t *testing.T) {
	d := Inherit(mustSDDL(t, "D:(A;OICI;FA;;;CG)(A;OICI;FR;;;WD)"), nil, true, Defaults{Owner: testUser})
	if got, want := d.String(), "O:"+string(testUser)+"D:(A;OICIIO;FA;;;CG)(A;OICI;FR;;;WD)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Entries for one kind of object don't concern files; what isn't understood is
// passed on with the flags that it has then.
func TestInheritOpaque(t *testing.T) {
	entry := func(typ ACEType, objectFlags byte) ACE {
		return ACE{Type: typ, Flags: ACEObjectInherit, Raw: []byte{byte(typ), 1, 12, 0, 1, 0, 0, 0, objectFlags, 0, 0, 0}}
	}
	parent := SecurityDescriptor{DACL: &ACL{ACEs: []ACE{entry(0x05, 2), entry(0x06, 1), entry(0x09, 0xFF)}}}
	list := Inherit(parent, nil, false, Defaults{}).DACL.ACEs
	if len(list) != 2 || list[0].Type != 0x06 || list[1].Type != 0x09 || list[0].Flags != 0 || list[1].Append(nil)[1] != 0 {
		t.Errorf("inherited %+v", list)
	}
}

// What is inherited survives its binary form, nobody who gets a directory's
// entries anew is left with more, and arguments aren't changed.
func TestInheritProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent := SecurityDescriptor{Owner: SIDSystem, Control: Control(rapid.Uint16().Draw(t, "control")), DACL: drawACL(t, "DACL"), SACL: drawACL(t, "SACL")}
		container := rapid.Bool().Draw(t, "container")
		before := parent.Append(nil)
		def := testCaller.Token().Defaults()
		d := Inherit(parent, nil, container, def)
		if string(before) != string(parent.Append(nil)) {
			t.Fatal("the parent was changed")
		}
		raw := d.Append(nil)
		back, err := ParseSecurityDescriptor(raw)
		if err != nil || !reflect.DeepEqual(back.Append(nil), raw) {
			t.Fatalf("%v read back as %v, %v", d, back, err)
		}
		for _, e := range d.DACL.ACEs {
			effective := e.Flags&ACEInheritOnly == 0
			if !container && e.Flags&(ACEInheritOnly|ACEObjectInherit|ACEContainerInherit|ACENoPropagateInherit) != 0 ||
				effective && (e.SID == SIDCreatorOwner || e.SID == SIDCreatorGroup || e.Mask != e.Mask.Expand()) {
				t.Fatalf("%v has %v", d, e)
			}
		}
		// A directory that inherits passes on what it got: a grandchild's
		// rights are those of a child's, but for what isn't propagated.
		if container {
			again := Inherit(d, nil, true, def)
			if again.DACL != nil && len(again.DACL.ACEs) > len(d.DACL.ACEs)+2 {
				t.Fatalf("%v grew to %v", d, again)
			}
		}
	})
}
