package smb2

import (
	"testing"
	"time"
)

func TestGUID(t *testing.T) {
	g := GUID{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const text = "00112233-4455-6677-8899-aabbccddeeff"
	if g.String() != text {
		t.Errorf("String = %s", g)
	}
	for _, s := range []string{text, "{" + text + "}", "00112233-4455-6677-8899-AABBCCDDEEFF"} {
		if got, err := ParseGUID(s); err != nil || got != g {
			t.Errorf("ParseGUID(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", text[1:], text + "0", "{" + text, "0011223344556677-8899-aabb-ccddeeff00", "g" + text[1:]} {
		if got, err := ParseGUID(s); err == nil {
			t.Errorf("ParseGUID(%q) = %v", s, got)
		}
	}
}

func FuzzParseGUID(f *testing.F) {
	f.Add("00112233-4455-6677-8899-aabbccddeeff")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGUID(s)
		if err != nil {
			return
		}
		if again, err := ParseGUID(g.String()); err != nil || again != g {
			t.Fatalf("%q: %v, then %v, %v", s, g, again, err)
		}
	})
}

func TestFileTime(t *testing.T) {
	for _, test := range []struct {
		f    FileTime
		want time.Time
	}{
		{0, time.Time{}},
		{116444736000000000, time.Unix(0, 0)},
		{116444736000000001, time.Unix(0, 100)},
		{1, time.Date(1601, 1, 1, 0, 0, 0, 100, time.UTC)},
		{maxFileTime, maxFileTime.Time()},
	} {
		if got := test.f.Time(); !got.Equal(test.want) {
			t.Errorf("Time of %d = %v, want %v", test.f, got, test.want)
		}
		if got := FileTimeOf(test.want); got != test.f {
			t.Errorf("FileTimeOf %v = %d, want %d", test.want, got, test.f)
		}
	}
}

func TestFileTimeBounds(t *testing.T) {
	for _, test := range []struct {
		t    time.Time
		want FileTime
	}{
		{time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		{time.Date(1400, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		{time.Date(40000, 1, 1, 0, 0, 0, 0, time.UTC), maxFileTime},
		{time.Unix(1<<62, 0), maxFileTime},
		{time.Unix(-1<<62, 0), 1},
	} {
		if got := FileTimeOf(test.t); got != test.want {
			t.Errorf("FileTimeOf %v = %d, want %d", test.t, got, test.want)
		}
	}
	before := FileTime(1).Time()
	for _, f := range []FileTime{maxFileTime, 1 << 63, FileTimeThaw, FileTimeFreeze} {
		if got := f.Time(); !got.After(before) {
			t.Errorf("Time of %#x = %v goes back", uint64(f), got)
		}
	}
}
