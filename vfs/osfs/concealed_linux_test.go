package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// wantConcealed checks that nothing can be done to a directory by another name of its, nor
// to the file in it.
func wantConcealed(t *testing.T, f *FS, dir, file string) {
	t.Helper()
	ctx, sd := t.Context(), sddl(t, annsDs)
	full := vfs.OpenOptions{Access: vfs.AccessFull}
	_, open := f.Open(ctx, dir, full)
	_, openFile := f.Open(ctx, dir+"/"+file, full)
	_, create := f.Create(ctx, dir+"/new", vfs.CreateOptions{})
	_, secure := f.Create(ctx, dir+"/new", vfs.CreateOptions{Security: &sd})
	_, mkdir := f.Create(ctx, dir+"/new", vfs.CreateOptions{Directory: true})
	for what, err := range map[string]error{
		"Open": open, "Open of the file": openFile, "Create": create, "Create with a descriptor": secure, "Create of a directory": mkdir,
		"Remove":      f.Remove(ctx, dir+"/"+file),
		"Rename out":  f.Rename(ctx, dir+"/"+file, "out", false),
		"Rename over": f.Rename(ctx, dir+"/"+file, "f", true),
		"Rename in":   f.Rename(ctx, "f", dir+"/new", false),
		"Rename into": f.Rename(ctx, "f", dir+"/"+file, true),
		"Link out":    f.Link(ctx, dir+"/"+file, "out", false),
		"Link in":     f.Link(ctx, "f", dir+"/new", false),
	} {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s, %q: %v", what, dir, err)
		}
	}
	if stop, err := f.Watch(ctx, dir, func(vfs.WatchEvent) {}); err == nil {
		t.Errorf("Watch of %q", dir)
		stop()
	}
}

// TestConcealedLinks: a link to what is concealed leads to nothing.
func TestConcealedLinks(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *FS){"openat2": func(*testing.T, *FS) {}, "portable": makePortable} {
		t.Run(name, func(t *testing.T) {
			f, dir := sideFS(t)
			if !f.isBest() {
				t.Skip("no openat2")
			}
			check(t, os.MkdirAll(filepath.Join(dir, "d", sidecars), 0o755)) // of another share
			check(t, os.WriteFile(filepath.Join(dir, "d", sidecars, "x"), nil, 0o644))
			list, err := os.ReadDir(filepath.Join(dir, sidecars))
			check(t, err)
			side := list[0].Name()
			for link, target := range map[string]string{
				"link": sidecars, "d/link": "../" + sidecars, "again": "d/link", "file": sidecars + "/" + side, "other": "d/" + sidecars,
				"root": ".", "good": "d", "missing": sidecars + "/missing",
			} {
				check(t, os.Symlink(target, filepath.Join(dir, link)))
			}
			prepare(t, f)
			for _, link := range []string{"link", "d/link", "again", "root/link", "good/link"} {
				wantConcealed(t, f, link, side)
			}
			wantConcealed(t, f, "other", "x")
			for _, name := range []string{"file", "missing", "root/file"} {
				if _, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.ReadData}); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Open(%q): %v", name, err)
				}
			}
			h := opened(t, t.Context(), f, ".", vfs.ListDirectory)
			defer h.Close()
			for e, err := range h.ReadDir(t.Context()) {
				if e.Name != "f" && e.Name != "d" && e.Name != "root" && e.Name != "good" || err != nil {
					t.Errorf("listed: %q, %v", e.Name, err)
				}
			}
			made, err := f.Create(t.Context(), "root/good/new", vfs.CreateOptions{})
			check(t, err)
			check(t, made.Close())
			check(t, f.Remove(t.Context(), "d/new"))
			check(t, f.Remove(t.Context(), "d/link")) // the link itself
			wantSidecars(t, dir, 1)
			wantStream(t, f, "root/f", "s", large)
		})
	}
}

// TestConcealedLinkKind: not even what a link that is shown leads to is told.
func TestConcealedLinkKind(t *testing.T) {
	_, dir := sideFS(t)
	f := newFSAt(t, dir, &Options{Symlinks: ShowSymlinks})
	check(t, os.Symlink(sidecars, filepath.Join(dir, "link")))
	a, err := opened(t, t.Context(), f, "link", vfs.ReadAttributes).Stat(t.Context())
	check(t, err)
	if a.Attributes&vfs.AttrDirectory != 0 {
		t.Error("it leads to a directory")
	}
}

// TestConcealedSnapshots: nor does a link lead to the snapshots.
func TestConcealedSnapshots(t *testing.T) {
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, ".snapshots", "@GMT-2024.01.02-03.04.05"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, ".snapshots", "x"), nil, 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
	check(t, os.Symlink(".snapshots", filepath.Join(dir, "link")))
	f := newFSAt(t, dir, &Options{Snapshots: ".snapshots/@GMT-%Y.%m.%d-%H.%M.%S"})
	wantConcealed(t, f, "link", "x")
	if list, err := f.Snapshots(t.Context()); len(list) != 1 || err != nil {
		t.Errorf("Snapshots = %v, %v", list, err)
	}
}

// TestConcealedSpelling: a file system that folds names knows more spellings than
// strings.EqualFold. Here a mount stands for one.
func TestConcealedSpelling(t *testing.T) {
	needRoot(t)
	f, dir := sideFS(t)
	const spelling = ".smb-\u00adstreams"
	at := filepath.Join(dir, spelling)
	check(t, os.Mkdir(at, 0o700))
	if err := unix.Mount(filepath.Join(dir, sidecars), at, "", unix.MS_BIND, ""); err != nil {
		t.Skip("SKIPPED, NOT TESTED: nothing can be mounted here:", err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	list, err := os.ReadDir(at)
	check(t, err)
	f.sys.folds = true
	check(t, os.Symlink(spelling, filepath.Join(dir, "link")))
	wantConcealed(t, f, spelling, list[0].Name())
	wantConcealed(t, f, "link", list[0].Name())
	if err := f.Rename(t.Context(), spelling, "x", false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename: %v", err)
	}
	h := opened(t, t.Context(), f, ".", vfs.ListDirectory)
	defer h.Close()
	for e, err := range h.ReadDir(t.Context()) {
		if e.Name != "f" || err != nil {
			t.Errorf("listed: %q, %v", e.Name, err)
		}
	}
	made, err := f.Create(t.Context(), "\u00e4", vfs.CreateOptions{})
	check(t, err)
	check(t, made.Close())
}

// BenchmarkOpen measures what a name costs, without and with a link on the way.
func BenchmarkOpenLink(b *testing.B) {
	dir := b.TempDir()
	f := newFSAt(b, dir, nil)
	check(b, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	check(b, os.WriteFile(filepath.Join(dir, "d", "f"), nil, 0o644))
	check(b, os.Symlink("d", filepath.Join(dir, "link")))
	for _, name := range []string{"d/f", "link/f"} {
		b.Run(filepath.Dir(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, err := f.Open(b.Context(), name, vfs.OpenOptions{})
				check(b, err)
				h.Close()
			}
		})
	}
}
