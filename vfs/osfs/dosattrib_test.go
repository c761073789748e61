package osfs

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// What the versions of Samba wrote; version 5 was read from files that smbd
// 4.17.12 made ("setmode +h", "+rs" and a hidden directory).
var dosSamples = []struct {
	name, hex  string
	attributes vfs.Attributes
	created    string // RFC 3339 in UTC; empty: none
}{
	{"5 hidden", "00000500050000001100000022000000" + "8040fdd147a2d401", vfs.AttrHidden | vfs.AttrArchive, "2019-01-02T03:04:05Z"},
	{"5 read-only", "00000500050000001100000025000000" + "8040fdd147a2d401", vfs.AttrReadOnly | vfs.AttrSystem | vfs.AttrArchive, "2019-01-02T03:04:05Z"},
	{"5 directory", "00000500050000001100000012000000" + "8040fdd147a2d401", vfs.AttrHidden, "2019-01-02T03:04:05Z"},
	{"5 no time", "00000500050000000100000020000000" + "8040fdd147a2d401", vfs.AttrArchive, ""},
	{"4", "00000400040000005100000022000000" + "1111111111111111" + "8040fdd147a2d401", vfs.AttrHidden | vfs.AttrArchive, "2019-01-02T03:04:05Z"},
	{"3", "30783232000003000300000011000000" + "22000000" + "00000000" + "0000000000000000" + "0000000000000000" + "8040fdd147a2d401" + "0000000000000000", vfs.AttrHidden | vfs.AttrArchive, "2019-01-02T03:04:05Z"},
	{"1", "0000010001000000" + "20000000" + "00000000" + "0000000000000000" + "0000000000000000" + "8040fdd147a2d401" + "0000000000000000", vfs.AttrArchive, "2019-01-02T03:04:05Z"},
	{"text", "30783232", vfs.AttrHidden | vfs.AttrArchive, ""},
	{"text with NUL", "3078323200", vfs.AttrHidden | vfs.AttrArchive, ""},
}

func TestParseDOS(t *testing.T) {
	for _, s := range dosSamples {
		b, err := hex.DecodeString(s.hex)
		if err != nil {
			t.Fatal(s.name, err)
		}
		d, ok := parseDOS(b)
		created := ""
		if !d.created.IsZero() {
			created = d.created.UTC().Format(time.RFC3339)
		}
		if !ok || d.attributes != s.attributes || created != s.created {
			t.Errorf("%s: attributes %#x, created %q, %v; want %#x, %q", s.name, d.attributes, created, ok, s.attributes, s.created)
		}
	}
}

func TestAppendDOS(t *testing.T) {
	for i, s := range dosSamples[:3] {
		want, _ := hex.DecodeString(s.hex)
		d, _ := parseDOS(want)
		if got := appendDOS(nil, d, i == 2); !bytes.Equal(got, want) || len(got) != dosSize {
			t.Errorf("%s: %x, want %x", s.name, got, want)
		}
	}
}

func TestChangeTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	set := time.Date(1968, 1, 2, 3, 4, 5, 600, time.UTC)
	in := dosInfo{attributes: vfs.AttrHidden, hasAttributes: true, created: at.Add(-time.Hour), changed: set, changedAt: at}
	d, ok := parseDOS(appendDOS(nil, in, false))
	if !ok || d.attributes != in.attributes || !d.created.Equal(in.created) {
		t.Errorf("%+v, %v; want %+v", d, ok, in)
	}
	if got := d.changeTime(at.Add(4 * time.Millisecond)); !got.Equal(set) {
		t.Errorf("as it was set: %v", got)
	}
	if now := at.Add(2 * time.Second); !d.changeTime(now).Equal(now) {
		t.Errorf("after another change: %v", d.changeTime(now))
	}
}

func TestParseDOSDamaged(t *testing.T) {
	for _, b := range []string{
		"", "30", "3078", "30787a", "00", "0000", "00000500", "0000050005", "000005000400000011000000220000008040fdd147a2d401",
		"0000050005000000110000002200000080", "0000ffffffff0000", "00000600060000001100000022000000" + "8040fdd147a2d401",
	} {
		raw, _ := hex.DecodeString(b)
		if d, ok := parseDOS(raw); ok && (d.hasAttributes || !d.created.IsZero()) {
			t.Errorf("%s: %+v", b, d)
		}
	}
}

func TestFiletime(t *testing.T) {
	for _, s := range []string{"1601-01-01T00:00:00.0000001Z", "1969-12-31T23:59:59.9999999Z", "2026-02-28T01:02:03.1234567Z", "9999-12-31T23:59:59Z"} {
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := fromFiletime(toFiletime(want)); !got.Equal(want) {
			t.Errorf("%v became %v", want, got)
		}
	}
	for _, v := range []uint64{1, maxFiletime, maxFiletime - maxFiletime%ticksPerSecond - 1} {
		if got := toFiletime(fromFiletime(v)); got != v {
			t.Errorf("%#x became %#x", v, got)
		}
	}
	for _, out := range []time.Time{{}, fromFiletime(maxFiletime).Add(100), time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<60, 0)} {
		if v := toFiletime(out); v != 0 {
			t.Errorf("%v became %d, want 0", out, v)
		}
	}
	for _, v := range []uint64{0, 1 << 63, 1<<64 - 1} {
		if got := fromFiletime(v); !got.IsZero() {
			t.Errorf("%#x became %v", v, got)
		}
	}
}

func FuzzDOS(f *testing.F) {
	for _, s := range dosSamples {
		b, _ := hex.DecodeString(s.hex)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := parseDOS(b)
		if !ok {
			return
		}
		if d.attributes&^stored != 0 {
			t.Errorf("%x: attributes %#x", b, d.attributes)
		}
		again, ok := parseDOS(appendDOS(nil, d, false))
		if !ok || again.attributes != d.attributes || !again.created.Equal(d.created) {
			t.Errorf("%x: %+v became %+v, %v", b, d, again, ok)
		}
	})
}
