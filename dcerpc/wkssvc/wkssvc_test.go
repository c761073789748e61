package wkssvc

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// fake says who asks.
type fake struct{ admin, joined bool }

func (f fake) Admin(context.Context) bool { return f.admin }

func (f fake) Workstation(context.Context) Info {
	if f.joined {
		return Info{Name: "FAKE", Domain: "EXAMPLE", Joined: true}
	}
	return Info{Name: "FAKE"}
}

func call(t *testing.T, w Workstation, opnum uint16, build func(e *ndr.Encoder)) []byte {
	t.Helper()
	var e ndr.Encoder
	e.UniqueWString(`\\server`)
	build(&e)
	out, err := transcript.Call(context.Background(), Interface(w), nil, opnum, e.Bytes())
	if err != nil || len(out) < 4 {
		t.Fatalf("operation %d: %x, %v", opnum, out, err)
	}
	return out
}

func code(out []byte) uint32 { return binary.LittleEndian.Uint32(out[len(out)-4:]) }

func TestAccess(t *testing.T) {
	level := func(n uint32) func(*ndr.Encoder) { return func(e *ndr.Encoder) { e.U32(n) } }
	enum := func(e *ndr.Encoder) {
		for _, v := range []uint32{0, 0, 0, 0xffffffff, 0} { // no container, no resume handle
			e.U32(v)
		}
	}
	for _, c := range []struct {
		op          uint16
		build       func(*ndr.Encoder)
		user, admin uint32
	}{
		{0, level(100), 0, 0},
		{0, level(101), 0, 0},
		{0, level(102), 5, 0},
		{0, level(502), 5, 0},
		{0, level(1), 124, 124},
		{1, level(100), 5, 5},
		{2, enum, 5, 0},
		{5, enum, 0, 0},
		{2, func(e *ndr.Encoder) { e.U32(7); e.U32(7) }, 124, 124},
		{4, level(0), 50, 50},
		{6, level(0), 5, 87},
		{7, func(e *ndr.Encoder) { e.UniqueWString("x"); e.U32(2) }, 5, 0},
		{7, func(e *ndr.Encoder) { e.UniqueWString("x"); e.U32(3) }, 5, 87},
		{9, func(e *ndr.Encoder) { e.WString("X:"); e.U32(0) }, 2250, 2250},
		{9, func(e *ndr.Encoder) { e.WString("X:"); e.U32(4) }, 124, 124},
		{10, func(e *ndr.Encoder) { e.WString("X:"); e.U32(0) }, 2250, 2250},
		{10, func(e *ndr.Encoder) { e.WString("X:"); e.U32(3) }, 124, 124},
		{11, enum, 0, 0},
		{13, func(e *ndr.Encoder) { e.Ptr(false); e.U32(0); e.U32(0) }, 5, 0},
		{13, func(e *ndr.Encoder) { e.Ptr(false); e.U32(1); e.U32(0) }, 124, 124},
		{13, func(e *ndr.Encoder) { e.Ptr(false); e.U32(0); e.U32(1) }, 87, 87},
		{16, level(0), 50, 50},
		{21, level(0), 50, 50},
		{22, level(0), 5, 5},
		{25, level(0), 5, 0x8001011c},
		{26, level(0), 5, 0x8001011c},
		{30, func(e *ndr.Encoder) { e.U16(0); e.U32(0) }, 5, 0},
		{30, func(e *ndr.Encoder) { e.U16(1); e.U32(3) }, 5, 0},
		{30, func(e *ndr.Encoder) { e.U16(3); e.U32(0) }, 5, 87},
		{30, func(e *ndr.Encoder) { e.U16(2); e.U32(2) }, 5, 1004},
	} {
		if got := code(call(t, fake{}, c.op, c.build)); got != c.user {
			t.Errorf("operation %d as user: %d, want %d", c.op, got, c.user)
		}
		if got := code(call(t, fake{admin: true}, c.op, c.build)); got != c.admin {
			t.Errorf("operation %d as administrator: %d, want %d", c.op, got, c.admin)
		}
	}
}

func (f fake) Users(context.Context) []User {
	return []User{{Name: "ann"}, {Name: "bob", Domain: "OTHER"}}
}

// TestUsers lists who is logged on at both levels.
func TestUsers(t *testing.T) {
	for level, want := range [][]string{{"ann", "bob"}, {"ann", "FAKE", "", "FAKE", "bob", "OTHER", "", "FAKE"}} {
		d := ndr.NewDecoder(call(t, fake{admin: true}, 2, func(e *ndr.Encoder) {
			for _, n := range []uint32{uint32(level), uint32(level), 0, 0xffffffff, 0} {
				e.U32(n)
			}
		}))
		for range 6 + len(want) { // level, level, container, count, array, count, pointers
			d.U32()
		}
		for _, s := range want {
			if got := d.WString(); got != s {
				t.Errorf("level %d: %q, want %q", level, got, s)
			}
		}
	}
	out := call(t, fake{admin: true}, 0, func(e *ndr.Encoder) { e.U32(102) })
	if n := binary.LittleEndian.Uint32(out[8+6*4:]); n != 2 {
		t.Errorf("%d users at level 102", n)
	}
}

// TestUserGetInfo asks for the user at the computer, which has no ServerName.
func TestUserGetInfo(t *testing.T) {
	for _, tt := range []struct {
		reserved string
		level    uint32
		want     uint32
	}{{"", 0, 1312}, {"", 1, 1312}, {"", 1101, 0}, {"X", 0, 87}, {"X", 1101, 87}, {"", 2, 124}} {
		var e ndr.Encoder
		e.Ptr(tt.reserved != "")
		if tt.reserved != "" {
			e.WString(tt.reserved)
		}
		e.U32(tt.level)
		out, err := transcript.Call(context.Background(), Interface(fake{}), nil, 3, e.Bytes())
		if err != nil || code(out) != tt.want {
			t.Errorf("%q, level %d: %x %v", tt.reserved, tt.level, out, err)
		}
	}
}

func TestJoinInformation(t *testing.T) {
	null := func(e *ndr.Encoder) { e.Ptr(false) }
	for w, want := range map[fake]string{{}: "WORKGROUP", {joined: true}: "EXAMPLE"} {
		d := ndr.NewDecoder(call(t, w, 20, null))
		name, status, code := d.UniqueWString(), d.U16(), d.U32()
		if name != want || (status == 3) != w.joined || code != 0 || d.Err() != nil || d.Remaining() != 0 {
			t.Error(name, status, code, d.Err())
		}
	}
}

func TestUnknownOperation(t *testing.T) {
	for _, opnum := range []uint16{32, 0xffff} {
		if _, err := transcript.Call(context.Background(), Interface(fake{}), nil, opnum, nil); !errors.Is(err, dcerpc.FaultOpRange) {
			t.Errorf("%d: %v", opnum, err)
		}
	}
}

func FuzzCall(f *testing.F) {
	for _, x := range transcript.Read(f, "testdata/wkssvc-impacket.txt") {
		if x.Request[2] == 0 {
			f.Add(uint16(x.Request[22]), x.Request[24:])
		}
	}
	iface := Interface(fake{admin: true})
	f.Fuzz(func(t *testing.T, opnum uint16, b []byte) {
		out, err := transcript.Call(context.Background(), iface, nil, opnum%40, b)
		if (err == nil) != (len(out) >= 4) {
			t.Fatal(len(out), err)
		}
	})
}
