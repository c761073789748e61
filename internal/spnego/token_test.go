package spnego

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

var (
	oidNTLM  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	oidKrb5  = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidMSKrb = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
	oidNegoX = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 30}
)

func TestInitRoundTrip(t *testing.T) {
	want := NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidMSKrb, oidKrb5, oidNTLM},
		MechToken: bytes.Repeat([]byte{7}, 300), MechListMIC: []byte("mic")}
	b := want.Append([]byte("x"))[1:]
	got, resp, err := Parse(b)
	if err != nil || resp != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.RawMechList, MechList(want.Mechs)) {
		t.Errorf("raw list is % x", got.RawMechList)
	}
	want.RawMechList = got.RawMechList
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	// Without the frame: 60 82 nn nn 06 06 ....
	if bare, _, err := Parse(b[4+8:]); err != nil || !reflect.DeepEqual(bare, got) {
		t.Errorf("bare: %+v, %v", bare, err)
	}
}

func TestRespRoundTrip(t *testing.T) {
	for _, want := range []NegTokenResp{
		{},
		{State: StateAbsent, ResponseToken: []byte("t")},
		{State: RequestMIC, SupportedMech: oidNTLM},
		{State: AcceptIncomplete, SupportedMech: oidKrb5, ResponseToken: make([]byte, 70000), MechListMIC: []byte("m")},
	} {
		_, got, err := Parse(want.Append(nil))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v, want %+v, %v", got, want, err)
		}
	}
}

// TestInit2 compares with the bytes laid out by hand, for NTLM alone.
func TestInit2(t *testing.T) {
	const want = "604806062b0601050502a03e303ca00e300c060a2b06010401823702020a" +
		"a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265"
	b := AppendInit2(nil, []asn1.ObjectIdentifier{oidNTLM})
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	init, _, err := Parse(b)
	if err != nil || len(init.Mechs) != 1 || init.MechListMIC != nil {
		t.Errorf("parsed as %+v, %v", init, err)
	}
}

func TestFrame(t *testing.T) {
	b := AppendFrame([]byte("x"), oidKrb5, []byte("token"))[1:]
	if mech, token, ok := ParseFrame(b); !ok || !mech.Equal(oidKrb5) || string(token) != "token" {
		t.Errorf("% x comes back as %v, %q, %v", b, mech, token, ok)
	}
	for _, bad := range [][]byte{nil, {0x60}, {0x60, 2, 4, 0}, {0x60, 3, 6, 1, 0xff}, b[1:], b[:len(b)-1]} {
		if mech, _, ok := ParseFrame(bad); ok {
			t.Errorf("% x is a frame of %v", bad, mech)
		}
	}
}

// TestOIDs compares with encoding/asn1.
func TestOIDs(t *testing.T) {
	for _, oid := range []asn1.ObjectIdentifier{oidNTLM, oidKrb5, oidMSKrb, oidNegoX, {2, 5, 4}, {0, 9}, {2, 999, 2147483647}} {
		want, err := asn1.Marshal(oid)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendOID(nil, oid); !bytes.Equal(got, want) {
			t.Errorf("%v is % x, want % x", oid, got, want)
		}
		if got, ok := parseOID(want[2:]); !ok || !got.Equal(oid) {
			t.Errorf("%v comes back as %v, %v", oid, got, ok)
		}
	}
	if oid, ok := parseOID(append(bytes.Repeat([]byte{0xff}, 30), 1)); !ok || len(oid) != 0 {
		t.Errorf("an arc of 200 bits is %v, %v", oid, ok)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"empty":               "",
		"one byte":            "60",
		"indefinite length":   "6080 0000",
		"length of 5 bytes":   "a185 0000000000",
		"length too long":     "a184ffffffff",
		"other mechanism":     "600806062b0601050503a000",
		"frame without token": "600806062b0601050502",
		"no sequence":         "a000",
		"other choice":        "a2023000",
		"trailing in choice":  "a10430000000",
		"field twice":         "a1 0c 30 0a a0030a0100 a0030a0100",
		"state of two bytes":  "a108 3006 a0040a020000",
		"state unknown":       "a107 3005 a0030a0104",
		"no context tag":      "a105 3003 0a0100",
		"open OID":            "a107 3005 a1030601 ff",
		"high tag":            "bf1f00",
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(name, err)
		}
		if init, resp, err := Parse(b); err == nil {
			t.Errorf("%s: %+v %+v", name, init, resp)
		}
	}
	many := NegTokenInit{Mechs: make([]asn1.ObjectIdentifier, maxMechs+1)}
	for i := range many.Mechs {
		many.Mechs[i] = oidNTLM
	}
	if _, _, err := Parse(many.Append(nil)); err == nil {
		t.Error("too many mechanisms are accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(AppendInit2(nil, []asn1.ObjectIdentifier{oidNTLM, oidKrb5}))
	f.Add(NegTokenInit{Mechs: []asn1.ObjectIdentifier{oidNTLM}, MechToken: []byte("t"), MechListMIC: []byte("m")}.Append(nil))
	f.Add(NegTokenResp{State: RequestMIC, SupportedMech: oidNTLM, ResponseToken: []byte("t")}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		init, resp, err := Parse(b)
		if (err == nil) != (init != nil || resp != nil) || init != nil && resp != nil {
			t.Fatalf("%v %v %v", init, resp, err)
		}
		if resp != nil {
			_, again, err := Parse(resp.Append(nil))
			if err != nil || again.State != resp.State || !bytes.Equal(again.ResponseToken, resp.ResponseToken) {
				t.Fatalf("%+v comes back as %+v, %v", resp, again, err)
			}
		}
	})
}
