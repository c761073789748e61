package utf16le

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"
)

func TestRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name string
		wire []byte
		s    string
	}{
		{"empty", nil, ""},
		{"ascii", []byte("a\x00b\x00"), "ab"},
		{"latin", []byte{0xE9, 0x00}, "é"},
		{"three bytes", []byte{0xAC, 0x20}, "€"},
		{"pair", []byte{0x3D, 0xD8, 0x00, 0xDE}, "😀"},
		{"last code point", []byte{0xFF, 0xDB, 0xFF, 0xDF}, "\U0010FFFF"},
		{"nul", []byte{0, 0, 'a', 0}, "\x00a"},
		{"lone high", []byte{0x3D, 0xD8, 'a', 0}, "\xED\xA0\xBDa"},
		{"lone high at end", []byte{'a', 0, 0xFF, 0xDB}, "a\xED\xAF\xBF"},
		{"lone low", []byte{0x00, 0xDC}, "\xED\xB0\x80"},
		{"low before high", []byte{0x00, 0xDC, 0x00, 0xD8}, "\xED\xB0\x80\xED\xA0\x80"},
		{"high before pair", []byte{0x00, 0xD8, 0x3D, 0xD8, 0x00, 0xDE}, "\xED\xA0\x80😀"},
	} {
		s, err := Decode(tt.wire)
		if err != nil || s != tt.s {
			t.Errorf("%s: Decode = %q, %v, want %q", tt.name, s, err, tt.s)
		}
		if b := Append([]byte{7}, tt.s); !bytes.Equal(b[1:], tt.wire) {
			t.Errorf("%s: Append = % x, want % x", tt.name, b[1:], tt.wire)
		}
		if n := Len(tt.s); n != len(tt.wire) {
			t.Errorf("%s: Len = %d, want %d", tt.name, n, len(tt.wire))
		}
	}
}

func TestOddLength(t *testing.T) {
	if _, err := Decode([]byte{'a', 0, 'b'}); !errors.Is(err, ErrOddLength) {
		t.Fatalf("err = %v", err)
	}
}

func TestAppendInvalid(t *testing.T) {
	if got, want := Append(nil, "\xFFa\xED\xA0"), []byte{0xFD, 0xFF, 'a', 0, 0xFD, 0xFF, 0xFD, 0xFF}; !bytes.Equal(got, want) {
		t.Fatalf("Append = % x, want % x", got, want)
	}
}

func TestDecodeAllocatesOnce(t *testing.T) {
	b := Append(nil, "a directory\\sørlandet\\😀.txt and then some more of it")
	if n := testing.AllocsPerRun(100, func() { _, _ = Decode(b) }); n > 1 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\x00\x3D\xD8\x00\xDE"))
	f.Add([]byte{0x00, 0xDC, 0x00, 0xD8, 0x3D, 0xD8, 0x00, 0xDE})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			return
		}
		if got := Append(nil, s); !bytes.Equal(got, b) || Len(s) != len(b) {
			t.Fatalf("% x became %q became % x", b, s, got)
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add("\xED\xA0\x80\xED\xB0\x80")
	f.Add("a\xFF€")
	f.Fuzz(func(t *testing.T, s string) {
		b := Append(nil, s)
		if Len(s) != len(b) {
			t.Fatalf("Len(%q) = %d, Append gives %d", s, Len(s), len(b))
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(s) && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
