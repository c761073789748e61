package osfs

import (
	"errors"
	"io/fs"
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
