//go:build unix

package osfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// No client makes what runs as somebody else, unless it is allowed to.
func TestSetID(t *testing.T) {
	const ids = fs.ModeSetuid | fs.ModeSetgid
	for _, allowed := range []bool{false, true} {
		dir, ctx := t.TempDir(), t.Context()
		f := newFSAt(t, dir, &Options{SetID: allowed})
		check := func(what, name string, want fs.FileMode) {
			t.Helper()
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode() & vfs.PosixBits; got != want {
				t.Errorf("allowed %v: %s: %v, want %v", allowed, what, got, want)
			}
		}
		if allowed {
			h, err := f.Create(ctx, "f", vfs.CreateOptions{Mode: 0o755 | ids, HasMode: true})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			check("Create", "f", 0o755|ids)
			continue
		}
		h, err := f.Create(ctx, "f", vfs.CreateOptions{Mode: 0o755 | ids, HasMode: true})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		check("Create", "f", 0o755)
		if err := h.(vfs.Chmoder).Chmod(0o777 | ids); err != nil {
			t.Error(err)
		}
		check("Chmod", "f", 0o777)
		// What the machine has set stays, if the client wants it to.
		if err := os.Chmod(filepath.Join(dir, "f"), 0o755|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
		h.(vfs.Chmoder).Chmod(0o700 | ids)
		check("Chmod of what is there", "f", 0o700|fs.ModeSetgid)
		h.(vfs.Chmoder).Chmod(0o700)
		check("Chmod without", "f", 0o700)
	}
}

// The umask of the process is not the client's.
func TestCreateModeUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	for name, opt := range map[string]vfs.CreateOptions{
		"file":   {Mode: 0o664, HasMode: true},
		"dir":    {Mode: 0o775, HasMode: true, Directory: true},
		"closed": {Mode: 0, HasMode: true, Directory: true, OpenOptions: vfs.OpenOptions{Access: vfs.ListDirectory}},
	} {
		h, err := f.Create(t.Context(), name, opt)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != opt.Mode {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, opt.Mode)
		}
	}
}

// A directory inherits the bit that makes what is in it belong to its group.
func TestInheritSetGID(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	if err := os.Chmod(dir, 0o755|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "own"), 0o755); err != nil {
		t.Fatal(err)
	}
	own, err := os.Stat(filepath.Join(dir, "own"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := f.Create(t.Context(), "client", vfs.CreateOptions{Mode: 0o755, HasMode: true, Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	client, err := os.Stat(filepath.Join(dir, "client"))
	if err != nil || client.Mode() != own.Mode() {
		t.Errorf("%v, %v, but mkdir makes %v", client.Mode(), err, own.Mode())
	}
}

func TestChown(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	was, _ := h.Stat(t.Context())
	if was.UID != uint32(os.Getuid()) || was.GID != uint32(os.Getgid()) || !was.Owned {
		t.Errorf("a new file: %+v", was)
	}
	c := h.(vfs.Chowner)
	if err := c.Chown(int(was.UID), int(was.GID)); err != nil {
		t.Errorf("to who owns it: %v", err)
	}
	for _, ids := range [][2]int{{int(was.UID) + 1, -1}, {-1, int(was.GID) + 1}} {
		if err := c.Chown(ids[0], ids[1]); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("to %v: %v", ids, err)
		}
	}
	if a, _ := h.Stat(t.Context()); a != was {
		t.Errorf("%+v was %+v", a, was)
	}
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	f.opt.Chown = true
	if err := c.Chown(1, 2); err != nil {
		t.Error(err)
	}
	if a, _ := h.Stat(t.Context()); a.UID != 1 || a.GID != 2 {
		t.Errorf("%+v", a)
	}
}
