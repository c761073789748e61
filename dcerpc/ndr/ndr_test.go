package ndr

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	var e Encoder
	e.U8(1)
	e.U16(0x1234)
	e.U8(2)
	e.U32(0x12345678)
	e.U8(3)
	e.U64(0x123456789abcdef0)
	e.UniqueWString("Grüße 𝄞")
	e.Ptr(false)
	e.UnicodeString("name")
	e.UnicodeString("")
	e.UnicodeStringBody("name")
	e.UnicodeStringBody("")
	e.U32(7)

	d := NewDecoder(e.Bytes())
	if d.U8() != 1 || d.U16() != 0x1234 || d.U8() != 2 || d.U32() != 0x12345678 || d.U8() != 3 || d.U64() != 0x123456789abcdef0 {
		t.Error("integers")
	}
	if s := d.UniqueWString(); s != "Grüße 𝄞" {
		t.Errorf("%q", s)
	}
	if d.Ptr() {
		t.Error("null pointer")
	}
	a, b := d.UnicodeString(), d.UnicodeString()
	if s := d.UnicodeStringBody(a); s != "name" {
		t.Errorf("%q", s)
	}
	if s := d.UnicodeStringBody(b); s != "" {
		t.Errorf("%q", s)
	}
	if d.U32() != 7 || d.Remaining() != 0 || d.Err() != nil {
		t.Error(d.Remaining(), d.Err())
	}
}

// TestLayout compares with octets from Samba: NetrShareGetInfo of share t1.
func TestLayout(t *testing.T) {
	want := []byte("\x00\x00\x02\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00t\x001\x00\x00\x00\x00\x00\x02\x00\x00\x00")
	var e Encoder
	e.UniqueWString("t1")
	e.U32(2)
	if !bytes.Equal(e.Bytes(), want) {
		t.Errorf("%x, want %x", e.Bytes(), want)
	}
}

func TestBadStrings(t *testing.T) {
	for name, in := range map[string]string{
		"short":            "\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00t\x001\x00",
		"offset":           "\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00t\x00\x00\x00",
		"actual above max": "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00t\x00\x00\x00",
		"huge":             "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xfft\x00\x00\x00",
		"wraps":            "\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x80t\x00\x00\x00",
		"no counts":        "\x03\x00\x00\x00",
	} {
		d := NewDecoder([]byte(in))
		if s := d.WString(); s != "" || !errors.Is(d.Err(), ErrBadStub) {
			t.Errorf("%s: %q, %v", name, s, d.Err())
		}
		if d.U32() != 0 || d.Remaining() != 0 || d.Bytes(0) != nil {
			t.Errorf("%s: the error does not stick", name)
		}
	}
	d := NewDecoder([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00t\x001\x00"))
	if s := d.WString(); s != "t1" || d.Err() != nil {
		t.Errorf("without terminator: %q, %v", s, d.Err())
	}
}

func TestCount(t *testing.T) {
	d := NewDecoder(make([]byte, 8))
	if d.Count(2, 4) != 2 || d.Err() != nil {
		t.Error("fits")
	}
	if d.Count(0xffffffff, 4) != 0 || d.Err() == nil {
		t.Error("does not fit")
	}
	if n := NewDecoder([]byte{1, 0, 0, 0, 9, 9, 9, 9}).MaxCount(1, 4); n != 1 {
		t.Error(n)
	}
	if n := NewDecoder([]byte{1, 0, 0, 0, 9, 9, 9, 9}).MaxCount(2, 1); n != 0 {
		t.Error(n)
	}
}

func TestLongUnicodeString(t *testing.T) {
	var e Encoder
	long := strings.Repeat("x", 40000)
	e.UnicodeString(long)
	e.UnicodeStringBody(long)
	d := NewDecoder(e.Bytes())
	if s := d.UnicodeStringBody(d.UnicodeString()); len(s) != 0xfffe/2 {
		t.Error(len(s), d.Err())
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x00\x00\x02\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00t\x001\x00\x00\x00"), "s")
	f.Add([]byte("\x04\x00\x04\x00\x00\x00\x02\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00t\x001\x00"), "u")
	f.Fuzz(func(t *testing.T, b []byte, program string) {
		d := NewDecoder(b)
		for _, op := range program {
			before := d.Remaining()
			switch op {
			case 'b':
				d.U8()
			case 'h':
				d.U16()
			case 'l':
				d.U32()
			case 'q':
				d.U64()
			case 's':
				if s := d.UniqueWString(); len(s) > 3*len(b) {
					t.Fatal("longer than the input")
				}
			case 'u':
				d.UnicodeStringBody(d.UnicodeString())
			case 'c':
				if n := d.Count(d.U32(), 4); n > len(b)/4 {
					t.Fatal(n)
				}
			}
			if after := d.Remaining(); after > before || after < 0 {
				t.Fatal(before, after)
			}
		}
	})
}
