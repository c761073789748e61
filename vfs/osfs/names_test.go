package osfs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

func TestNativeNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("programs can't have such names there")
	}
	dir := t.TempDir()
	f := newFSAt(t, dir, &Options{NativeNames: true})
	all := vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}}
	make := func(name string, opt vfs.CreateOptions) error {
		h, err := f.Create(t.Context(), name, opt)
		if err == nil {
			h.Close()
		}
		return err
	}
	folder := all
	folder.Directory = true
	for remote, local := range map[string]string{
		"plain":                                "plain",
		"a\uF022b":                             "a:b",
		"\uF020\uF021\uF023\uF024\uF025\uF027": `"*<>?|`,
		"back\uF026slash":                      `back\slash`,
		"bell\uF007":                           "bell\a",
		"space\uF028":                          "space ",
		"dot\uF029":                            "dot.",
		"\uF028in\uF029the middle":             "\uF028in\uF029the middle",
		"other\uF030":                          "other\uF030",
		"\uF029":                               "\uF029",
		".\uF029":                              ".\uF029",
		"..\uF029":                             "...",
	} {
		if err := make(remote, folder); err != nil {
			t.Fatalf("%q: %v", remote, err)
		}
		if err := make(remote+"/\uF022", all); err != nil {
			t.Errorf("in %q: %v", remote, err)
		}
		if _, err := os.Stat(filepath.Join(dir, local, ":")); err != nil {
			t.Error(err)
		}
		if names := listed(t, f, "."); !slices.Equal(names, []string{remote}) {
			t.Errorf("listed %q, want %q", names, remote)
		}
		if err := errors.Join(f.Rename(t.Context(), remote+"/\uF022", "new\uF025", false),
			f.Remove(t.Context(), "new\uF025"), f.Remove(t.Context(), remote)); err != nil {
			t.Error(err)
		}
	}
}

// What a link leads to is a name, too.
func TestNativeNamesOfLinks(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, &Options{NativeNames: true, Symlinks: ShowSymlinks})
	var fsys vfs.FS = f
	s, ok := fsys.(vfs.Symlinker)
	if !ok {
		t.Skip("no symbolic links here")
	}
	const target = "../a\uF022b/./c\uF026d"
	err := s.Symlink(t.Context(), target, "link\uF025", false)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(filepath.Join(dir, "link?")); err != nil || got != `../a:b/./c\d` {
		t.Errorf("stored %q, %v", got, err)
	}
	if got, err := s.Readlink(t.Context(), "link\uF025"); err != nil || got != target {
		t.Errorf("read %q, %v", got, err)
	}
}

func listed(t *testing.T, f *FS, dir string) (names []string) {
	t.Helper()
	h, err := f.Open(t.Context(), dir, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for e, err := range h.(*File).ReadDir(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	return names
}
