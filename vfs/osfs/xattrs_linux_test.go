package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

func xattrNames(t *testing.T, f *FS, name string) []string {
	t.Helper()
	h, err := f.Open(t.Context(), name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	check(t, err)
	defer h.Close()
	list, err := h.(vfs.Xattrer).Xattrs(t.Context())
	check(t, err)
	var names []string
	size := 0
	for _, x := range list {
		names = append(names, x.Name)
		size += x.Size()
	}
	slices.Sort(names)
	for e, err := range openDir(t, f).ReadDir(t.Context()) {
		if check(t, err); e.Name == name && int(e.Xattrs) != size {
			t.Errorf("%s is listed with %d bytes, it has %d", name, e.Xattrs, size)
		}
	}
	return names
}

func openDir(t *testing.T, f *FS) vfs.DirReader {
	t.Helper()
	d, err := f.Open(t.Context(), ".", vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	t.Cleanup(func() { d.Close() })
	return d.(vfs.DirReader)
}

// What is the server's, Samba's, or can't be in Windows is neither shown nor set.
func TestPrivateXattrs(t *testing.T) {
	f, path := withAttr(t, "user.Shown", "1")
	for _, attr := range []string{
		"user.DOSATTRIB", "user.DosAttrib", "user.DosStream.s:$DATA", "user.dosstream.x", "user.NTACL", "user.ntacl",
		"user.SAMBA_PAI", "user.SAMBA_STREAMS", "user.SMB_NEED_EA", "user.org.netatalk.Metadata", "user.SmbReparse",
		"user.with:colon", "user.a=b", "user.\xff", "user.\x01", "user.q?",
	} {
		check(t, unix.Setxattr(path, attr, []byte("x"), 0))
		if got := xattrNames(t, f, "f"); !slices.Equal(got, []string{"Shown"}) {
			t.Errorf("with %q: %q", attr, got)
		}
		check(t, unix.Removexattr(path, attr))
		h, err := f.Open(t.Context(), "f", vfs.OpenOptions{})
		check(t, err)
		name := strings.TrimPrefix(attr, userPrefix)
		err = h.(vfs.Xattrer).SetXattrs(t.Context(), []vfs.Xattr{{Name: "Shown"}, {Name: name, Value: []byte("x")}})
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("setting %q: %v", name, err)
		}
		h.Close()
	}
	check(t, unix.Setxattr(path, "user.empty", nil, 0))
	if got := xattrNames(t, f, "f"); !slices.Equal(got, []string{"Shown"}) {
		t.Errorf("with an empty one: %q", got)
	}
}

// Two that differ in case are both there, and each is found by its own spelling.
func TestXattrCase(t *testing.T) {
	f, path := withAttr(t, "user.name", "lower")
	check(t, unix.Setxattr(path, "user.NAME", []byte("upper"), 0))
	h, err := f.Open(t.Context(), "f", vfs.OpenOptions{})
	check(t, err)
	defer h.Close()
	x := h.(vfs.Xattrer)
	check(t, x.SetXattrs(t.Context(), []vfs.Xattr{{Name: "NAME", Value: []byte("changed")}}))
	check(t, x.SetXattrs(t.Context(), []vfs.Xattr{{Name: "name"}}))
	if got := xattrNames(t, f, "f"); !slices.Equal(got, []string{"NAME"}) {
		t.Errorf("left: %q", got)
	}
	check(t, x.SetXattrs(t.Context(), []vfs.Xattr{{Name: "Name", Value: []byte("again")}}))
	if got, err := h.(*File).readAttr("user.NAME"); string(got) != "again" {
		t.Errorf("value %q, %v", got, err)
	}
}

// What doesn't fit the storage leaves all as it was, also what was to go first.
func TestXattrsUndone(t *testing.T) {
	f, path := withAttr(t, "user.a", "1")
	var st unix.Statfs_t
	check(t, unix.Statfs(path, &st))
	if st.Type != unix.EXT4_SUPER_MAGIC {
		t.Skip("not ext4")
	}
	h, err := f.Open(t.Context(), "f", vfs.OpenOptions{})
	check(t, err)
	defer h.Close()
	x := h.(vfs.Xattrer)
	check(t, x.SetXattrs(t.Context(), []vfs.Xattr{{Name: "b", Value: []byte("2"), Needed: true}}))
	err = x.SetXattrs(t.Context(), []vfs.Xattr{
		{Name: "new", Value: []byte("x")}, {Name: "a"}, {Name: "b", Value: []byte("3")}, {Name: "big", Value: make([]byte, 60_000)},
	})
	if !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("error %v", err)
	}
	list, err := x.Xattrs(t.Context())
	check(t, err)
	slices.SortFunc(list, func(a, b vfs.Xattr) int { return strings.Compare(a.Name, b.Name) })
	if len(list) != 2 || string(list[0].Value) != "1" || string(list[1].Value) != "2" || !list[1].Needed {
		t.Errorf("left: %+v", list)
	}
}

// A link is listed with what it leads to, and nothing outside is looked at.
func TestXattrsOfLinks(t *testing.T) {
	f, path := withAttr(t, "user.a", "123")
	dir := filepath.Dir(path)
	outside := filepath.Join(t.TempDir(), "out")
	check(t, unix.Mkdir(outside, 0o755))
	check(t, unix.Setxattr(outside, "user.a", []byte("outside"), 0))
	check(t, unix.Symlink("f", filepath.Join(dir, "in")))
	check(t, unix.Symlink(outside, filepath.Join(dir, "out")))
	for e, err := range openDir(t, f).ReadDir(t.Context()) {
		if check(t, err); e.Name == "out" || e.Xattrs != 9 {
			t.Errorf("%s is listed with %d bytes", e.Name, e.Xattrs)
		}
	}
}

// manyFS is on a file system that has room for more names of attributes than the system
// lists, and has a file.
func manyFS(t *testing.T) (f *FS, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "osfs")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: no tmpfs:", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "f")
	check(t, os.WriteFile(path, nil, 0o644))
	if err := unix.Setxattr(path, longName(0), []byte("x"), 0); err != nil {
		t.Skip("SKIPPED, NOT TESTED: tmpfs has no extended attributes:", err)
	}
	check(t, unix.Removexattr(path, longName(0)))
	return newFSAt(t, dir, nil), path
}

func longName(i int) string { return fmt.Sprintf("user.%04d-%0240d", i, 0) }

// TestManyNames: what clients make ends while all of it can be found.
func TestManyNames(t *testing.T) {
	f, _ := manyFS(t)
	ctx := t.Context()
	h := openFile(t, f, vfs.AccessFull)
	stream := func(i int) string { return fmt.Sprintf("%04d-%0225d", i, 0) }
	create := vfs.StreamOptions{Create: true, OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}}
	n := 0
	for ; ; n++ {
		s, err := h.OpenStream(ctx, stream(n), create)
		if errors.Is(err, vfs.ErrNoSpace) {
			break
		}
		check(t, err)
		check(t, s.Close())
	}
	if most := maxNames / 256; n < most-10 || n >= most {
		t.Errorf("%d streams", n)
	}
	name := strings.TrimPrefix(longName(0), userPrefix)
	if err := h.SetXattrs(ctx, []vfs.Xattr{{Name: name, Value: []byte("x")}}); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("SetXattrs: %v", err)
	}
	// What the server keeps itself has room left, and so has a move.
	check(t, f.Rename(ctx, "f", "g", false))
	check(t, h.SetAttr(ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}))
	if err := h.SetSecurity(ctx, sddl(t, annsDs)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	s := openStreamOf(t, h, stream(0))
	if _, err := s.WriteAt([]byte(large), 0); err != nil {
		t.Error(err)
	}
	wantOpenStream(t, s, large)
	infos, err := h.streamInfos(ctx)
	if err != nil || len(infos) != n {
		t.Errorf("%d streams are listed, %v, want %d", len(infos), err, n)
	}
	// Less is always possible, and what takes its place.
	check(t, h.RemoveStream(ctx, stream(1)))
	check(t, h.RenameStream(ctx, stream(2), "short", false))
	check(t, h.SetXattrs(ctx, []vfs.Xattr{{Name: name, Value: []byte("x")}}))
	check(t, h.SetXattrs(ctx, []vfs.Xattr{{Name: name, Value: []byte("y")}}))
	for i, err := 0, error(nil); err == nil; i++ {
		var s vfs.File
		if s, err = h.OpenStream(ctx, fmt.Sprint(i), create); err == nil {
			check(t, s.Close())
		}
	}
	if err := h.RenameStream(ctx, "short", stream(2), false); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("RenameStream: %v", err)
	}
	check(t, h.SetXattrs(ctx, []vfs.Xattr{{Name: "new" + name[3:], Value: []byte("x")}, {Name: name}}))
}

// TestTooManyNames: another program made more. What is spelled as it is can be used.
func TestTooManyNames(t *testing.T) {
	f, path := manyFS(t)
	ctx := t.Context()
	putStream(t, f, "f", "s", "small")
	putStream(t, f, "f", "side", large)
	h := openFile(t, f, vfs.AccessFull)
	check(t, h.SetAttr(ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}))
	check(t, h.SetXattrs(ctx, []vfs.Xattr{{Name: "x", Value: []byte("x")}}))
	for i := range maxNames/245 + 1 {
		check(t, unix.Setxattr(path, longName(i), []byte("x"), 0))
	}
	if _, err := h.listAttrs(); err != unix.E2BIG {
		t.Skip("SKIPPED, NOT TESTED: all names are listed:", err)
	}
	wantStream(t, f, "f", "s", "small")
	wantStream(t, f, "f", "side", large)
	if _, err := h.OpenStream(ctx, "new", vfs.StreamOptions{Create: true}); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("OpenStream: %v", err)
	}
	if err := h.SetXattrs(ctx, []vfs.Xattr{{Name: "new", Value: []byte("x")}}); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("SetXattrs: %v", err)
	}
	for e, err := range openDir(t, f).ReadDir(ctx) {
		if err != nil || e.Name == "f" && e.Attr.Attributes&vfs.AttrHidden == 0 {
			t.Errorf("listed: %+v, %v", e, err)
		}
	}
	check(t, h.SetXattrs(ctx, []vfs.Xattr{{Name: "x"}}))
	if _, err := h.readAttr("user.x"); err != errNotStored {
		t.Errorf("after its removal: %v", err)
	}
	check(t, h.RemoveStream(ctx, "s"))
	check(t, h.RemoveStream(ctx, "side"))
	wantSidecars(t, filepath.Dir(path), 0)
	if _, err := h.OpenStream(ctx, "s", vfs.StreamOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenStream of what was removed: %v", err)
	}
	check(t, f.Remove(ctx, "f"))
}
