package osfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

func TestParseSnapshots(t *testing.T) {
	for _, tt := range []struct {
		template string
		want     snapshots
	}{
		{".snapshots/@GMT-%Y.%m.%d-%H.%M.%S", snapshots{false, ".snapshots", "@GMT-%Y.%m.%d-%H.%M.%S", "."}},
		{".zfs/snapshot/*", snapshots{false, ".zfs/snapshot", "*", "."}},
		{"/a/%y%m%d/b/c", snapshots{true, "/a", "%y%m%d", "b/c"}},
		{"/%Y-%j%%", snapshots{true, "/", "%Y-%j%%", "."}},
	} {
		if s, err := parseSnapshots(tt.template); err != nil || *s != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.template, s, err, tt.want)
		}
	}
	for _, template := range []string{
		"", "a", "%Y", "*", "../%Y", "a/../%Y", "a//%Y", "a/%Y/", "a/%Y/%m", "a/*/*", "a/%Q", "a/%Y%", "a/x-*", "a/%m-%d", "a/%s-1", "./%Y",
	} {
		if s, err := parseSnapshots(template); err == nil {
			t.Errorf("%q: %+v", template, s)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, tt := range []struct{ pattern, name, want string }{
		{"@GMT-%Y.%m.%d-%H.%M.%S", "@GMT-2026.01.02-03.04.05", "2026-01-02T03:04:05Z"},
		{"Mon-1-%Y%m%d", "Mon-1-20240229", "2024-02-29T00:00:00Z"},
		{"%y%b%d-%H%M%z", "26Feb03-1005+0130", "2026-02-03T08:35:00Z"},
		{"%Y-%j", "2026-035", "2026-02-04T00:00:00Z"},
		{"s%%%s", "s%1000000000", "2001-09-09T01:46:40Z"},
		{"%Y", "2026", "2026-01-01T00:00:00Z"},
		{"%Y%m%d", "20260230", ""}, {"%Y%m%d", "20261301", ""}, {"%Y%m%d", "2026010", ""}, {"%Y%m%d", "202601010", ""}, {"%Y%m%d", "2026+1+1", ""},
		{"%Y%m%d", "20260100", ""}, {"%Y-%H", "2026-24", ""}, {"%Y-%j", "2026-000", ""}, {"%Y-%j", "2026-367", ""}, {"%s", "", ""}, {"%s", "99999999999999999999", ""},
		{"%Y%z", "2026+1x00", ""}, {"%Y%b", "2026Foo", ""}, {"a%Y", "b2026", ""},
	} {
		at, ok := parseTime(tt.pattern, tt.name)
		if got := at.Format(time.RFC3339); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s by %s: %s, %v; want %s", tt.name, tt.pattern, got, ok, tt.want)
		}
	}
}

// snapshotTree is a tree with two snapshots, and what looks like one.
func snapshotTree(t *testing.T) string {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"f":                         "now",
		".snapshots/20260102-1/f":   "two",
		".snapshots/20260101-1/f":   "one",
		".snapshots/other/f":        "no snapshot",
		".snapshots/20260103-1":     "a file",
		"sub/.snapshots/20260104/f": "elsewhere",
	} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSnapshots(t *testing.T) {
	ctx := context.Background()
	dir := snapshotTree(t)
	os.Symlink(t.TempDir(), filepath.Join(dir, ".snapshots", "20260105-1"))
	for _, template := range []string{".snapshots/%Y%m%d-1", filepath.ToSlash(dir) + "/.snapshots/%Y%m%d-1"} {
		if template[0] != '.' && template[0] != '/' {
			continue // a drive
		}
		f, err := New(dir, &Options{Snapshots: template})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		list, err := f.Snapshots(ctx)
		if err != nil || len(list) != 2 {
			t.Fatalf("%s: %v, %v", template, list, err)
		}
		s, err := f.OpenSnapshot(ctx, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Open(ctx, "f", vfs.OpenOptions{Access: vfs.ReadData})
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if n, _ := o.(io.ReaderAt).ReadAt(b, 0); string(b[:n]) != "two" {
			t.Errorf("%s: %q", template, b[:n])
		}
		if err := errors.Join(o.Close(), s.(io.Closer).Close()); err != nil {
			t.Error(err)
		}
		if _, err := s.(vfs.Snapshotter).Snapshots(ctx); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("snapshots of a snapshot: %v", err)
		}
		if _, err := f.OpenSnapshot(ctx, list[0].Add(time.Second)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another time: %v", err)
		}
	}
}

func TestSnapshotsOfAnyName(t *testing.T) {
	ctx := context.Background()
	dir := snapshotTree(t)
	f, err := New(dir, &Options{Snapshots: ".snapshots/*"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Snapshots(ctx)
	if err != nil || len(list) != 3 || time.Since(list[0]) > time.Minute {
		t.Fatalf("%v, %v", list, err)
	}
	s, err := f.OpenSnapshot(ctx, list[0])
	if err != nil {
		t.Fatal(err)
	}
	s.(io.Closer).Close()
}

// The directory of the snapshots isn't part of the live tree.
func TestSnapshotsConcealed(t *testing.T) {
	ctx := context.Background()
	dir := snapshotTree(t)
	f, err := New(dir, &Options{Snapshots: ".snapshots/%Y%m%d-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{".snapshots", ".Snapshots", ".snapshots/20260102-1", ".snapshots/20260102-1/f"} {
		if _, err := f.Open(ctx, name, vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open %s: %v", name, err)
		}
		if err := f.Remove(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove %s: %v", name, err)
		}
		for _, replace := range []bool{false, true} {
			if err := f.Rename(ctx, name, "x", replace); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Rename %s: %v", name, err)
			}
			if err := f.Rename(ctx, "f", name+"/x", replace); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("Rename into %s: %v", name, err)
			}
			if err := f.Link(ctx, "f", name+"/x", replace); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("Link into %s: %v", name, err)
			}
			if err := f.Link(ctx, name, "x", replace); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Link %s: %v", name, err)
			}
		}
		if _, err := f.Create(ctx, name+"/x", vfs.CreateOptions{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Create in %s: %v", name, err)
		}
	}
	root, err := f.Open(ctx, ".", vfs.OpenOptions{Access: vfs.ListDirectory})
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for e, err := range root.(vfs.DirReader).ReadDir(ctx) {
		if err != nil || e.Name != "f" && e.Name != "sub" {
			t.Errorf("listed: %s, %v", e.Name, err)
		}
	}
	for _, tt := range []struct{ in, out vfs.WatchEvent }{
		{vfs.WatchEvent{Op: vfs.WatchLost}, vfs.WatchEvent{Op: vfs.WatchLost}},
		{vfs.WatchEvent{Op: vfs.WatchAdded, Name: "f"}, vfs.WatchEvent{Op: vfs.WatchAdded, Name: "f"}},
		{vfs.WatchEvent{Op: vfs.WatchAttributes, Name: ".snapshots"}, vfs.WatchEvent{}},
		{vfs.WatchEvent{Op: vfs.WatchRenamed, Name: ".snapshots", OldName: "f"}, vfs.WatchEvent{Op: vfs.WatchRemoved, Name: "f"}},
		{vfs.WatchEvent{Op: vfs.WatchRenamed, Name: "f", OldName: ".snapshots"}, vfs.WatchEvent{Op: vfs.WatchAdded, Name: "f"}},
		{vfs.WatchEvent{Op: vfs.WatchRenamed, Name: ".Snapshots", OldName: ".snapshots"}, vfs.WatchEvent{}},
	} {
		if e := tt.in; shown(&e, f.concealed) != (tt.out != vfs.WatchEvent{}) || tt.out != (vfs.WatchEvent{}) && e != tt.out {
			t.Errorf("%+v is told as %+v, want %+v", tt.in, e, tt.out)
		}
	}
	if _, err := f.Open(ctx, "sub/.snapshots/20260104/f", vfs.OpenOptions{}); err != nil {
		t.Errorf("one of that name elsewhere: %v", err)
	}
}
