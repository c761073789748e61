package srvsvc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
)

// editable is a fake whose shares can be changed.
type editable struct {
	fake
	done *[]string
	err  error
}

func (f editable) AddShare(_ context.Context, s Share) error {
	*f.done = append(*f.done, fmt.Sprintf("add %s %s %q %d %d", s.Name, s.Path, s.Comment, s.MaxUses, len(s.SecurityDescriptor)))
	return f.err
}

func (f editable) ChangeShare(_ context.Context, name string, c ShareChange) error {
	s := "change " + name
	if c.Comment != nil {
		s += fmt.Sprintf(" %q", *c.Comment)
	}
	if c.MaxUses != nil {
		s += fmt.Sprint(" max ", *c.MaxUses)
	}
	if c.Flags != nil {
		s += fmt.Sprintf(" flags %#x", *c.Flags)
	}
	if c.SecurityDescriptor != nil {
		s += fmt.Sprint(" descriptor ", len(c.SecurityDescriptor))
	}
	*f.done = append(*f.done, s)
	return f.err
}

func (f editable) RemoveShare(_ context.Context, name string) error {
	*f.done = append(*f.done, "remove "+name)
	return f.err
}

// info adds a structure of a level: numbers, strings or octets.
func (e *in) info(level uint32, members ...any) {
	e.U32(level)
	e.U32(level)
	e.Ptr(true)
	for _, m := range members {
		switch m := m.(type) {
		case int:
			e.U32(uint32(m))
		case string:
			e.Ptr(m != "")
		case []byte:
			e.U32(uint32(len(m)))
			e.Ptr(m != nil)
		}
	}
	for _, m := range members {
		switch m := m.(type) {
		case string:
			if m != "" {
				e.WString(m)
			}
		case []byte:
			if m != nil {
				e.U32(uint32(len(m)))
				e.Raw(m)
			}
		}
	}
	e.Ptr(true)
	e.U32(77)
}

// edit calls an operation and returns its code, and what ParmErr became.
func edit(t *testing.T, f Server, op uint16, build func(*in)) (netapi.Code, uint32) {
	t.Helper()
	out := call(t, f, op, build)
	member := uint32(0)
	if len(out) == 12 {
		member = uint32(code(out[4:8]))
	}
	return code(out), member
}

func TestShareAdd(t *testing.T) {
	const none = -1 // 0xffffffff on the wire
	two := func(name string, kind int, comment, path string) func(*in) {
		return func(e *in) { e.info(2, name, kind, comment, 0, none, 0, path, "") }
	}
	for _, tt := range []struct {
		name   string
		build  func(*in)
		want   netapi.Code
		member uint32
		done   string
	}{
		{"level 2", two("new", 0, "hi", `C:\x`), 0, 0, `add new C:\x "hi" 0 0`},
		{"level 502", func(e *in) { e.info(502, "new", 0, "", 0, 5, 0, `C:\`, "", descriptor) }, 0, 0, `add new C:\ "" 5 64`},
		{"level 503", func(e *in) { e.info(503, "new", 0, "", 0, 5, 0, `C:\`, "", "*", []byte(nil)) }, 0, 0, `add new C:\ "" 5 0`},
		{"level 1", func(e *in) { e.info(1, "new", 0, "") }, netapi.InvalidLevel, 0, ""},
		{"level 9", func(e *in) { e.U32(9); e.U32(9) }, netapi.InvalidLevel, 0, ""},
		{"exists", two("DATA", 0, "", `C:\x`), netapi.NErrDuplicateShare, 0, ""},
		{"no name", two("", 0, "", `C:\x`), netapi.InvalidParameter, 1, ""},
		{"long name", two(strings.Repeat("x", 81), 0, "", `C:\x`), netapi.InvalidParameter, 1, ""},
		{"bad name", two("a/b", 0, "", `C:\x`), netapi.InvalidName, 1, ""},
		{"pipe", two("PIPE", 0, "", `C:\x`), netapi.AccessDenied, 0, ""},
		{"printer", two("p", 1, "", `C:\x`), netapi.InvalidParameter, 3, ""},
		{"long comment", two("new", 0, strings.Repeat("x", 49), `C:\x`), netapi.InvalidParameter, 4, ""},
		{"no path", two("new", 0, "", ""), netapi.InvalidParameter, 8, ""},
		{"relative path", two("new", 0, "", `x\y`), netapi.InvalidParameter, 8, ""},
		{"path up", two("new", 0, "", `C:\x\..\y`), netapi.InvalidParameter, 8, ""},
		{"path up with a slash", two("new", 0, "", `C:\x/../y`), netapi.InvalidParameter, 8, ""},
		{"bad descriptor", func(e *in) { e.info(502, "new", 0, "", 0, 5, 0, `C:\`, "", []byte("bad")) }, netapi.InvalidParameter, 501, ""},
		{"no structure", func(e *in) { e.U32(2); e.U32(2); e.Ptr(false); e.Ptr(true); e.U32(0) }, netapi.InvalidParameter, 0, ""},
	} {
		var done []string
		got, member := edit(t, editable{fake{admin: true}, &done, nil}, 14, tt.build)
		if got != tt.want || member != tt.member || strings.Join(done, ";") != tt.done {
			t.Errorf("%s: %d, member %d, done %q; want %d, %d, %q", tt.name, got, member, done, tt.want, tt.member, tt.done)
		}
		done = nil
		if got, _ := edit(t, editable{fake{}, &done, nil}, 14, tt.build); got != netapi.AccessDenied || done != nil {
			t.Errorf("%s as user: %d, %q", tt.name, got, done)
		}
		if got, _ := edit(t, fake{admin: true}, 14, tt.build); got != netapi.AccessDenied {
			t.Errorf("%s where it can't be done: %d", tt.name, got)
		}
	}
}

func TestShareSetInfo(t *testing.T) {
	set := func(name string, level uint32, members ...any) func(*in) {
		return func(e *in) { e.WString(name); e.info(level, members...) }
	}
	const none = -1 // 0xffffffff on the wire
	for _, tt := range []struct {
		name   string
		build  func(*in)
		want   netapi.Code
		member uint32
		done   string
	}{
		{"1", set("data", 1, "other", 7, "c"), 0, 0, `change data "c"`},
		{"2", set("data", 2, "", 0, "", 0, none, 9, "ignored", ""), 0, 0, `change data "" max 0`},
		{"502", set("data", 502, "", 0, "c", 0, 3, 9, "", "", descriptor), 0, 0, `change data "c" max 3 descriptor 64`},
		{"502 without descriptor", set("data", 502, "", 0, "c", 0, 3, 9, "", "", []byte(nil)), 0, 0, `change data "c" max 3`},
		{"1004", set("data", 1004, "c"), 0, 0, `change data "c"`},
		{"1005", set("data", 1005, 0x800), 0, 0, `change data flags 0x800`},
		{"1006", set("data", 1006, 8), 0, 0, `change data max 8`},
		{"1501", set("data", 1501, descriptor), 0, 0, `change data descriptor 64`},
		{"0", set("data", 0, "x"), netapi.InvalidLevel, 0, ""},
		{"501", set("data", 501, "x", 0, "c", 0), netapi.InvalidLevel, 0, ""},
		{"unknown level", func(e *in) { e.WString("data"); e.U32(7); e.U32(7) }, netapi.InvalidLevel, 0, ""},
		{"unknown share", set("none", 1004, "c"), netapi.NErrNetNameNotFound, 0, ""},
		{"no name", set("", 1004, "c"), netapi.InvalidParameter, 0, ""},
		{"the server's own", set("IPC$", 1004, "c"), netapi.InvalidParameter, 0, ""},
		{"long comment", set("data", 1004, strings.Repeat("x", 49)), netapi.InvalidParameter, 4, ""},
		{"bad descriptor", set("data", 1501, []byte("bad!")), netapi.InvalidParameter, 501, ""},
	} {
		var done []string
		got, member := edit(t, editable{fake{admin: true}, &done, nil}, 17, tt.build)
		if got != tt.want || member != tt.member || strings.Join(done, ";") != tt.done {
			t.Errorf("%s: %d, member %d, done %q; want %d, %d, %q", tt.name, got, member, done, tt.want, tt.member, tt.done)
		}
		done = nil
		if got, _ := edit(t, editable{fake{}, &done, nil}, 17, tt.build); got != netapi.AccessDenied || done != nil {
			t.Errorf("%s as user: %d, %q", tt.name, got, done)
		}
	}
}

func TestShareDel(t *testing.T) {
	for _, op := range []struct {
		n     uint16
		build func(name string) func(*in)
	}{
		{18, func(name string) func(*in) { return func(e *in) { e.WString(name); e.U32(0) } }},
		{57, func(name string) func(*in) {
			return func(e *in) { e.info(503, name, 0, "", 0, 5, 0, "", "", "*", []byte(nil)) }
		}},
	} {
		for _, tt := range []struct {
			name  string
			admin bool
			want  netapi.Code
			done  int
		}{
			{"data", true, 0, 1}, {"none", true, netapi.NErrNetNameNotFound, 0}, {"", true, netapi.InvalidParameter, 0},
			{"ipc$", true, netapi.AccessDenied, 0}, {"data", false, netapi.AccessDenied, 0},
		} {
			var done []string
			got := code(call(t, editable{fake{admin: tt.admin}, &done, nil}, op.n, op.build(tt.name)))
			if got != tt.want || len(done) != tt.done {
				t.Errorf("operation %d, %q: %d, %q", op.n, tt.name, got, done)
			}
		}
	}
}

// TestEditErrors checks what a client is told when a change fails.
func TestEditErrors(t *testing.T) {
	for err, want := range map[error]netapi.Code{
		fs.ErrNotExist: netapi.NErrUnknownDevDir, fs.ErrExist: netapi.NErrDuplicateShare, fs.ErrPermission: netapi.AccessDenied,
		fs.ErrInvalid: netapi.InvalidParameter, errors.ErrUnsupported: netapi.NotSupported, errors.New("secret"): netapi.InvalidData,
	} {
		var done []string
		got, _ := edit(t, editable{fake{admin: true}, &done, err}, 14, func(e *in) { e.info(2, "new", 0, "", 0, 1, 0, `C:\x`, "") })
		if got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

func TestPathType(t *testing.T) {
	for path, want := range map[string]uint32{
		`\\server`: 4144, `\\*`: 4145, `\\server\share`: 4096, `\\server\share\*`: 4097, `\\.\x`: 8198, `\\.\x*`: 8199,
		`a\b`: 8192, `a?`: 8193, `\a`: 8194, `\a*`: 8195, `c:\a`: 8198, `c:\a?`: 8199, `c:`: 16384, `lpt1`: 16400, `LPT4:`: 16400,
		`\dev\com2`: 16416, `COM12`: 16416, `COMX`: 8192, `é:`: 8192,
	} {
		if got, ok := typeOfPath(path); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", path, got, ok, want)
		}
	}
	for _, path := range []string{`a<b`, `a|b`, `\\`, `\\.`, `\\\x`, `\\s\`, `\\*x`, `\DEV\x`} {
		if got, ok := typeOfPath(path); ok {
			t.Errorf("%s is of type %d", path, got)
		}
	}
	for _, tt := range []struct {
		path  string
		flags uint32
		want  netapi.Code
	}{
		{`c:\x`, 0, 0}, {"", 0, netapi.InvalidName}, {strings.Repeat("x", 261), 0, netapi.InvalidName}, {`c:\x`, 2, netapi.InvalidParameter},
		{`c:\name.ext\..\x`, 1, 0}, {`c:\longername`, 1, netapi.InvalidName}, {`c:\a.html`, 1, netapi.InvalidName},
		{`\` + strings.Repeat(`12345678\`, 16), 1, netapi.InvalidName},
	} {
		if got := code(call(t, fake{}, 30, func(e *in) { e.WString(tt.path); e.U32(tt.flags) })); got != tt.want {
			t.Errorf("%q, flags %d: %d, want %d", tt.path, tt.flags, got, tt.want)
		}
	}
}

func TestPathCanonicalize(t *testing.T) {
	for _, tt := range []struct{ prefix, path, want string }{
		{"", `C:/a/./b\..\c`, `C:\a\c`}, {`C:\x`, `y`, `C:\x\y`}, {`C:\x\`, `.\y\`, `C:\x\y`}, {"", `\\srv\share\a\..`, `\\srv\share`},
		{"", `a\..\B`, "B"}, {"", `lpt1:`, "LPT1"}, {"", `C:\..`, ""}, {"", `\\s\..\..`, ""}, {"", `..`, ""}, {"", `C:\`, `C:\`},
	} {
		got, _, code := canonicalize(tt.prefix, tt.path)
		if got != tt.want || (code == netapi.OK) != (tt.want != "") {
			t.Errorf("%q %q: %q %d, want %q", tt.prefix, tt.path, got, code, tt.want)
		}
	}
	canon := func(size uint32) []byte {
		return call(t, fake{}, 31, func(e *in) {
			e.WString(`a/b`)
			e.U32(size)
			e.WString("")
			e.U32(0)
			e.U32(0)
		})
	}
	if out := canon(8); code(out) != 0 || string(out[4:12]) != "a\x00\\\x00b\x00\x00\x00" {
		t.Errorf("%q", out)
	}
	if out := canon(7); code(out) != netapi.NErrBufTooSmall || strings.Trim(string(out[4:11]), "\x00") != "" {
		t.Errorf("%q", out)
	}
	for _, tt := range []struct {
		a, b  string
		flags uint32
		want  int32
	}{{`a/b`, `a\.\b`, 0, 0}, {`a`, `b`, 0, -1}, {`b`, `a`, 1, 1}, {`a/b`, `a\b`, 1, -1}, {`a`, `\a`, 0, 1}, {`a`, `b`, 2, 87}, {``, `b`, 0, 123}} {
		got := int32(code(call(t, fake{}, 32, func(e *in) { e.WString(tt.a); e.WString(tt.b); e.U32(0); e.U32(tt.flags) })))
		if got != tt.want {
			t.Errorf("compare %q %q %d: %d, want %d", tt.a, tt.b, tt.flags, got, tt.want)
		}
	}
}
