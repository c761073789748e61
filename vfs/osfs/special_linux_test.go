package osfs

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// TestSpecialPoints: what clients are told that special files are.
func TestSpecialPoints(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{"fifo": "FIFO\x00\x00\x00\x00", "sock": "SOCK\x00\x00\x00\x00"}
	check(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	check(t, err)
	defer l.Close()
	for name, kind := range map[string]uint32{"chr": unix.S_IFCHR, "blk": unix.S_IFBLK} {
		if unix.Mknod(filepath.Join(dir, name), kind|0o666, int(unix.Mkdev(259, 70000))) == nil { // root only
			want[name] = map[string]string{"chr": "CHR", "blk": "BLK"}[name] + "\x00\x00\x00\x00\x00\x03\x01\x00\x00\x70\x11\x01\x00"
		}
	}
	f := newFSAt(t, dir, nil)
	for name, data := range want {
		h := opened(t, t.Context(), f, name, vfs.AccessFull)
		p, err := h.ReparsePoint(t.Context())
		if err != nil || p.Tag != vfs.TagNFS || string(p.Data) != data {
			t.Errorf("%s: %#x %q, %v", name, p.Tag, p.Data, err)
		}
		if err := h.SetReparsePoint(t.Context(), p); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: SetReparsePoint: %v", name, err)
		}
		if err := h.RemoveReparsePoint(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: RemoveReparsePoint: %v", name, err)
		}
		h.Close()
	}
	h := opened(t, t.Context(), f, ".", vfs.ListDirectory)
	defer h.Close()
	for e, err := range h.ReadDir(t.Context()) {
		check(t, err)
		if e.Attr.ReparseTag != vfs.TagNFS {
			t.Errorf("%s is listed with tag %#x", e.Name, e.Attr.ReparseTag)
		}
	}
}

// TestSpecialUnopened: the content of a pipe isn't opened for anything, as programs of the
// machine would notice.
func TestSpecialUnopened(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	check(t, unix.Mkfifo(name, 0o666))
	events, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	check(t, err)
	defer unix.Close(events)
	_, err = unix.InotifyAddWatch(events, name, unix.IN_OPEN)
	check(t, err)
	h := openFile(t, newFSAt(t, dir, nil), vfs.AccessFull)
	if err := h.SetCompressed(t.Context(), true); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SetCompressed: %v", err)
	}
	if err := h.SetSparse(t.Context(), false); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SetSparse: %v", err)
	}
	if n, err := unix.Read(events, make([]byte, 256)); err != unix.EAGAIN {
		t.Errorf("it was opened: %d, %v", n, err)
	}
}
