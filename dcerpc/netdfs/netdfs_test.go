package netdfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// fake has these namespaces.
type fake struct {
	admin bool
	roots map[string][]Entry
}

func (f fake) Admin(context.Context) bool { return f.admin }

func (f fake) DFSRoots(context.Context) []string {
	var names []string
	for n := range f.roots {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (f fake) DFSEntries(_ context.Context, root string) []Entry {
	return f.roots[strings.ToLower(root)]
}

var (
	self = []Target{{Server: "S", Share: "r"}}
	one  = fake{roots: map[string][]Entry{"r": {
		{Path: `\\S\r`, TTL: 5 * time.Minute, Targets: self},
		{Path: `\\S\r\l`, Comment: "c", TTL: time.Minute, Failback: true, Targets: []Target{{"a", "x", 4, 31}, {"b", `y\z`, 0, 0}}},
	}}}
	two = fake{roots: map[string][]Entry{"r": one.roots["r"], "q": {{Path: `\\S\q`, Targets: self}}}}
)

func call(t testing.TB, s Server, opnum uint16, build func(e *ndr.Encoder)) ([]byte, netapi.Code) {
	t.Helper()
	var e ndr.Encoder
	build(&e)
	out, err := transcript.Call(context.Background(), Interface(s), nil, opnum, e.Bytes())
	if err != nil || len(out) < 4 {
		t.Fatalf("operation %d: %x, %v", opnum, out, err)
	}
	return out, netapi.Code(binary.LittleEndian.Uint32(out[len(out)-4:]))
}

func getInfo(name string, level uint32) func(*ndr.Encoder) {
	return func(e *ndr.Encoder) {
		e.WString(name)
		e.Ptr(false)
		e.Ptr(false)
		e.U32(level)
	}
}

// list builds the parameters of NetrDfsEnum, and behind a name those of NetrDfsEnumEx.
func list(level, max, resume uint32) func(*ndr.Encoder) {
	return func(e *ndr.Encoder) {
		e.U32(level)
		e.U32(max)
		e.Ptr(true)
		e.U32(level)
		e.U32(level)
		e.Ptr(true)
		e.U32(0)
		e.Ptr(false)
		e.Ptr(true)
		e.U32(resume)
	}
}

func listOf(name string, level, max, resume uint32) func(*ndr.Encoder) {
	return func(e *ndr.Encoder) {
		e.WString(name)
		list(level, max, resume)(e)
	}
}

func TestCodes(t *testing.T) {
	const all = 0xffffffff
	for name, c := range map[string]struct {
		s     Server
		op    uint16
		build func(*ndr.Encoder)
		want  netapi.Code
	}{
		"root":              {one, 4, getInfo(`\\any\R`, 3), 0},
		"link":              {one, 4, getInfo(`\\any\r\L`, 9), 0},
		"one backslash":     {one, 4, getInfo(`\any\r\l\`, 1), 0},
		"below a link":      {one, 4, getInfo(`\\any\r\l\x`, 1), netapi.NotFound},
		"no root":           {one, 4, getInfo(`\\any\x`, 1), netapi.NotFound},
		"no name":           {one, 4, getInfo(``, 1), netapi.NotFound},
		"root, level 7":     {one, 4, getInfo(`\\any\r`, 7), 0},
		"link, level 7":     {one, 4, getInfo(`\\any\r\l`, 7), netapi.InvalidParameter},
		"level 50":          {one, 4, getInfo(`\\any\r`, 50), netapi.InvalidParameter},
		"level to set":      {one, 4, getInfo(`\\any\r`, 101), netapi.InvalidParameter},
		"level 77":          {one, 4, getInfo(`\\any\r`, 77), netapi.InvalidParameter},
		"comment":           {one, 4, getInfo(`\\any\r\l`, 100), 0},
		"descriptor":        {one, 4, getInfo(`\\any\r\l`, 150), 0},
		"enum":              {one, 5, list(1, all, 0), 0},
		"enum, the end":     {one, 5, list(1, all, 2), netapi.NoMoreItems},
		"enum, behind":      {one, 5, list(1, all, 99), netapi.NoMoreItems},
		"enum of two":       {two, 5, list(1, all, 0), netapi.DeviceNotAvailable},
		"roots":             {two, 5, list(300, all, 0), 0},
		"enum of none":      {fake{}, 5, list(1, all, 0), netapi.NotFound},
		"roots of none":     {fake{}, 21, listOf("S", 300, all, 0), netapi.NoMoreItems},
		"enumEx":            {two, 21, listOf(`\\S\Q`, 6, all, 0), 0},
		"enumEx, only one":  {one, 21, listOf(`S`, 2, all, 0), 0},
		"enumEx, which":     {two, 21, listOf(`S`, 2, all, 0), netapi.NotFound},
		"enumEx, no such":   {two, 21, listOf(`\\S\x`, 2, all, 0), netapi.NotFound},
		"enumEx, domain":    {two, 21, listOf(`S`, 200, all, 0), netapi.InvalidParameter},
		"add as a user":     {one, 1, getInfo("x", 1), netapi.AccessDenied},
		"add as an admin":   {fake{admin: true}, 1, getInfo("x", 1), netapi.NotSupported},
		"remove2":           {one, 20, getInfo("x", 1), netapi.AccessDenied},
		"domain controller": {one, 16, getInfo("x", 1), netapi.AccessDenied},
	} {
		if _, got := call(t, c.s, c.op, c.build); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if out, _ := call(t, one, 0, func(*ndr.Encoder) {}); !bytes.Equal(out, []byte{4, 0, 0, 0}) {
		t.Errorf("version: % x", out)
	}
	noBuffer := func(e *ndr.Encoder) { e.U32(1); e.U32(all); e.Ptr(false); e.Ptr(false) }
	if out, got := call(t, one, 5, noBuffer); got != netapi.InvalidParameter || len(out) != 12 {
		t.Errorf("without a buffer: %d, % x", got, out)
	}
	var e ndr.Encoder
	list(2, all, 0)(&e)
	bad := e.Bytes()
	bad[12] = 3 // not the level any more
	for _, in := range [][]byte{nil, bad, bad[:9]} {
		if out, err := transcript.Call(context.Background(), Interface(one), nil, 5, in); err == nil {
			t.Errorf("% x is answered with % x", in, out)
		}
	}
	if _, err := transcript.Call(context.Background(), Interface(one), nil, 25, nil); err == nil {
		t.Error("operation 25 is answered")
	}
}

// TestInfo6 reads the largest structure but one back. [MS-DFSNM] 2.2.3.6
func TestInfo6(t *testing.T) {
	out, _ := call(t, one, 4, getInfo(`\\x\r\l`, 6))
	d := ndr.NewDecoder(out)
	num := func(what string, want uint32) {
		t.Helper()
		if got := d.U32(); got != want {
			t.Errorf("%s: %#x, want %#x", what, got, want)
		}
	}
	ptr := func() {
		t.Helper()
		if !d.Ptr() {
			t.Error("a null pointer")
		}
	}
	str := func(want string) {
		t.Helper()
		if got := d.WString(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	num("level", 6)
	ptr()
	ptr() // EntryPath
	ptr() // Comment
	num("state", 1)
	num("timeout", 60)
	guid := d.Bytes(16)
	if !bytes.Equal(guid, one.roots["r"][1].guid()) || bytes.Equal(guid, one.roots["r"][0].guid()) {
		t.Errorf("GUID %x", guid)
	}
	num("properties", 8)
	num("metadata", 0)
	num("targets", 2)
	ptr()
	str(`\\S\r\l`)
	str("c")
	num("count", 2)
	for _, x := range one.roots["r"][1].Targets {
		num("state", 2)
		ptr()
		ptr()
		num("class", x.Priority)
		num("rank", uint32(x.Rank))
	}
	for _, s := range []string{"a", "x", "b", `y\z`} {
		str(s)
	}
	num("code", 0)
	if d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("%v, %d bytes left", d.Err(), d.Remaining())
	}
}

// TestResume lists one entry at a time.
func TestResume(t *testing.T) {
	var names []string
	resume := uint32(0)
	for range 5 {
		out, code := call(t, one, 21, listOf(`\\S\r`, 1, 1, resume))
		if code == netapi.NoMoreItems {
			break
		}
		d := ndr.NewDecoder(out)
		for range 4 { // DfsEnum, Level twice, container
			d.U32()
		}
		if n := d.U32(); n != 1 || code != 0 {
			t.Fatalf("%d entries, code %d", n, code)
		}
		d.U32() // Buffer
		d.U32() // its size
		d.U32() // EntryPath
		names = append(names, d.WString())
		resume, _ = d.UniqueU32()
	}
	if got := strings.Join(names, " "); got != `\\S\r \\S\r\l` {
		t.Errorf("listed %s", got)
	}
}

func FuzzCall(f *testing.F) {
	add := func(op uint16, build func(*ndr.Encoder)) {
		var e ndr.Encoder
		build(&e)
		f.Add(op, e.Bytes())
	}
	for _, level := range []uint32{1, 3, 6, 9, 200, 300} {
		add(4, getInfo(`\\S\r\l`, level))
		add(5, list(level, 100, 1))
		add(21, listOf(`\\S\r`, level, 1000, 0))
	}
	iface := Interface(two)
	f.Fuzz(func(t *testing.T, opnum uint16, b []byte) {
		out, err := transcript.Call(context.Background(), iface, nil, opnum%30, b)
		if (err == nil) != (len(out) >= 4) {
			t.Fatal(len(out), err)
		}
	})
}
