//go:build unix

package osfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// outside makes a directory with a secret beside the share, and in the share
// links that try to get there.
func outside(t *testing.T) (share string) {
	t.Helper()
	top := t.TempDir()
	share = filepath.Join(top, "share")
	check(t, os.MkdirAll(filepath.Join(share, "dir/sub"), 0o755))
	check(t, os.Mkdir(filepath.Join(top, "out"), 0o755))
	check(t, os.WriteFile(filepath.Join(top, "out/secret"), []byte("secret"), 0o644))
	check(t, os.WriteFile(filepath.Join(share, "dir/file"), []byte("inside"), 0o644))
	for name, target := range map[string]string{
		"abs":         filepath.Join(top, "out"),
		"abs-file":    filepath.Join(top, "out/secret"),
		"abs-missing": filepath.Join(top, "out/missing"),
		"rel":         "../out",
		"rel-file":    "../out/secret",
		"rel-missing": "../out/missing",
		"long-way":    "dir/../../share/dir/file", // leaves and comes back
		"abs-inside":  filepath.Join(share, "dir/file"),
		"proc":        "/proc/self/root/etc",
		"loop":        "loop",
		"dangling":    "nothing",
		"dir/up":      "../../out/secret",
		"good":        "dir/file",
		"good-dir":    "dir",
		"dir/good":    "../dir/file",
	} {
		check(t, os.Symlink(target, filepath.Join(share, name)))
	}
	return share
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// both runs a test with what the machine has best, and with os.Root alone.
func both(t *testing.T, dir string, test func(t *testing.T, f *FS)) {
	for _, portable := range []bool{false, true} {
		name := "best"
		if portable {
			name = "portable"
		}
		t.Run(name, func(t *testing.T) {
			f := newFSAt(t, dir, nil)
			if portable {
				makePortable(t, f)
			}
			test(t, f)
		})
	}
}

func TestEscape(t *testing.T) {
	share := outside(t)
	secret := filepath.Join(filepath.Dir(share), "out/secret")
	both(t, share, func(t *testing.T, f *FS) {
		ctx := t.Context()
		for _, name := range []string{
			"abs", "abs/secret", "abs-file", "abs-missing", "rel", "rel/secret", "rel/missing", "rel-file", "rel-missing",
			"long-way", "abs-inside", "proc", "proc/passwd", "loop", "loop/x", "dangling", "dir/up",
		} {
			for _, access := range []vfs.Access{vfs.ReadAttributes, vfs.AccessRead, vfs.AccessFull} {
				if _, err := f.Open(ctx, name, vfs.OpenOptions{Access: access}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Open(%q): %v, want fs.ErrNotExist", name, err)
				}
			}
			_, err := f.Create(ctx, name+"/new", vfs.CreateOptions{})
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Create below %q: %v, want fs.ErrNotExist", name, err)
			}
			_, err = f.Create(ctx, name+"/new", vfs.CreateOptions{Directory: true})
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Create of a directory below %q: %v, want fs.ErrNotExist", name, err)
			}
			for _, replace := range []bool{false, true} {
				if err := f.Rename(ctx, "dir/file", name+"/new", replace); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Rename below %q: %v, want fs.ErrNotExist", name, err)
				}
				if err := f.Link(ctx, "dir/file", name+"/new", replace); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Link below %q: %v, want fs.ErrNotExist", name, err)
				}
			}
			if err := f.Remove(ctx, name+"/secret"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Remove below %q: %v, want fs.ErrNotExist", name, err)
			}
		}
		for _, name := range []string{"..", "../out/secret", "/etc/passwd", "dir/../../out/secret", "", "a\x00b", "dir/"} {
			if _, err := f.Open(ctx, name, vfs.OpenOptions{Access: vfs.AccessRead}); err == nil {
				t.Errorf("Open(%q) succeeds", name)
			}
			if f.Remove(ctx, name) == nil || f.Rename(ctx, name, "x", true) == nil || f.Rename(ctx, "dir/file", name, true) == nil {
				t.Errorf("Remove or Rename of %q succeeds", name)
			}
		}
		for _, name := range []string{"good", "good-dir/file", "dir/good"} {
			if got := read(t, f, name); got != "inside" {
				t.Errorf("content of %q is %q", name, got)
			}
		}
		if got, want := list(t, f, "."), []string{"dir", "good", "good-dir"}; !slices.Equal(got, want) {
			t.Errorf("names = %q, want %q", got, want)
		}
		if got, want := list(t, f, "dir"), []string{"file", "good", "sub"}; !slices.Equal(got, want) {
			t.Errorf("names in dir = %q, want %q", got, want)
		}
		if b, err := os.ReadFile(secret); string(b) != "secret" {
			t.Errorf("the secret is %q, %v", b, err)
		}
	})
}

// TestLinkItself checks that Remove, Rename and Create act on a link.
func TestLinkItself(t *testing.T) {
	share := outside(t)
	f := newFSAt(t, share, nil)
	ctx := t.Context()
	for _, name := range []string{"abs-file", "good", "dangling"} {
		if _, err := f.Create(ctx, name, vfs.CreateOptions{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create(%q): %v, want fs.ErrExist", name, err)
		}
		check(t, f.Rename(ctx, name, "moved", false))
		if i, err := os.Lstat(filepath.Join(share, "moved")); err != nil || i.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%q: moved is %v, %v, want the link", name, i, err)
		}
		check(t, f.Remove(ctx, "moved"))
	}
	if got := read(t, f, "dir/file"); got != "inside" {
		t.Errorf("the target is now %q", got)
	}
}

func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	check(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	check(t, os.Symlink("fifo", filepath.Join(dir, "to-fifo")))
	both(t, dir, func(t *testing.T, f *FS) {
		if got := list(t, f, "."); !slices.Equal(got, []string{"fifo", "to-fifo"}) && f.isBest() {
			t.Errorf("names = %q", got)
		}
		for _, name := range []string{"fifo", "to-fifo"} {
			for _, access := range []vfs.Access{vfs.AccessRead, vfs.WriteData, vfs.AccessFull} {
				h, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: access})
				if err == nil && f.isBest() {
					_, err = h.(*File).ReadAt(make([]byte, 1), 0)
					h.Close()
				}
				if !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%q for %#x: %v, want fs.ErrPermission", name, access, err)
				}
			}
		}
		if !f.isBest() {
			return
		}
		h, err := f.Open(t.Context(), "fifo", vfs.OpenOptions{Access: vfs.ReadAttributes | vfs.WriteAttributes})
		check(t, err)
		defer h.Close()
		a, err := h.Stat(t.Context())
		if err != nil || a.Mode&fs.ModeNamedPipe == 0 || a.Size != 0 || a.ReparseTag != vfs.TagNFS {
			t.Errorf("Stat = %+v, %v", a, err)
		}
		check(t, h.(*File).SetAttr(t.Context(), vfs.AttrChange{Written: time.Unix(1e9, 0)}))
	})
}

// TestModes checks the permission bits of what is created.
func TestModes(t *testing.T) {
	defer unix.Umask(unix.Umask(0o002))
	for _, test := range []struct {
		opt       *Options
		file, dir fs.FileMode
	}{
		{nil, 0o644, 0o755},
		{&Options{FileMode: 0o666, DirMode: 0o777}, 0o664, 0o775},
		{&Options{FileMode: 0o444}, 0o444, 0o755},
	} {
		f := newFS(t, test.opt)
		for _, directory := range []bool{false, true} {
			h, err := f.Create(t.Context(), "x", vfs.CreateOptions{Directory: directory, Attributes: vfs.AttrArchive})
			check(t, err)
			a, err := h.Stat(t.Context())
			check(t, err)
			want := test.file
			if directory {
				want = test.dir
			}
			if a.Mode.Perm() != want {
				t.Errorf("%+v, directory %v: mode %v, want %v", test.opt, directory, a.Mode.Perm(), want)
			}
			check(t, h.Close())
			check(t, f.Remove(t.Context(), "x"))
		}
	}
}

func TestHideDotFiles(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, ".dot"), nil, 0o644))
	for _, hide := range []bool{false, true} {
		f := newFSAt(t, dir, &Options{HideDotFiles: hide})
		h, err := f.Open(t.Context(), ".dot", vfs.OpenOptions{})
		check(t, err)
		a, err := h.Stat(t.Context())
		check(t, err)
		h.Close()
		if got := a.Attributes&vfs.AttrHidden != 0; got != hide {
			t.Errorf("HideDotFiles %v: hidden is %v", hide, got)
		}
		root, err := f.Open(t.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
		check(t, err)
		for e, err := range root.(*File).ReadDir(t.Context()) {
			if got := e.Attr.Attributes&vfs.AttrHidden != 0; err != nil || got != hide {
				t.Errorf("HideDotFiles %v: listed as hidden: %v, %v", hide, got, err)
			}
		}
		root.Close()
	}
}

// TestRenameSameFile renames one name of a file over another.
func TestRenameSameFile(t *testing.T) {
	f := newFS(t, nil)
	h, err := f.Create(t.Context(), "a", vfs.CreateOptions{})
	check(t, err)
	h.Close()
	check(t, f.Link(t.Context(), "a", "A", false))
	check(t, f.Link(t.Context(), "a", "b", false))
	if err := f.Rename(t.Context(), "a", "A", false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Rename(a, A): %v, want fs.ErrExist", err)
	}
	check(t, f.Rename(t.Context(), "a", "A", true))
	if got := list(t, f, "."); !slices.Equal(got, []string{"A", "b"}) {
		t.Errorf("names = %q, want A and b", got)
	}
	check(t, f.Link(t.Context(), "A", "b", true))
	if got := list(t, f, "."); !slices.Equal(got, []string{"A", "b"}) {
		t.Errorf("names = %q, want A and b", got)
	}
}

// TestRenameFallback renames without the help of the system.
func TestRenameFallback(t *testing.T) {
	f := newFS(t, nil)
	for _, directory := range []bool{false, true} {
		for _, name := range []string{"a", "b"} {
			h, err := f.Create(t.Context(), name, vfs.CreateOptions{Directory: directory})
			check(t, err)
			h.Close()
		}
		if err := f.moveLocked("a", "b"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a to b: %v, want fs.ErrExist", err)
		}
		check(t, f.moveLocked("a", "A"))
		check(t, f.moveLocked("b", "c"))
		if err := f.moveLocked("a", "d"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a to d: %v, want fs.ErrNotExist", err)
		}
		if got := list(t, f, "."); !slices.Equal(got, []string{"A", "c"}) {
			t.Errorf("names = %q, want A and c", got)
		}
		check(t, errors.Join(f.Remove(t.Context(), "A"), f.Remove(t.Context(), "c")))
	}
}

// TestErrorNames checks that a message doesn't show where the share lies.
func TestErrorNames(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	_, err := f.Open(t.Context(), "missing", vfs.OpenOptions{})
	if err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
}

func read(t *testing.T, f *FS, name string) string {
	t.Helper()
	h, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer h.Close()
	b, err := io.ReadAll(io.NewSectionReader(h.(*File), 0, 1<<20))
	check(t, err)
	return string(b)
}

func list(t *testing.T, f *FS, name string) []string {
	t.Helper()
	h, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer h.Close()
	var names []string
	for e, err := range h.(*File).ReadDir(t.Context()) {
		check(t, err)
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

// Two names of one file that are one name, by a link to the directory or to the file, leave it where it is.
func TestRenameByLinks(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "v1"), 0o777))
	check(t, os.WriteFile(filepath.Join(dir, "v1", "a"), []byte("precious"), 0o666))
	check(t, os.WriteFile(filepath.Join(dir, "log"), []byte("precious"), 0o666))
	check(t, os.Symlink("v1", filepath.Join(dir, "current")))
	check(t, os.Symlink("log", filepath.Join(dir, "latest")))
	check(t, os.Link(filepath.Join(dir, "log"), filepath.Join(dir, "v1", "log")))
	f := newFSAt(t, dir, nil)
	check(t, f.Rename(t.Context(), "current/a", "v1/a", true))
	if err := f.Rename(t.Context(), "latest", "log", true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link to the name that it leads to: %v", err)
	}
	for _, name := range []string{"v1/a", "log"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != "precious" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	// A hard link goes all the same.
	check(t, f.Rename(t.Context(), "v1/log", "log", true))
	if _, err := os.Lstat(filepath.Join(dir, "v1", "log")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("v1/log: %v", err)
	}
}

// A file system that folds more than case has two names for a file of one link; to remove the old one
// removes the file.
func TestIsOnlyName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	check(t, os.WriteFile(name, nil, 0o666))
	one, err := os.Lstat(name)
	check(t, err)
	check(t, os.Link(name, name+"2"))
	two, err := os.Lstat(name)
	check(t, err)
	if !isOnlyName(one) || isOnlyName(two) {
		t.Errorf("%t with one name, %t with two", isOnlyName(one), isOnlyName(two))
	}
}
