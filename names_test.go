package smb_test

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/faultfs"
	"github.com/gosmbd/smb/vfs/memfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// hostileNames are names that no backend may ever see, nor find a way around.
var hostileNames = []string{
	"..", `..\`, `..\x`, `a\..`, `a\..\..\x`, `..\..\..\..\..\..\..\etc\passwd`, `.`, `.\x`, `a\.\b`, `\`, `\x`, `\\x`, `\..\x`,
	"/", "/x", "a/b", "../x", `a\../x`, "a/../../x", `..\/x`, "\x00", "a\x00b", "a\x00\\..\\x", "\x01", "a\x1F", `a\\b`, `a\\..\\b`,
	"a:b", "a:b:$DATA", "a::$INDEX_ALLOCATION", ":$DATA", "::$DATA", "..::$DATA", `a\..::$DATA`, `C:\x`, "C:x", "C:", `\\?\C:\x`, `\??\C:\x`,
	"a*", "a?", "a<", "a>", `a"`, "a|b", "*", "?", strings.Repeat("x", 256), strings.Repeat(`x\`, 20000) + "x",
	"...\\..", ".. ", "..\u2028", "..\u200b\\x", "\uFF0E\uFF0E\\x", "\u2024\u2024\\x", "a\uFF0Fb", "a\uFF3Cb", "\uFEFF..", " ..\\x",
	"CON", "NUL", "a.", "a ", "a...", "@GMT-2026.01.01-00.00.00", `@GMT-2026.01.01-00.00.00\x`,
}

// strict fails the test when the backend sees a name that it shouldn't.
func strict(t testing.TB, inner vfs.FS) vfs.FS {
	return faultfs.New(inner, func(op faultfs.Op) error {
		for _, name := range []string{op.Name, op.NewName} {
			if name == "" && op.Kind != faultfs.Volume && op.Name == "" || name == "" {
				continue
			}
			bad := !fs.ValidPath(name) || strings.ContainsAny(name, "\\:*?<>|\"\x00\x01\x1F")
			for _, elem := range strings.Split(name, "/") {
				bad = bad || elem == ".." || elem == "." && name != "."
			}
			if bad {
				t.Errorf("the backend got %v of %q", op.Kind, name)
			}
		}
		return nil
	})
}

func TestHostileNames(t *testing.T) {
	outside := t.TempDir()
	inside := filepath.Join(outside, "share")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "x"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := osfs.New(inside, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, fsys := range map[string]vfs.FS{"osfs": dir, "memfs": &memfs.FS{}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: strict(t, fsys)} })
			mkdir(t, fsys, "a")
			c := r.logon(smb.Dialect311)
			src := r.open(c, "src")
			for _, name := range hostileNames {
				for _, opt := range []smb2.CreateOptions{0, smb2.OptionDirectoryFile} {
					for _, disp := range []smb2.Disposition{smb2.Open, smb2.OpenIf, smb2.OverwriteIf} {
						req := smbtest.CreateReq(name, disp)
						req.Options = opt
						resp, st := c.Create(req)
						if st == ok {
							c.CloseFile(resp.FileID)
						}
					}
				}
				c.SetInfo(src, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: name, ReplaceIfExists: true})
				c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: src, Class: smb2.ClassFileNamesInformation, OutputLength: 4096, Pattern: name})
				other := r.open(c, "other")
				c.Rename(other, name, true)
				c.CloseFile(other)
				c.TreeConnect(name)
				r.tree(c, "s")
				src = r.open(c, "src")
			}
			root := r.open(c, "")
			for _, name := range hostileNames {
				c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: root, Class: smb2.ClassFileNamesInformation, OutputLength: 65536, Pattern: name, Flags: smb2.Reopen})
			}
			alive(t, c)
		})
	}
	// Nothing was made or changed beside the share.
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 2 {
		t.Errorf("outside of the share: %v, %v", entries, err)
	}
	if b, _ := os.ReadFile(filepath.Join(outside, "x")); string(b) != "secret" {
		t.Errorf("a file outside changed: %q", b)
	}
}

// IPC$ has no file system.
func TestHostilePipeNames(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	r.tree(c, "IPC$")
	for _, name := range append(hostileNames, `..\..\etc\passwd`, "srvsvc/../x", `PIPE\..\x`, "/etc/passwd") {
		if _, st := c.Create(smbtest.CreateReq(name, smb2.OpenIf)); !st.IsError() {
			t.Errorf("%q opened on IPC$", name)
		}
	}
	alive(t, c)
}

func TestParseName(t *testing.T) {
	for _, tt := range []struct {
		in, out  string
		trailing bool
		bad      bool
	}{
		{in: "", out: "."}, {in: "a", out: "a"}, {in: `a\b`, out: "a/b"}, {in: `a\`, out: "a", trailing: true},
		{in: `a::$DATA`, out: "a"}, {in: `a\b::$data`, out: "a/b"}, {in: "...", out: "..."}, {in: "ü", out: "ü"},
		{in: `\a`, bad: true}, {in: "..", bad: true}, {in: `a\..`, bad: true}, {in: "a:b", bad: true}, {in: "a/b", bad: true},
		{in: `a\\b`, bad: true}, {in: ".", bad: true}, {in: "a\xFF", bad: true}, {in: `\`, bad: true}, {in: "::$DATA", bad: true},
		{in: strings.Repeat(`a\`, 511) + "a", out: strings.Repeat("a/", 511) + "a"}, {in: strings.Repeat(`a\`, 512) + "a", bad: true},
	} {
		out, trailing, err := smb.ParseName(tt.in)
		if (err != nil) != tt.bad || err == nil && (out != tt.out || trailing != tt.trailing) {
			t.Errorf("%q: %q, %v, %v", tt.in, out, trailing, err)
		}
	}
}

func TestResolveDots(t *testing.T) {
	const (
		above   = smb2.StatusObjectPathSyntaxBad
		param   = smb2.StatusInvalidParameter
		invalid = smb2.StatusObjectNameInvalid
	)
	for _, tt := range []struct {
		in, out string
		err     error
	}{
		{"", "", nil}, {"a", "a", nil}, {`a\b\`, `a\b\`, nil}, {"...", "...", nil}, {`a..\..b`, `a..\..b`, nil},
		{".", "", nil}, {`a\.`, "a", nil}, {`.\a`, "a", nil}, {`a\.\b`, `a\b`, nil}, {`a\..`, "", nil}, {`a\..\`, "", nil},
		{`a\b\..`, "a", nil}, {`a\b\..\`, `a\`, nil}, {`a\b\..\c`, `a\c`, nil}, {`a\b\..\..`, "", nil}, {`a\b\..\..\c`, "c", nil},
		{"..", "", above}, {`..\a`, "", above}, {`a\b\..\..\..\c`, "", above}, {`.\..`, "", above}, {`..\..\..`, "", above},
		{`a\..\b`, "", param},
		{`a\b\..\\c`, "", invalid}, {`a:\..`, "", invalid}, {`\..`, "", invalid}, {`a\b/..\..`, "", invalid}, {`\\..`, "", invalid},
	} {
		out, err := smb.ResolveDots(tt.in)
		if out != tt.out || err != tt.err && (err == nil || tt.err == nil || err.Error() != tt.err.Error()) {
			t.Errorf("%q: %q, %v, want %q, %v", tt.in, out, err, tt.out, tt.err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		out, _, err := smb.ParseName(name)
		if resolved, rerr := smb.ResolveDots(name); rerr == nil {
			// The result goes where the name goes, and nowhere else.
			got, _, gerr := smb.ParseName(resolved)
			if err == nil && got != out {
				t.Errorf("%q became %q, resolved %q", name, out, got)
			}
			if gerr == nil && got != path.Clean(strings.ReplaceAll(resolved, `\`, "/")) && !strings.Contains(resolved, ":") {
				t.Errorf("%q resolved is %q", name, got)
			}
			if gerr == nil && (!fs.ValidPath(got) || strings.ContainsAny(got, "\\:\x00")) {
				t.Errorf("%q resolved became %q", name, got)
			}
		}
		if err != nil {
			return
		}
		if !fs.ValidPath(out) || strings.ContainsAny(out, "\\:\x00") {
			t.Errorf("%q became %q", name, out)
		}
	})
}

func TestRename(t *testing.T) {
	const (
		collision = smb2.StatusObjectNameCollision
		denied    = smb2.StatusAccessDenied
		syntax    = smb2.StatusObjectNameInvalid
	)
	for _, tt := range []struct {
		name     string
		from, to string
		replace  bool
		hold     string // is open meanwhile
		want     smb2.Status
	}{
		{"plain", "f", "new", false, "", ok},
		{"to itself", "f", "f", false, "", ok},
		{"case only", "f", "F", false, "", ok},
		{"into a directory", "f", `d\f`, false, "", ok},
		{"over a file", "f", "g", false, "", collision},
		{"over a file, replacing", "f", "g", true, "", ok},
		{"over an open file", "f", "g", true, "g", denied},
		{"over a directory", "f", "d", false, "", collision},
		{"over a directory, replacing", "f", "d", true, "", denied},
		{"missing directory", "f", `no\f`, false, "", smb2.StatusObjectPathNotFound},
		{"to nothing", "f", "", false, "", syntax},
		{"directory", "d", "e", false, "", ok},
		{"directory over an empty one, replacing", "d", "empty", true, "", denied},
		{"directory over one that isn't, replacing", "d", "full", true, "", smb2.StatusDirectoryNotEmpty},
		{"directory below itself", "d", `d\sub\x`, false, "", smb2.StatusInvalidParameter},
		{"directory with an open file", "d", "e", false, `d\x`, denied},
		{"the root", "", "e", false, "", denied},
		{"one character", "f", "q", false, "", ok},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			put(t, r.fs, "f", "fff")
			put(t, r.fs, "g", "ggg")
			mkdir(t, r.fs, "d")
			mkdir(t, r.fs, "d/sub")
			put(t, r.fs, "d/x", "x")
			mkdir(t, r.fs, "empty")
			mkdir(t, r.fs, "full")
			put(t, r.fs, "full/x", "x")
			before := dump(t, r.fs)
			c := r.logon(smb.Dialect311)
			if tt.hold != "" {
				req := smbtest.CreateReq(tt.hold, smb2.Open)
				req.DesiredAccess = uint32(vfs.ReadData)
				r.create(c, req)
			}
			id := r.open(c, tt.from)
			want(t, "rename", c.Rename(id, tt.to, tt.replace), tt.want)
			after := dump(t, r.fs)
			if tt.want != ok && after != before {
				t.Errorf("a failed rename changed something:\n%s", after)
			}
			if tt.want == ok && tt.from != tt.to {
				_, st := c.Create(smbtest.CreateReq(tt.to, smb2.Open))
				want(t, "CREATE of the new name", st, ok)
				if !strings.EqualFold(tt.from, tt.to) {
					_, st = c.Create(smbtest.CreateReq(tt.from, smb2.Open))
					want(t, "CREATE of the old name", st, smb2.StatusObjectNameNotFound)
				}
			}
			// The handle goes on working, and closes.
			want(t, "CLOSE", c.CloseFile(id), ok)
		})
	}
}

// Word renames a file while Explorer has its directory open.
func TestRenameInAnOpenDirectory(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	put(t, r.fs, "d/f", "x")
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("d", smb2.Open)
	req.DesiredAccess, req.ShareAccess = 0x00100080, 0
	r.create(c, req)
	id := r.open(c, `d\f`)
	want(t, "rename", c.Rename(id, `d\g`, false), ok)
}

func TestLink(t *testing.T) {
	r := newRig(t, nil)
	put(t, r.fs, "f", "fff")
	put(t, r.fs, "g", "ggg")
	mkdir(t, r.fs, "d")
	c := r.logon(smb.Dialect311)
	link := func(id smb2.FileID, to string, replace bool) smb2.Status {
		return c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: to, ReplaceIfExists: replace})
	}
	id := r.open(c, "f")
	want(t, "link", link(id, "h", false), ok)
	want(t, "link over a file", link(id, "g", false), smb2.StatusObjectNameCollision)
	want(t, "link over a file, replacing", link(id, "g", true), ok)
	want(t, "link over a directory", link(id, "d", true), smb2.StatusAccessDenied)
	d := r.open(c, "d")
	want(t, "link of a directory", link(d, "e", false), smb2.StatusFileIsADirectory)
	want(t, "link named from the root", link(id, `\d\h2`, false), ok)
	want(t, "link named from above", link(id, `\\d\h3`, false), smb2.StatusInvalidParameter)
	want(t, "link without a name", link(id, `\`, false), smb2.StatusObjectNameInvalid)
	want(t, "open what a link names", c.CloseFile(r.create(c, smbtest.CreateReq(`d\h2`, smb2.Open))), ok)
	// Locks and share modes meet over both names.
	h := r.open(c, "h")
	want(t, "LOCK", c.Lock(id, 0, 1, exclusiveNow), ok)
	want(t, "LOCK by the other name", c.Lock(h, 0, 1, exclusiveNow), smb2.StatusLockNotGranted)
}

// A link whose file was renamed while it waited for the name is one of that file, whatever is done to the new name.
func TestLinkOfRenamed(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "a", "right")
	put(t, r.fs, "g", "wrong")
	x, y, z := r.logon(smb.Dialect311), r.logon(smb.Dialect311), r.logon(smb.Dialect311)
	a, same, g := r.open(x, "a"), r.open(y, "a"), r.open(z, "g")
	renaming, rename, renamed, swapped := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	var first, link sync.Once
	hook := faultfs.Hook(func(op faultfs.Op) error {
		switch op.Kind {
		case faultfs.Rename:
			first.Do(func() { close(renaming); <-rename })
		case faultfs.Link:
			link.Do(func() {
				go func() {
					defer close(swapped)
					<-renamed
					want(t, "rename of b to c", x.Rename(a, "c", false), ok)
					want(t, "rename of g to b", z.Rename(g, "b", false), ok)
				}()
				select {
				case <-swapped:
				case <-time.After(100 * time.Millisecond): // they wait for the link
				}
			})
		}
		return nil
	})
	r.hook.Store(&hook)
	var wg sync.WaitGroup
	wg.Go(func() { want(t, "rename of a to b", x.Rename(a, "b", false), ok); close(renamed) })
	<-renaming
	wg.Go(func() {
		st := y.SetInfo(same, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{FileName: "t"})
		want(t, "link", st, ok)
	})
	time.Sleep(20 * time.Millisecond)
	close(rename)
	wg.Wait()
	<-swapped
	if got := content(t, r.fs, "t"); got != "right" {
		t.Errorf("the link is of the file with %q", got)
	}
}

// No directory is read for a missing name that can't be a short one.
func TestMissingTilde(t *testing.T) {
	r := newFaulty(t)
	put(t, r.fs, "a long file name.text", "")
	c := r.logon(smb.Dialect311)
	var read atomic.Int32
	hook := faultfs.Hook(func(op faultfs.Op) error {
		if op.Kind == faultfs.ReadDir {
			read.Add(1)
		}
		return nil
	})
	r.hook.Store(&hook)
	for _, name := range []string{"backup~", "~$doc.doc", "longna~1.txt", "~tmp.x"} {
		_, st := c.Create(smbtest.CreateReq(name, smb2.Open))
		want(t, name, st, notFound)
	}
	if n := read.Load(); n != 0 {
		t.Errorf("read %d times", n)
	}
}

// Who opens or replaces a file by its short name keeps others from its long one meanwhile.
func TestShortNameClaims(t *testing.T) {
	const long = "a long file name.text"
	// during has other done during the first operation of that kind on the file, which it may wait for.
	during := func(r *faulty, kind faultfs.Kind, other func()) (wait func()) {
		done := make(chan struct{})
		var begun atomic.Bool
		hook := faultfs.Hook(func(op faultfs.Op) error {
			if op.Kind == kind && (op.Name == long || kind == faultfs.Rename) && begun.CompareAndSwap(false, true) {
				go func() { defer close(done); other() }()
				select {
				case <-done:
				case <-time.After(100 * time.Millisecond):
				}
			}
			return nil
		})
		r.hook.Store(&hook)
		return func() { <-done }
	}
	t.Run("open", func(t *testing.T) {
		r := newFaulty(t)
		put(t, r.fs, long, "old")
		a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		held := r.open(b, long)
		short := fileInfo(t, b, held, smb2.ClassFileAlternateNameInformation, smb2.ParseFileNameInformation).FileName
		wait := during(r, faultfs.Stat, func() {
			want(t, "rename", b.Rename(held, "renamed", false), ok)
			id := r.create(b, smbtest.CreateReq(long, smb2.Create))
			write(t, b, id, "new")
			want(t, "CLOSE", b.CloseFile(id), ok)
		})
		id := r.create(a, deleting(short))
		wait()
		want(t, "CLOSE", a.CloseFile(id), ok)
		want(t, "CLOSE", b.CloseFile(held), ok)
		if got := dump(t, r.fs); strings.Contains(got, "old") || !strings.Contains(got, "new") {
			t.Errorf("there is\n%s", got)
		}
	})
	t.Run("replace", func(t *testing.T) {
		r := newFaulty(t)
		put(t, r.fs, long, "old")
		put(t, r.fs, "tmp", "new")
		a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		id := r.open(b, long)
		short := fileInfo(t, b, id, smb2.ClassFileAlternateNameInformation, smb2.ParseFileNameInformation).FileName
		want(t, "CLOSE", b.CloseFile(id), ok)
		tmp := r.open(a, "tmp")
		wait := during(r, faultfs.Rename, func() { id = r.open(b, long) })
		want(t, "rename", a.Rename(tmp, short, true), ok)
		wait()
		wantRead(t, b, id, "new")
	})
	t.Run("make again", func(t *testing.T) {
		r := newFaulty(t)
		put(t, r.fs, long, "old")
		a, b := r.logon(smb.Dialect311), r.logon(smb.Dialect311)
		id := r.open(b, long)
		short := fileInfo(t, b, id, smb2.ClassFileAlternateNameInformation, smb2.ParseFileNameInformation).FileName
		want(t, "CLOSE", b.CloseFile(id), ok)
		want(t, "CLOSE by the short name", a.CloseFile(r.create(a, deleting(short))), ok)
		var made smb2.CreateResponse
		wait := during(r, faultfs.Create, func() {
			var st smb2.Status
			made, st = b.Create(smbtest.CreateReq(long, smb2.OpenIf))
			want(t, "CREATE by the long name", st, ok)
		})
		r.create(a, smbtest.CreateReq(short, smb2.Create))
		wait()
		if made.Action != smb2.ActionOpened {
			t.Errorf("the other was told that it was %d", made.Action)
		}
	})
}

// Renames, creates and deletes of the same names at once: in the end the tables
// and the backend agree.
func TestNamesInParallel(t *testing.T) {
	r := newRig(t, nil)
	mkdir(t, r.fs, "d")
	var wg sync.WaitGroup
	for i := range 4 {
		c := r.logon(smb.Dialect311)
		wg.Add(1)
		go func() {
			defer wg.Done()
			names := []string{"a", "b", `d\a`, `d\b`}
			for j := range 150 {
				n := names[(i+j)%4]
				req := smbtest.CreateReq(n, []smb2.Disposition{smb2.OpenIf, smb2.OverwriteIf, smb2.Create}[j%3])
				if j%5 == 0 {
					req.Options = smb2.OptionDeleteOnClose
				}
				resp, st := c.Create(req)
				if st != ok {
					continue
				}
				switch j % 4 {
				case 0:
					c.Rename(resp.FileID, names[(i+2*j)%4], true)
				case 1:
					c.Delete(resp.FileID, true)
				}
				c.CloseFile(resp.FileID)
			}
		}()
	}
	wg.Wait()
	c := r.logon(smb.Dialect311)
	for _, n := range []string{"a", "b", `d\a`, `d\b`} {
		req := smbtest.CreateReq(n, smb2.OpenIf)
		req.ShareAccess, req.Options = 0, smb2.OptionDeleteOnClose
		want(t, "CLOSE", c.CloseFile(r.create(c, req)), ok)
	}
	if got := dump(t, r.fs); got != "d/\n" {
		t.Errorf("left:\n%s", got)
	}
}

// A file system without any optional method can still be read.
type bare struct{ inner vfs.FS }

func (b bare) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	f, err := b.inner.Open(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return bareFile{f}, nil
}

type bareFile struct{ f vfs.File }

func (b bareFile) Stat(ctx context.Context) (vfs.Attr, error) { return b.f.Stat(ctx) }
func (b bareFile) Close() error                               { return b.f.Close() }

func TestBareBackend(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: bare{s.Shares.(smb.Shares)["s"].FS}}
	})
	put(t, r.fs, "f", "hello")
	before := dump(t, r.fs)
	c := r.logon(smb.Dialect311)
	for _, a := range []vfs.Access{vfs.AccessReadOnly, vfs.MaximumAllowed} {
		req := smbtest.CreateReq("f", smb2.Open)
		req.DesiredAccess = uint32(a)
		id := r.create(c, req)
		for cmd, body := range bodies(id) {
			switch cmd {
			case smb2.CommandNegotiate, smb2.CommandSessionSetup, smb2.CommandLogoff, smb2.CommandTreeDisconnect, smb2.CommandClose, smb2.CommandCancel:
				continue
			}
			c.Do(cmd, body)
		}
		want(t, "CLOSE", c.CloseFile(id), ok)
	}
	unchanged(t, "the share", r.fs, before)
}

// readable is a file system whose files may be removed, but opened for reading only.
type readable struct{ bare }

func (r readable) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	if opt.Access&^vfs.AccessReadOnly != 0 {
		return nil, fs.ErrPermission
	}
	return r.bare.Open(ctx, name, opt)
}

func (r readable) Create(context.Context, string, vfs.CreateOptions) (vfs.File, error) {
	return nil, fs.ErrPermission
}

func (r readable) Remove(ctx context.Context, name string) error {
	return r.inner.(vfs.Remover).Remove(ctx, name)
}

// MAXIMUM_ALLOWED makes do with reading where the backend refuses more, but not when the file is to be deleted.
func TestMaximumReadable(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Shares.(smb.Shares)["s"] = &smb.Share{FS: readable{bare{s.Shares.(smb.Shares)["s"].FS}}}
	})
	put(t, r.fs, "f", "hello")
	before := dump(t, r.fs)
	c := r.logon(smb.Dialect311)
	want(t, "CREATE", dispose(c, "f", smb2.Open, vfs.MaximumAllowed, 0), ok)
	want(t, "CREATE with DELETE_ON_CLOSE", dispose(c, "f", smb2.Open, vfs.MaximumAllowed, smb2.OptionDeleteOnClose), smb2.StatusAccessDenied)
	unchanged(t, "the share", r.fs, before)
}

// Of files whose names differ in case only, the one is meant that is spelled as the client says.
func TestTwins(t *testing.T) {
	memory := func(t *testing.T) vfs.FS { return &memfs.FS{CaseSensitive: true} }
	disk := func(t *testing.T) vfs.FS { return osDir(t) }
	spellings := []string{"foo", "FOO", "Foo"}
	take := map[string]func(c *smbtest.Client, id smb2.FileID, name string) smb2.Status{
		"rename": func(c *smbtest.Client, id smb2.FileID, name string) smb2.Status { return c.Rename(id, name, true) },
		"link": func(c *smbtest.Client, id smb2.FileID, name string) smb2.Status {
			return c.SetInfo(id, smb2.ClassFileLinkInformation, smb2.FileLinkInformation{ReplaceIfExists: true, FileName: name})
		},
	}
	for backend, open := range map[string]func(*testing.T) vfs.FS{"memory": memory, "disk": disk} {
		for what, take := range take {
			for _, name := range spellings {
				t.Run(backend+" "+what+" "+name, func(t *testing.T) {
					fsys := open(t)
					if v, err := fsys.(vfs.Sizer).Volume(context.Background()); err != nil || !v.CaseSensitive {
						t.Skip("the backend doesn't tell case apart")
					}
					r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
					c := r.logon(smb.Dialect311)
					c.CloseFile(r.open(c, "other")) // what is in the root is known now, and what comes next isn't
					for _, n := range spellings {
						mkdir(t, fsys, n+".dir")
						put(t, fsys, n+".dir/"+n, "old "+n)
					}
					mkdir(t, fsys, "d")
					c.CloseFile(r.open(c, `d\other`))
					for _, n := range spellings {
						put(t, fsys, "d/"+n, "old "+n)
					}
					put(t, fsys, "tmp", "new")
					wantRead(t, c, r.open(c, name+`.dir\`+name), "old "+name)
					dir := r.open(c, "d")
					list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
						FileID: dir, Class: smb2.ClassFileNamesInformation, OutputLength: 4096, Pattern: name,
					})
					want(t, "listing of one name", st, ok)
					if got := names(list); len(got) != 1 || got[0] != name {
						t.Errorf("listing of one name: %q", got)
					}
					c.CloseFile(dir)
					id := r.open(c, "tmp")
					want(t, what, take(c, id, `d\`+name), ok)
					c.CloseFile(id)
					for _, n := range spellings {
						expect := "old " + n
						if n == name {
							expect = "new"
						}
						if got := content(t, fsys, "d/"+n); got != expect {
							t.Errorf("%s has %q", n, got)
						}
					}
				})
			}
		}
	}
}

// folding is a file system that folds names and says that it doesn't, as osfs does where a
// directory of ext4 folds, or exFAT is mounted.
type folding struct{ fs *memfs.FS }

func (f folding) Open(ctx context.Context, name string, opt vfs.OpenOptions) (vfs.File, error) {
	return f.fs.Open(ctx, name, opt)
}

func (f folding) Volume(ctx context.Context) (vfs.Volume, error) {
	v, err := f.fs.Volume(ctx)
	v.CaseSensitive = true
	return v, err
}

// Who asks for one name is told how it is spelled.
func TestListOneFolded(t *testing.T) {
	fsys := &memfs.FS{}
	put(t, fsys, "Readme.txt", "")
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: folding{fsys}}} })
	c := r.logon(smb.Dialect311)
	req := smbtest.CreateReq("", smb2.Open)
	req.DesiredAccess = uint32(vfs.ListDirectory | vfs.ReadAttributes | vfs.Synchronize)
	list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: r.create(c, req), Class: smb2.ClassFileNamesInformation, Pattern: "README.TXT", OutputLength: 4096})
	want(t, "QUERY_DIRECTORY", st, ok)
	if len(list) != 1 || list[0].Name != "Readme.txt" {
		t.Errorf("listed %+v", list)
	}
}

// Letters that are their own capitals on NTFS are no spellings of those that Unicode makes of them.
func TestLettersOfTheirOwn(t *testing.T) {
	for _, backend := range []string{"memory", "disk"} {
		for _, pair := range [][2]string{{"sik.txt", "sık.txt"}, {"10μF", "10µF"}, {"Wachstube", "Wachſtube"}} {
			t.Run(backend+" "+pair[1], func(t *testing.T) {
				var fsys vfs.FS = &memfs.FS{CaseSensitive: true}
				if backend == "disk" {
					fsys = osDir(t)
				}
				r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: fsys}} })
				put(t, fsys, pair[0], "precious")
				c := r.logon(smb.Dialect311)
				req := smbtest.CreateReq(pair[1], smb2.Open)
				req.Options = smb2.OptionDeleteOnClose
				_, st := c.Create(req)
				want(t, "CREATE to delete", st, smb2.StatusObjectNameNotFound)
				resp, st := c.Create(smbtest.CreateReq(pair[1], smb2.OverwriteIf))
				want(t, "CREATE to overwrite", st, ok)
				if resp.Action != smb2.ActionCreated {
					t.Errorf("action %d, want created", resp.Action)
				}
				want(t, "CLOSE", c.CloseFile(resp.FileID), ok)
				if got := content(t, fsys, pair[0]); got != "precious" {
					t.Errorf("%s has %q", pair[0], got)
				}
				for _, same := range [][2]string{{"ος", "ΟΣ"}, {"ÿ", "Ÿ"}, {"ö", "Ö"}, {"я", "Я"}} {
					want(t, same[0], c.CloseFile(r.create(c, smbtest.CreateReq(same[0], smb2.Create))), ok)
					want(t, same[1], c.CloseFile(r.create(c, smbtest.CreateReq(same[1], smb2.Open))), ok)
				}
			})
		}
	}
}

// A rename between spellings that the backend, but not the server, takes for one.
func TestRenameOtherFolding(t *testing.T) {
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	for _, x := range [][2]string{{"5\u00b5m", "5\u03bcm"}, {"stra\u00dfe", "stra\u1e9ee"}, {"k", "\u212a"}} {
		put(t, r.fs, x[0], "x")
		id := r.open(c, x[0])
		st := c.Rename(id, x[1], false)
		c.CloseFile(id)
		left := dump(t, r.fs)
		if st == ok && !strings.Contains(left, x[1]+" ") {
			t.Errorf("rename of %q to %q: %v, and there is %s", x[0], x[1], st, left)
		}
	}
}
