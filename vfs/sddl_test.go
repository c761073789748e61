package vfs

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func mustSDDL(t testing.TB, s string) SecurityDescriptor {
	t.Helper()
	d, err := ParseSDDL(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The example of [MS-DTYP] 2.5.1.4, whose binary form has the lists before the
// owner.
func TestSDDLExample(t *testing.T) {
	const text = "O:BAG:BAD:P(A;OICI;GRGX;;;BU)(A;OICI;GA;;;BA)(A;OICI;GA;;;SY)(A;OICI;GA;;;CO)S:P(AU;FA;GR;;;WD)"
	raw, err := hex.DecodeString(strings.Join(strings.Fields(`
		010014b0 90000000 a0000000 14000000 30000000 02001c00 01000000 02801400 00000080 01010000 00000001 00000000
		02006000 04000000 00031800 000000a0 01020000 00000005 20000000 21020000 00031800 00000010 01020000 00000005
		20000000 20020000 00031400 00000010 01010000 00000005 12000000 00031400 00000010 01010000 00000003 00000000
		01020000 00000005 20000000 20020000 01020000 00000005 20000000 20020000`), ""))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseSecurityDescriptor(raw)
	if err != nil {
		t.Fatal(err)
	}
	got := mustSDDL(t, strings.ReplaceAll(text, "OICI", "CIOI"))
	got.Control |= SDSelfRelative
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parsed %+v\nwant %+v", got, want)
	}
	if s := want.String(); s != text {
		t.Errorf("String = %s\nwant     %s", s, text)
	}
}

func TestSDDLRoundTrip(t *testing.T) {
	for _, s := range []string{
		"",
		"O:SYG:S-1-5-21-1-2-3-513",
		"O:S-1-5-21-1-2-3-1000D:",
		"O:S-1-0x0001FFFFFFFF-7D:NO_ACCESS_CONTROL",
		"G:S-1-22-2-0D:PARAI(D;;0x110;;;AN)(A;OICINPIOID;FR;;;OW)",
		"D:PNO_ACCESS_CONTROLS:",
		"D:AI(A;;FA;;;CO)(A;;FR;;;CG)(A;;FW;;;LS)(A;;FX;;;NS)(A;;GR;;;PU)(A;;RCSDWDWO;;;BG)(A;;;;;WD)",
		"S:AI(AU;SAFA;0x1f01bf;;;WD)(ML;;NWNX;;;HI)(SP;;;;;S-1-17-1)(AL;;GA;;;AU)",
	} {
		d := mustSDDL(t, s)
		if got := d.String(); got != s {
			t.Errorf("%q became %q", s, got)
		}
		b, err := ParseSecurityDescriptor(d.Append(nil))
		if got := b.String(); err != nil || got != s {
			t.Errorf("%q in binary became %q, %v", s, got, err)
		}
	}
}

func TestSDDLReads(t *testing.T) {
	for s, want := range map[string]string{
		"D:(A;;0X1F01FF;;;BA)":                   "D:(A;;FA;;;BA)",
		"D:(A;;2032127;;;BA)":                    "D:(A;;FA;;;BA)",
		"D:(A;;010;;;BA)":                        "D:(A;;0x8;;;BA)",
		"D:(A;;CCDCLCSWRPWPDTLOCR;;;BA)":         "D:(A;;0x1ff;;;BA)",
		"D:(A;;FRFX;;;BA)":                       "D:(A;;0x1200a9;;;BA)",
		"S:(ML;;NW;;;S-1-16-4096)D:AIP":          "D:PAIS:(ML;;NW;;;LW)",
		"D:(A;;GR;;;S-1-5-32-544)O:S-1-5-32-544": "O:BAD:(A;;GR;;;BA)",
	} {
		if got := mustSDDL(t, s).String(); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestSDDLRefused(t *testing.T) {
	for _, s := range []string{
		"X:", "O", "O:", "O:XX", "O:DA", "O:S-1-5-", "O:BAO:BA", "O:BAx", " O:BA",
		"D:(", "D:()", "D:(A;;;;;)", "D:(A;;FA;;;BA", "D:(A;;FA;;;BA;)", "D:(A;;FA;;;BA;(1))", "D:(XA;;FA;;;BA;(Exists a))",
		"D:(A;OIC;FA;;;BA)", "D:(A;ZZ;FA;;;BA)", "D:(A;;F;;;BA)", "D:(A;;ZZ;;;BA)", "D:(A;;0x100000000;;;BA)", "D:(A;;1_0;;;BA)", "D:(A;;-1;;;BA)",
		"D:(A;;NW;;;BA)", "D:(OA;;FA;bf967aba-0de6-11d0-a285-00aa003049e2;;BA)", "D:(A;;FA;1;;BA)", "D:(A;;FA;;;BABA)", "D:Q", "S:NO_ACCESS_CONTROL",
		`S:(RA;;;;;WD;("a",TI,0,1))`, "D:" + strings.Repeat("(A;;FA;;;BA)", 3000), strings.Repeat("x", maxSDDL+1),
	} {
		if d, err := ParseSDDL(s); err == nil {
			t.Errorf("%.60q is %v", s, d)
		}
	}
	// What can't be represented is printed so that it can't be taken for less.
	for _, e := range []ACE{
		{Type: 0x09, Raw: []byte{9, 0, 4, 0}},
		{Type: ACEAllowed, Mask: AccessFull, SID: "WD)(A;;FA;;;WD"},
		{Type: ACEAllowed, Mask: AccessFull},
	} {
		s := SecurityDescriptor{DACL: &ACL{ACEs: []ACE{e}}}.String()
		if d, err := ParseSDDL(s); err == nil {
			t.Errorf("%+v was printed as %s, and read as %v", e, s, d)
		}
	}
}

func FuzzSDDL(f *testing.F) {
	f.Add("O:BAG:SYD:PAI(A;OICI;FA;;;BA)(D;;0x110;;;S-1-5-21-1-2-3-4)S:(ML;;NW;;;HI)(AU;SA;GA;;;WD)")
	f.Add("D:NO_ACCESS_CONTROL")
	f.Add("O:S-1-0x0001FFFFFFFFD:")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseSDDL(s)
		if err != nil {
			return
		}
		text := d.String()
		again, err := ParseSDDL(text)
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Fatalf("%q is %+v\nprinted %q, read as %+v, %v", s, d, text, again, err)
		}
		b, err := ParseSecurityDescriptor(d.Append(nil))
		if err != nil || b.String() != text {
			t.Fatalf("%q in binary is %q, %v", text, b.String(), err)
		}
	})
}
