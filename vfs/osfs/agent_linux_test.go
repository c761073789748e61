package osfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// Users of the tests below; the numbers are nobody's.
var (
	alice = &vfs.Caller{Name: "alice", Unix: &vfs.UnixUser{UID: 44001, GID: 44001, Groups: []uint32{44004}}}
	bob   = &vfs.Caller{Name: "bob", Unix: &vfs.UnixUser{UID: 44002, GID: 44002, Groups: []uint32{team, 44003}}}
)

const team = 45000

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// alices is a directory with what belongs to alice, and the same seen by the process.
func alices(t testing.TB) (dir string, f *FS) {
	t.Helper()
	needRoot(t)
	dir = t.TempDir()
	own := int(alice.Unix.UID)
	check(t, os.Chmod(dir, 0o755))
	for _, o := range []struct {
		name string
		mode fs.FileMode
	}{
		{"secret", 0o600},
		{"private/", 0o700}, {"private/file", 0o666},
		{"open/", 0o755}, {"open/file", 0o644}, {"open/link", 0o644}, {"open/empty/", 0o755},
		{"listed/", 0o744}, {"listed/file", 0o666},
		{"sticky/", 0o777 | fs.ModeSticky}, {"sticky/file", 0o644},
		{"all/", 0o777}, {"all/file", 0o666},
	} {
		name := filepath.Join(dir, o.name)
		if strings.HasSuffix(o.name, "/") {
			check(t, os.Mkdir(name, 0o700))
		} else {
			check(t, os.WriteFile(name, []byte("content"), 0o600))
		}
		check(t, os.Chown(name, own, own))
		check(t, os.Chmod(name, o.mode))
	}
	f = newFSAt(t, dir, &Options{RunAs: RunAsCaller, Symlinks: ShowSymlinks, SecurityFromMode: true, Chown: true})
	asAlice := vfs.WithCaller(t.Context(), alice)
	for _, name := range []string{"secret", "open/file"} {
		h := opened(t, asAlice, f, name, vfs.AccessFull)
		s, err := h.OpenStream(asAlice, "s", vfs.StreamOptions{Create: true, OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}})
		check(t, err)
		check(t, s.Close())
		check(t, h.SetXattrs(asAlice, []vfs.Xattr{{Name: "a", Value: []byte("v")}}))
		check(t, h.Close())
	}
	check(t, f.Symlink(asAlice, "file", "private/symlink", false))
	return dir, f
}

func opened(t testing.TB, ctx context.Context, f *FS, name string, access vfs.Access) *File {
	t.Helper()
	h, err := f.Open(ctx, name, vfs.OpenOptions{Access: access})
	check(t, err)
	return h.(*File)
}

// snapshotOf describes all that is in a directory.
func snapshotOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		check(t, err)
		var st status
		check(t, st.at(unix.AT_FDCWD, name))
		st.atime = time.Time{}
		fmt.Fprintf(&b, "%s %+v\n", name, st)
		return nil
	})
	check(t, err)
	return b.String()
}

// agentOps are operations that take a permission which alice has and bob hasn't.
var agentOps = map[string]func(ctx context.Context, f *FS) error{
	"read":                     opens("secret", vfs.ReadData),
	"execute":                  opens("secret", vfs.Execute),
	"write":                    opens("secret", vfs.WriteData),
	"append":                   opens("secret", vfs.AppendData),
	"write what can be read":   opens("open/file", vfs.WriteData),
	"list":                     opens("private", vfs.ListDirectory),
	"read in private":          opens("private/file", vfs.ReadData),
	"attributes in private":    opens("private/file", vfs.ReadAttributes),
	"descriptor in private":    opens("private/file", vfs.ReadControl),
	"create":                   creates("open/new", vfs.CreateOptions{}),
	"create in private":        creates("private/new", vfs.CreateOptions{}),
	"create directory":         creates("open/new", vfs.CreateOptions{Directory: true}),
	"create with descriptor":   creates("open/new", vfs.CreateOptions{Security: &closed}),
	"create directory with it": creates("open/new", vfs.CreateOptions{Security: &closed, Directory: true}),
	"remove":                   func(ctx context.Context, f *FS) error { return f.Remove(ctx, "open/file") },
	"remove directory":         func(ctx context.Context, f *FS) error { return f.Remove(ctx, "open/empty") },
	"remove in private":        func(ctx context.Context, f *FS) error { return f.Remove(ctx, "private/file") },
	"remove in sticky":         func(ctx context.Context, f *FS) error { return f.Remove(ctx, "sticky/file") },
	"rename":                   renames("open/file", "open/other", false),
	"rename over":              renames("open/file", "open/link", true),
	"rename in sticky":         renames("sticky/file", "sticky/other", false),
	"rename out":               renames("open/file", "all/other", false),
	"rename in":                renames("all/file", "open/other", false),
	"rename directory":         renames("open/empty", "all/empty", false),
	"link":                     func(ctx context.Context, f *FS) error { return f.Link(ctx, "all/file", "open/other", false) },
	"link over":                func(ctx context.Context, f *FS) error { return f.Link(ctx, "all/file", "open/link", true) },
	"link from private":        func(ctx context.Context, f *FS) error { return f.Link(ctx, "private/file", "all/other", false) },
	"symlink":                  func(ctx context.Context, f *FS) error { return f.Symlink(ctx, "file", "open/other", false) },
	"symlink over":             func(ctx context.Context, f *FS) error { return f.Symlink(ctx, "file", "open/link", true) },
	"readlink":                 func(ctx context.Context, f *FS) error { _, err := f.Readlink(ctx, "private/symlink"); return err },
	"list without search":      onFile("listed", vfs.ListDirectory, lists),
	"times":                    sets(vfs.AttrChange{Written: time.Unix(1e9, 0)}),
	"creation time":            sets(vfs.AttrChange{Created: time.Unix(1e9, 0)}),
	"attributes":               sets(vfs.AttrChange{Attributes: vfs.AttrHidden}),
	"chmod":                    onFile("open/file", vfs.WriteDAC, func(_ context.Context, h *File) error { return h.Chmod(0o666) }),
	"chgrp":                    onFile("open/file", vfs.WriteOwner, func(_ context.Context, h *File) error { return h.Chown(-1, int(alice.Unix.Groups[0])) }),
	"set descriptor":           onFile("open/file", vfs.WriteDAC, func(ctx context.Context, h *File) error { return h.SetSecurity(ctx, closed) }),
	"read extended attributes": onFile("secret", vfs.ReadEA, func(ctx context.Context, h *File) error { _, err := h.Xattrs(ctx); return err }),
	"set extended attributes":  onFile("open/file", vfs.WriteEA, setsXattr("a")),
	"read stream":              onFile("secret", vfs.ReadAttributes, opensStream("s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData}})),
	"write stream":             onFile("open/file", vfs.ReadAttributes, opensStream("s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.WriteData}})),
	"create stream":            onFile("open/file", vfs.ReadAttributes, opensStream("new", vfs.StreamOptions{Create: true})),
	"remove stream":            onFile("open/file", vfs.Delete, func(ctx context.Context, h *File) error { return h.RemoveStream(ctx, "s") }),
	"rename stream":            onFile("open/file", vfs.Delete, func(ctx context.Context, h *File) error { return h.RenameStream(ctx, "s", "t", false) }),
	"make a reparse point":     onFile("open/file", vfs.WriteAttributes, setsReparse),
	"unmake a reparse point":   onFile("open/file", vfs.WriteAttributes, func(ctx context.Context, h *File) error { return h.RemoveReparsePoint(ctx) }),
	"make sparse":              onFile("open/file", vfs.WriteAttributes, func(ctx context.Context, h *File) error { return h.SetSparse(ctx, true) }),
	"compress":                 onFile("open/file", vfs.WriteAttributes, func(ctx context.Context, h *File) error { return h.SetCompressed(ctx, true) }),
}

func opens(name string, access vfs.Access) func(context.Context, *FS) error {
	return onFile(name, access, func(context.Context, *File) error { return nil })
}

func onFile(name string, access vfs.Access, act func(context.Context, *File) error) func(context.Context, *FS) error {
	return func(ctx context.Context, f *FS) error {
		h, err := f.Open(ctx, name, vfs.OpenOptions{Access: access})
		if err != nil {
			return err
		}
		defer h.Close()
		return act(ctx, h.(*File))
	}
}

func creates(name string, opt vfs.CreateOptions) func(context.Context, *FS) error {
	return func(ctx context.Context, f *FS) error {
		h, err := f.Create(ctx, name, opt)
		if err != nil {
			return err
		}
		return h.Close()
	}
}

func renames(from, to string, replace bool) func(context.Context, *FS) error {
	return func(ctx context.Context, f *FS) error { return f.Rename(ctx, from, to, replace) }
}

func sets(c vfs.AttrChange) func(context.Context, *FS) error {
	return onFile("open/file", vfs.WriteAttributes, func(ctx context.Context, h *File) error { return h.SetAttr(ctx, c) })
}

func setsXattr(name string) func(context.Context, *File) error {
	return func(ctx context.Context, h *File) error {
		return h.SetXattrs(ctx, []vfs.Xattr{{Name: name, Value: []byte("w")}})
	}
}

func opensStream(name string, opt vfs.StreamOptions) func(context.Context, *File) error {
	return func(ctx context.Context, h *File) error {
		s, err := h.OpenStream(ctx, name, opt)
		if err != nil {
			return err
		}
		return s.Close()
	}
}

func setsReparse(ctx context.Context, h *File) error {
	return h.SetReparsePoint(ctx, vfs.ReparsePoint{Tag: vfs.TagSymlink, Data: []byte("data")})
}

func lists(ctx context.Context, h *File) error {
	for _, err := range h.ReadDir(ctx) {
		return err
	}
	return nil
}

// TestRunAs has each operation refused to who has no permission, though the process is
// root, and to who is nobody; and checks that it isn't to who has.
func TestRunAs(t *testing.T) {
	callers := map[string]*vfs.Caller{
		"bob": bob, "nobody": nil, "unmapped": {Name: "alice", SID: vfs.SIDAdministrators},
		"root": {Unix: &vfs.UnixUser{}}, "no change": {Unix: &vfs.UnixUser{UID: 1<<32 - 1, GID: 1}},
	}
	for name, act := range agentOps {
		t.Run(name, func(t *testing.T) {
			dir, f := alices(t)
			before := snapshotOf(t, dir)
			for who, c := range callers {
				if err := act(vfs.WithCaller(t.Context(), c), f); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("as %s: %v, want fs.ErrPermission", who, err)
				}
			}
			if after := snapshotOf(t, dir); after != before {
				t.Errorf("something was changed:\n%s\nwas\n%s", after, before)
			}
			err := act(vfs.WithCaller(t.Context(), alice), f)
			if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, vfs.ErrNotReparsePoint) {
				t.Errorf("as alice: %v", err)
			}
		})
	}
}

// TestRunAsSystem: the server sees everything.
func TestRunAsSystem(t *testing.T) {
	_, f := alices(t)
	for _, name := range []string{"read", "attributes in private", "readlink"} {
		if err := agentOps[name](vfs.WithCaller(t.Context(), vfs.SystemCaller()), f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRunAsFS runs all tests of a backend as a user.
func TestRunAsFS(t *testing.T) {
	needRoot(t)
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		dir := t.TempDir()
		check(t, os.Chown(dir, int(alice.Unix.UID), int(alice.Unix.GID)))
		return newFSAt(t, dir, &Options{RunAs: RunAsUser(*alice.Unix), Symlinks: ShowSymlinks, SecurityFromMode: true})
	})
}

// TestRunAsOwner: what a user makes is his, and his group's or, in a set-group-ID
// directory, that directory's.
func TestRunAsOwner(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	check(t, os.Chmod(dir, 0o777))
	check(t, os.Mkdir(filepath.Join(dir, "team"), 0o700))
	check(t, os.Chown(filepath.Join(dir, "team"), 0, team))
	check(t, os.Chmod(filepath.Join(dir, "team"), 0o770|fs.ModeSetgid))
	if info, err := os.Stat(filepath.Join(dir, "team")); err != nil || info.Mode()&fs.ModeSetgid == 0 {
		t.Skip("needs CAP_FSETID") // to give the bit to a group that isn't its own
	}
	f := newFSAt(t, dir, &Options{RunAs: RunAsCaller, ModeFromSecurity: true})
	ctx := vfs.WithCaller(t.Context(), bob)
	sd := sddl(t, "O:S-1-22-1-44002G:S-1-22-2-44002D:(A;;FA;;;S-1-22-1-44002)")
	for _, at := range []struct {
		dir string
		gid uint32
	}{{"", bob.Unix.GID}, {"team/", team}} {
		for name, opt := range map[string]vfs.CreateOptions{
			"file": {}, "directory": {Directory: true}, "mode": {Mode: 0o444, HasMode: true, OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}},
			"secure": {Security: &sd}, "secure directory": {Security: &sd, Directory: true},
		} {
			opt.Attributes |= vfs.AttrHidden
			h, err := f.Create(ctx, at.dir+name, opt)
			check(t, err)
			a, err := h.Stat(ctx)
			gid := at.gid
			if opt.Security != nil {
				gid = bob.Unix.GID // as the descriptor says
			}
			if err != nil || a.UID != bob.Unix.UID || a.GID != gid || a.Attributes&vfs.AttrHidden == 0 {
				t.Errorf("%s%s: %+v, %v", at.dir, name, a, err)
			}
			if opt.Directory && at.dir != "" && a.Mode&fs.ModeSetgid == 0 && opt.Security == nil {
				t.Errorf("%s%s: mode %v", at.dir, name, a.Mode)
			}
			check(t, h.Close())
		}
	}
	if _, err := f.Open(vfs.WithCaller(t.Context(), alice), "team/file", vfs.OpenOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("alice, who isn't of the team: %v", err)
	}
}

// TestRunAsOpen: what is open stays usable, and who writes a program doesn't get the
// rights of its owner.
func TestRunAsOpen(t *testing.T) {
	dir, f := alices(t)
	ctx := vfs.WithCaller(t.Context(), bob)
	name := filepath.Join(dir, "all/file")
	h := opened(t, ctx, f, "all/file", vfs.AccessRead|vfs.AccessWrite)
	defer h.Close()
	for what, change := range map[string]func() error{
		"write":    func() error { _, err := h.WriteAt([]byte("x"), 0); return err },
		"truncate": func() error { return h.Truncate(3) },
		"punch":    func() error { return h.Punch(ctx, vfs.Range{Len: 2}) },
		"copy":     func() error { _, err := h.CopyRange(ctx, 4, h, 0, 2); return err },
	} {
		check(t, os.WriteFile(name, []byte("content"), 0))
		check(t, os.Chmod(name, 0o755|fs.ModeSetuid))
		check(t, change())
		if info, err := os.Stat(name); err != nil || info.Mode()&fs.ModeSetuid != 0 {
			t.Errorf("%s: mode %v, %v", what, info.Mode(), err)
		}
	}
	check(t, os.Chmod(name, 0))
	if _, err := h.ReadAt(make([]byte, 1), 0); err != nil && err != io.EOF {
		t.Errorf("reading what was open: %v", err)
	}
}

// TestRunAsThreads has many users at work, and then looks at all threads.
func TestRunAsThreads(t *testing.T) {
	_, f := alices(t)
	var wg sync.WaitGroup
	for i := range 8 {
		c := []*vfs.Caller{alice, bob}[i%2]
		wg.Go(func() {
			ctx := vfs.WithCaller(t.Context(), c)
			for range 200 {
				h, err := f.Open(ctx, "secret", vfs.OpenOptions{Access: vfs.ReadData})
				if (err == nil) != (c == alice) {
					t.Errorf("%s: %v", c, err)
				}
				if err == nil {
					h.Close()
				}
			}
		})
	}
	wg.Wait()
	want := identityOf(t, "/proc/thread-self/status")
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	check(t, err)
	for _, task := range tasks {
		if filepath.Base(filepath.Dir(task)) == strconv.Itoa(os.Getpid()) {
			continue // parked, if TestThreadLost came upon it
		}
		if got := identityOf(t, task); got != want && got != "" {
			t.Errorf("%s: %s, want %s", task, got, want)
		}
	}
}

// identityOf returns the lines of a status about who a thread is.
func identityOf(t *testing.T, name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return "" // it ended
	}
	var s string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "Uid:") || strings.HasPrefix(line, "Gid:") || strings.HasPrefix(line, "Groups:") || strings.HasPrefix(line, "CapEff:") {
			s += line
		}
	}
	return s
}

// TestRunAsCapabilities: an agent has none of root's that are about files.
func TestRunAsCapabilities(t *testing.T) {
	_, f := alices(t)
	check(t, f.as(vfs.WithCaller(t.Context(), bob), func() error {
		var now [2]unix.CapUserData
		err := unix.Capget(&capHeader, &now[0])
		if now[0].Effective&fileCaps[0]|now[1].Effective&fileCaps[1] != 0 {
			t.Errorf("capabilities %x", now)
		}
		return err
	}))
}

// TestThreadLost: a thread that can't be made what it was isn't used again, and what
// happens on one happens to the caller.
func TestThreadLost(t *testing.T) {
	needRoot(t)
	for range 20 {
		var tid int
		check(t, onThread(func() error { return nil }, func() error { return errIdentity }, func() error {
			tid = unix.Gettid()
			return unix.Setfsuid(65534)
		}))
		task := fmt.Sprintf("/proc/self/task/%d", tid)
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(task); err != nil || tid == unix.Getpid() { // the main thread is parked
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("thread %d goes on", tid)
			}
		}
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "oops") {
			t.Errorf("panic: %v", p)
		}
	}()
	nothing := func() error { return nil }
	_ = onThread(nothing, nothing, func() error { panic("oops") })
}

func BenchmarkRunAs(b *testing.B) {
	dir, plain := alices(b)
	f := newFSAt(b, dir, nil)
	ctx := vfs.WithCaller(b.Context(), alice)
	for name, f := range map[string]*FS{"process": f, "user": plain} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, err := f.Open(ctx, "open/file", vfs.OpenOptions{Access: vfs.ReadData})
				check(b, err)
				check(b, h.Close())
			}
		})
	}
}

func TestLookupUser(t *testing.T) {
	for name, tt := range map[string]struct {
		c    vfs.Caller
		want uint32
	}{
		"name":      {vfs.Caller{Name: "daemon"}, 1},
		"SID":       {vfs.Caller{Name: "x", SID: vfs.UnixUserSID(1)}, 1},
		"domain":    {vfs.Caller{Name: "daemon", Domain: "EXAMPLE"}, 0},
		"root":      {vfs.Caller{Name: "root"}, 0},
		"root, SID": {vfs.Caller{Name: "x", SID: vfs.UnixUserSID(0)}, 0},
		"guest":     {vfs.Caller{Name: "daemon", Guest: true}, 0},
		"anonymous": {vfs.Caller{Anonymous: true, SID: vfs.UnixUserSID(1)}, 0},
		"unknown":   {vfs.Caller{Name: "no such user"}, 0},
		"no name":   {vfs.Caller{}, 0},
	} {
		u, err := LookupUser(t.Context(), &tt.c)
		if err != nil || (u != nil) != (tt.want != 0) || u != nil && u.UID != tt.want {
			t.Errorf("%s: %+v, %v, want %d", name, u, err, tt.want)
		}
	}
}
