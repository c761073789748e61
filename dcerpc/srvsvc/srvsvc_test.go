package srvsvc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// descriptor is O:BAD:(A;;FA;;;WD), self-relative.
var descriptor = []byte("\x01\x00\x04\x80\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x24\x00\x00\x00" +
	"\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00" +
	"\x02\x00\x1c\x00\x01\x00\x00\x00\x00\x00\x14\x00\xff\x01\x1f\x00\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00")

// fake is a busy server. Its fields say who asks.
type fake struct {
	admin  bool
	many   int
	closed *[]string
}

func (f fake) Info(context.Context) Info { return Info{Name: "FAKE", Comment: "a comment"} }

func (f fake) Admin(context.Context) bool { return f.admin }

func (f fake) Shares(context.Context) []Share {
	all := []Share{
		{Name: "data", Comment: "Data", Path: `D:\data`, SecurityDescriptor: descriptor, Flags: 0x10},
		{Name: "IPC$", Type: TypeIPC | TypeSpecial},
	}
	for i := range f.many {
		all = append(all, Share{Name: fmt.Sprint("share", i)})
	}
	return all
}

func (f fake) Share(ctx context.Context, name string) (Share, bool) {
	for _, s := range f.Shares(ctx) {
		if netapi.SameName(s.Name, name) {
			return s, true
		}
	}
	return Share{}, false
}

func (f fake) Sessions(context.Context) []Session {
	return []Session{
		{Client: "10.0.0.1", User: "ann", Files: 2, Active: time.Minute, Idle: time.Second, ClientType: "SMB 3.1.1", Transport: "tcp"},
		{Client: "10.0.0.2", User: "bob", Guest: true},
	}
}

func (f fake) Files(context.Context) []File {
	return []File{
		{ID: 7, Permissions: 3, Locks: 1, Path: `D:\data\x`, User: "ann"},
		{ID: 9, Path: `D:\data\y`, User: "bob"},
	}
}

func (f fake) Connections(_ context.Context, qualifier string) []Connection {
	if qualifier != "data" && qualifier != `\\10.0.0.1` {
		return nil
	}
	return []Connection{{ID: 1, Files: 2, Users: 1, Active: time.Hour, User: "ann", Name: "10.0.0.1"}}
}

func (f fake) CloseFile(_ context.Context, id uint32) bool {
	*f.closed = append(*f.closed, fmt.Sprint("file ", id))
	return id == 7
}

func (f fake) CloseSessions(_ context.Context, client, user string) int {
	*f.closed = append(*f.closed, "session "+client+"/"+user)
	return len(user)
}

func (f fake) Statistics(context.Context) Statistics {
	return Statistics{Start: time.Unix(1e9, 0), BytesSent: 5<<32 + 6, Sessions: 3}
}

// in builds request stubs.
type in struct{ ndr.Encoder }

func stub(build func(e *in)) []byte {
	var e in
	e.UniqueWString(`\\server`)
	build(&e)
	return e.Bytes()
}

// enum adds what all enumerations begin with.
func (e *in) enum(level, limit uint32, resume int) {
	e.U32(level)
	e.U32(level)
	e.Ptr(true)
	e.U32(0)
	e.Ptr(false)
	e.U32(limit)
	e.Ptr(resume >= 0)
	if resume >= 0 {
		e.U32(uint32(resume))
	}
}

func names(e *in, s ...string) {
	for _, s := range s {
		e.Ptr(s != "")
		if s != "" {
			e.WString(s)
		}
	}
}

func call(t testing.TB, s Server, opnum uint16, build func(e *in)) []byte {
	t.Helper()
	out, err := transcript.Call(context.Background(), Interface(s), nil, opnum, stub(build))
	if err != nil || len(out) < 4 {
		t.Fatalf("operation %d: %x, %v", opnum, out, err)
	}
	return out
}

// code returns the result code, the last DWORD.
func code(out []byte) netapi.Code {
	return netapi.Code(binary.LittleEndian.Uint32(out[len(out)-4:]))
}

// TestAccess asks as an ordinary user and as an administrator.
func TestAccess(t *testing.T) {
	const all = 0xffffffff
	shareEnum := func(level uint32) func(*in) { return func(e *in) { e.enum(level, all, 0) } }
	shareInfo := func(level uint32) func(*in) { return func(e *in) { e.WString("DATA"); e.U32(level) } }
	two := func(level uint32) func(*in) { return func(e *in) { names(e, "", ""); e.enum(level, all, 0) } }
	level := func(n uint32) func(*in) { return func(e *in) { e.U32(n) } }
	const denied = netapi.AccessDenied
	for _, c := range []struct {
		name        string
		op          uint16
		build       func(*in)
		user, admin netapi.Code
	}{
		{"shares 0", 15, shareEnum(0), 0, 0},
		{"shares 1", 15, shareEnum(1), 0, 0},
		{"shares 2", 15, shareEnum(2), denied, 0},
		{"shares 501", 15, shareEnum(501), 0, 0},
		{"shares 502", 15, shareEnum(502), denied, 0},
		{"shares 503", 15, shareEnum(503), denied, 0},
		{"shares 77", 15, shareEnum(77), netapi.InvalidLevel, netapi.InvalidLevel},
		{"sticky 1", 36, shareEnum(1), 0, 0},
		{"sticky 501", 36, shareEnum(501), netapi.InvalidLevel, netapi.InvalidLevel},
		{"share 1", 16, shareInfo(1), 0, 0},
		{"share 2", 16, shareInfo(2), denied, 0},
		{"share 502", 16, shareInfo(502), denied, 0},
		{"share 1005", 16, shareInfo(1005), 0, 0},
		{"share 1501", 16, shareInfo(1501), denied, 0},
		{"share 3", 16, shareInfo(3), netapi.InvalidLevel, netapi.InvalidLevel},
		{"share unknown", 16, func(e *in) { e.WString("none"); e.U32(1) }, netapi.NErrNetNameNotFound, netapi.NErrNetNameNotFound},
		{"share empty", 16, func(e *in) { e.WString(""); e.U32(1) }, netapi.InvalidParameter, netapi.InvalidParameter},
		{"share check", 20, func(e *in) { e.WString(`d:\DATA`) }, 0, 0},
		{"share check none", 20, func(e *in) { e.WString(`E:`) }, netapi.NErrDeviceNotShared, netapi.NErrDeviceNotShared},
		{"server 100", 21, level(100), 0, 0},
		{"server 101", 21, level(101), 0, 0},
		{"server 102", 21, level(102), denied, 0},
		{"server 103", 21, level(103), denied, 0},
		{"server 502", 21, level(502), denied, 0},
		{"server 503", 21, level(503), denied, 0},
		{"server 599", 21, level(599), netapi.InvalidLevel, netapi.InvalidLevel},
		{"server set", 22, level(100), denied, denied},
		{"time", 28, func(*in) {}, 0, 0},
		{"sessions 0", 12, two(0), denied, 0},
		{"sessions 10", 12, two(10), denied, 0},
		{"sessions 502", 12, two(502), denied, 0},
		{"sessions of client", 12, func(e *in) { names(e, `\\10.0.0.1`, "ANN"); e.enum(1, all, -1) }, denied, 0},
		{"sessions of none", 12, func(e *in) { names(e, `\\10.0.0.9`, ""); e.enum(1, all, -1) }, denied, netapi.NErrClientNameNotFound},
		{"sessions of nobody", 12, func(e *in) { names(e, "", "eve"); e.enum(1, all, -1) }, denied, netapi.NErrUserNotFound},
		{"sessions, bad name", 12, func(e *in) { names(e, "10.0.0.1", ""); e.enum(1, all, -1) }, denied, netapi.NErrInvalidComputer},
		{"session end", 13, func(e *in) { names(e, `\\10.0.0.1`, "ann") }, denied, 0},
		{"files 2", 9, two(2), denied, 0},
		{"files 3", 9, two(3), denied, 0},
		{"file", 10, func(e *in) { e.U32(7); e.U32(3) }, denied, 0},
		{"file unknown", 10, func(e *in) { e.U32(8); e.U32(3) }, denied, netapi.FileNotFound},
		{"file close", 11, level(7), denied, 0},
		{"file close unknown", 11, level(8), denied, netapi.NErrFileIDNotFound},
		{"connections", 8, func(e *in) { names(e, "data"); e.enum(1, all, 0) }, denied, 0},
		{"connections of client", 8, func(e *in) { names(e, `\\10.0.0.1`); e.enum(0, all, 0) }, denied, 0},
		{"connections of none", 8, func(e *in) { names(e, "none"); e.enum(1, all, 0) }, denied, netapi.NErrNetNameNotFound},
		{"disks", 23, func(e *in) { e.U32(0); e.U32(0); e.Ptr(false); e.U32(all); e.Ptr(false) }, denied, 0},
		{"statistics", 24, func(e *in) { names(e, ""); e.U32(0); e.U32(0) }, denied, 0},
		{"transports", 26, func(e *in) { e.enum(1, all, 0) }, denied, 0},
	} {
		var closed []string
		if got := code(call(t, fake{closed: &closed}, c.op, c.build)); got != c.user {
			t.Errorf("%s as user: %d, want %d", c.name, got, c.user)
		}
		if len(closed) > 0 {
			t.Errorf("%s as user closed %q", c.name, closed)
		}
		if got := code(call(t, fake{admin: true, closed: &closed}, c.op, c.build)); got != c.admin {
			t.Errorf("%s as administrator: %d, want %d", c.name, got, c.admin)
		}
	}
}

// TestDescriptor looks at the end of level 502: the octets of the descriptor.
func TestDescriptor(t *testing.T) {
	out := call(t, fake{admin: true}, 16, func(e *in) { e.WString("data"); e.U32(502) })
	want := append(binary.LittleEndian.AppendUint32(nil, uint32(len(descriptor))), descriptor...)
	if got := out[len(out)-4-len(want) : len(out)-4]; string(got) != string(want) {
		t.Errorf("%x", out)
	}
}

// TestResume lists many shares with a small buffer.
func TestResume(t *testing.T) {
	s := fake{many: 50}
	var seen, calls int
	for resume := 0; ; calls++ {
		out := call(t, s, 15, func(e *in) { e.enum(1, 300, resume) })
		read := binary.LittleEndian.Uint32(out[12:])
		tail := out[len(out)-16:] // total, referent, resume, code
		if total := binary.LittleEndian.Uint32(tail); total != uint32(52-seen) {
			t.Fatalf("total %d after %d", total, seen)
		}
		seen += int(read)
		if code(out) == netapi.OK {
			break
		}
		resume = int(binary.LittleEndian.Uint32(tail[8:]))
		if code(out) != netapi.MoreData || read == 0 || resume != seen {
			t.Fatal(code(out), read, resume, seen)
		}
	}
	if seen != 52 || calls < 5 {
		t.Error(seen, calls)
	}
	if out := call(t, s, 15, func(e *in) { e.enum(1, 0, 9999) }); code(out) != 0 || binary.LittleEndian.Uint32(out[12:]) != 0 {
		t.Errorf("after the end: %x", out)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  uint32
		flags uint32
		want  netapi.Code
	}{
		{"share", 9, 0, 0}, {"sh/are", 9, 0, netapi.InvalidName}, {"sh\x01", 9, 0, netapi.InvalidName},
		{"", 9, 0, netapi.InvalidName}, {"", 2, 0, 0}, {"x", 99, 0, netapi.InvalidParameter},
		{"x", 0, 0, netapi.InvalidParameter}, {"x", 9, 1, netapi.InvalidParameter},
	} {
		if got := code(call(t, fake{}, 33, func(e *in) { e.WString(c.name); e.U32(c.kind); e.U32(c.flags) })); got != c.want {
			t.Errorf("validate %q %d: %d, want %d", c.name, c.kind, got, c.want)
		}
	}
	canonicalize := func(name string, size, kind, flags uint32) []byte {
		return call(t, fake{}, 34, func(e *in) { e.WString(name); e.U32(size); e.U32(kind); e.U32(flags) })
	}
	if out := canonicalize("averylongshare", 20, 9, 0x80000000); string(out[4:30]) != "A\x00V\x00E\x00R\x00Y\x00L\x00O\x00N\x00G\x00S\x00H\x00A\x00\x00\x00" || len(out) != 48 {
		t.Errorf("%q", out)
	}
	if out := canonicalize("share", 5, 9, 0); code(out) != netapi.NErrBufTooSmall || len(out) != 4+12+4 {
		t.Errorf("%q", out)
	}
	if out := canonicalize("share", 5, 9, 1); code(out) != netapi.NErrBufTooSmall {
		t.Errorf("%q", out)
	}
	for _, c := range []struct {
		a, b string
		kind uint32
		want int32
	}{{"a", "A", 9, 0}, {"a", "b", 9, -1}, {"b", "A", 9, 1}, {"a", "?", 9, 87}} {
		if got := int32(code(call(t, fake{}, 35, func(e *in) { e.WString(c.a); e.WString(c.b); e.U32(c.kind); e.U32(0) }))); got != c.want {
			t.Errorf("compare %q %q: %d", c.a, c.b, got)
		}
	}
}

func TestUnknownOperation(t *testing.T) {
	for _, opnum := range []uint16{29, 43, 58, 0xffff} {
		if _, err := transcript.Call(context.Background(), Interface(fake{}), nil, opnum, nil); !errors.Is(err, dcerpc.FaultOpRange) {
			t.Errorf("%d: %v", opnum, err)
		}
	}
}

// TestUnionTag sends a union whose discriminant isn't the level, and an input
// buffer that pretends to hold entries.
func TestUnionTag(t *testing.T) {
	for name, build := range map[string]func(*in){
		"tag": func(e *in) {
			e.U32(1)
			e.U32(502)
			e.Ptr(true)
			e.U32(0)
			e.Ptr(false)
			e.U32(0)
			e.Ptr(false)
		},
		"buffer": func(e *in) {
			e.U32(1)
			e.U32(1)
			e.Ptr(true)
			e.U32(0x40000000)
			e.Ptr(true)
			e.U32(0x40000000)
		},
	} {
		if _, err := transcript.Call(context.Background(), Interface(fake{}), nil, 15, stub(build)); !errors.Is(err, ndr.ErrBadStub) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCall(f *testing.F) {
	for _, client := range []string{"impacket", "rpcclient"} {
		for _, x := range transcript.Read(f, "testdata/srvsvc-"+client+".txt") {
			if x.Request[2] == 0 {
				f.Add(uint16(x.Request[22]), x.Request[24:])
			}
		}
	}
	f.Add(uint16(34), stub(func(e *in) { e.WString("x"); e.U32(100); e.U32(9); e.U32(0) }))
	f.Add(uint16(14), stub(func(e *in) { e.info(502, "new", 0, "", 0, 5, 0, `C:\`, "", descriptor) }))
	f.Add(uint16(17), stub(func(e *in) { e.WString("data"); e.info(1501, descriptor) }))
	f.Add(uint16(31), stub(func(e *in) { e.WString(`a\..\b`); e.U32(100); e.WString("c"); e.U32(0); e.U32(0) }))
	var closed []string
	var done []string
	iface := Interface(editable{fake{admin: true, closed: &closed}, &done, nil})
	f.Fuzz(func(t *testing.T, opnum uint16, b []byte) {
		out, err := transcript.Call(context.Background(), iface, nil, opnum%60, b)
		if (err == nil) != (len(out) >= 4) {
			t.Fatal(len(out), err)
		}
		closed, done = closed[:0], done[:0]
	})
}
