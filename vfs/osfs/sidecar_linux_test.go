package osfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
)

// large doesn't fit into any attribute.
var large = strings.Repeat("0123456789abcdef", 8<<10)

// sideFS is a directory with the file "f" whose stream "s" is large.
func sideFS(t *testing.T) (f *FS, dir string) {
	t.Helper()
	dir = t.TempDir()
	f = newFSAt(t, dir, nil)
	putStream(t, f, "f", "s", large)
	return f, dir
}

// putStream makes a file or opens it, and writes a stream of it.
func putStream(t *testing.T, f *FS, name, stream, content string) {
	t.Helper()
	h, err := f.Create(t.Context(), name, vfs.CreateOptions{})
	if errors.Is(err, fs.ErrExist) {
		h, err = f.Open(t.Context(), name, vfs.OpenOptions{})
	}
	check(t, err)
	defer h.Close()
	s, err := h.(*File).OpenStream(t.Context(), stream, vfs.StreamOptions{Create: true, OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no extended attributes")
	}
	check(t, err)
	defer s.Close()
	if n, err := s.(*streamFile).WriteAt([]byte(content), 0); n != len(content) || err != nil {
		t.Fatalf("WriteAt = %d, %v", n, err)
	}
}

func wantStream(t *testing.T, f *FS, name, stream, want string) {
	t.Helper()
	h, err := f.Open(t.Context(), name, vfs.OpenOptions{})
	check(t, err)
	defer h.Close()
	s, err := h.(*File).OpenStream(t.Context(), stream, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData}})
	if err != nil {
		t.Errorf("%s:%s: %v", name, stream, err)
		return
	}
	defer s.Close()
	wantOpenStream(t, s.(*streamFile), want)
}

func wantOpenStream(t *testing.T, s *streamFile, want string) {
	t.Helper()
	b := make([]byte, len(want)+1)
	n, err := s.ReadAt(b, 0)
	if err != io.EOF || string(b[:n]) != want {
		t.Errorf("stream has %d bytes, %v, want %d", n, err, len(want))
	}
	if a, err := s.Stat(t.Context()); err != nil || a.Size != int64(len(want)) || a.Mode&fs.ModeType != 0 {
		t.Errorf("Stat = %+v, %v", a, err)
	}
}

// wantNames checks the names of an object's streams.
func wantNames(t *testing.T, f *FS, name string, want ...string) {
	t.Helper()
	h, err := f.Open(t.Context(), name, vfs.OpenOptions{})
	check(t, err)
	defer h.Close()
	var got []string
	for info, err := range h.(*File).Streams(t.Context()) {
		check(t, err)
		got = append(got, info.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the streams %q, want %q", name, got, want)
	}
}

// wantSidecars checks how many there are.
func wantSidecars(t *testing.T, dir string, n int) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, sidecars))
	if len(list) != n || err != nil {
		t.Errorf("%d sidecars, %v, want %d", len(list), err, n)
	}
}

// TestSidecarLife: a sidecar goes where its object goes, and with it.
func TestSidecarLife(t *testing.T) {
	f, dir := sideFS(t)
	ctx := t.Context()
	wantStream(t, f, "f", "S", large)
	check(t, f.Rename(ctx, "f", "g", false))
	wantStream(t, f, "g", "s", large)
	check(t, f.Link(ctx, "g", "h", false))
	check(t, f.Remove(ctx, "g"))
	wantStream(t, f, "h", "s", large)
	putStream(t, f, "f", "other", "x")
	wantNames(t, f, "f", "other") // not what had the name before
	wantSidecars(t, dir, 1)
	check(t, f.Rename(ctx, "f", "h", true))
	wantSidecars(t, dir, 0)

	putStream(t, f, "f", "s", large)
	check(t, f.Link(ctx, "h", "f", true))
	wantSidecars(t, dir, 0)
	putStream(t, f, "g", "s", large)
	check(t, f.Remove(ctx, "g"))
	wantSidecars(t, dir, 0)

	d, err := f.Create(ctx, "d", vfs.CreateOptions{Directory: true})
	check(t, err)
	check(t, d.Close())
	putStream(t, f, "d", "s", large)
	putStream(t, f, "d/f", "s", large)
	if err := f.Remove(ctx, "d"); !errors.Is(err, vfs.ErrNotEmpty) {
		t.Errorf("Remove: %v", err)
	}
	check(t, f.Rename(ctx, "d", "e", false))
	wantStream(t, f, "e", "s", large)
	wantStream(t, f, "e/f", "s", large)
	check(t, f.Remove(ctx, "e/f"))
	check(t, f.Remove(ctx, "e"))
	wantSidecars(t, dir, 0)
}

// TestSidecarOpen: who has a stream open notices nothing.
func TestSidecarOpen(t *testing.T) {
	dir := t.TempDir()
	f := newFSAt(t, dir, nil)
	putStream(t, f, "f", "s", "small")
	h := openFile(t, f, vfs.ReadAttributes)
	a, b := openStreamOf(t, h, "s"), openStreamOf(t, h, "S")
	if _, err := a.WriteAt([]byte(large), 2); err != nil {
		t.Fatal(err)
	}
	want := "sm" + large
	wantOpenStream(t, b, want)
	wantSidecars(t, dir, 1)
	wantNames(t, f, "f", "s")
	check(t, b.Truncate(5))
	want = want[:5]
	wantOpenStream(t, a, want)
	check(t, a.Sync())

	// Renamed, replaced and removed, also by one that isn't beside.
	check(t, h.RenameStream(t.Context(), "s", "t", false))
	wantStream(t, f, "f", "t", want)
	putStream(t, f, "f", "u", "u")
	check(t, h.RenameStream(t.Context(), "t", "U", true))
	wantNames(t, f, "f", "U")
	putStream(t, f, "f", "v", "v")
	c := openStreamOf(t, h, "v")
	check(t, h.RenameStream(t.Context(), "v", "u", true))
	wantNames(t, f, "f", "u")
	wantSidecars(t, dir, 0)
	wantOpenStream(t, c, "v")
	wantOpenStream(t, a, want)
	if _, err := a.WriteAt([]byte(large), 0); err != nil { // nobody else sees it
		t.Error(err)
	}
	wantOpenStream(t, b, large)
	putStream(t, f, "f", "w", large)
	check(t, h.RemoveStream(t.Context(), "w"))
	wantSidecars(t, dir, 0)
	wantNames(t, f, "f", "u")
}

// TestSidecarTight: streams that there is no room for beside others, and many of them.
func TestSidecarTight(t *testing.T) {
	f := newFS(t, nil)
	content := strings.Repeat("x", 1000)
	var names []string
	for c := 'a'; c < 'm'; c++ {
		putStream(t, f, "f", string(c), content)
		names = append(names, string(c))
	}
	wantNames(t, f, "f", names...)
	for _, name := range names {
		wantStream(t, f, "f", name, content)
	}
}

// TestSidecarHidden: clients neither see nor reach the directory.
func TestSidecarHidden(t *testing.T) {
	f, dir := sideFS(t)
	ctx := t.Context()
	check(t, os.MkdirAll(filepath.Join(dir, "d", sidecars), 0o755)) // of another share
	for _, name := range []string{sidecars, ".SMB-Streams", sidecars + "/x", "d/" + sidecars, "d/" + sidecars + "/x"} {
		if _, err := f.Open(ctx, name, vfs.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", name, err)
		}
		_, create := f.Create(ctx, name, vfs.CreateOptions{})
		for what, err := range map[string]error{"Create": create, "Rename": f.Rename(ctx, "f", name, true), "Link": f.Link(ctx, "f", name, true)} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s(%q): %v", what, name, err)
			}
		}
		for what, err := range map[string]error{"Remove": f.Remove(ctx, name), "Rename": f.Rename(ctx, name, "x", false)} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of %q: %v", what, name, err)
			}
		}
	}
	for _, name := range []string{".", "d"} {
		h := opened(t, ctx, f, name, vfs.ListDirectory)
		for e, err := range h.ReadDir(ctx) {
			if err != nil || e.Name == sidecars {
				t.Errorf("%s lists %q, %v", name, e.Name, err)
			}
		}
		h.Close()
	}
	h := openFile(t, f, vfs.AccessFull)
	if list, err := h.Xattrs(ctx); len(list) != 0 || err != nil {
		t.Errorf("Xattrs = %v, %v", list, err)
	}
	if err := h.SetXattrs(ctx, []vfs.Xattr{{Name: "SmbStream.s", Value: []byte("x")}}); err == nil {
		t.Error("a client can make a reference")
	}
	wantStream(t, f, "f", "s", large)
}

// TestSidecarCrash: what is half done, or done by others.
func TestSidecarCrash(t *testing.T) {
	f, dir := sideFS(t)
	path := filepath.Join(dir, "f")
	const attr, ref = streamPrefix + "s" + streamType, sidePrefix + "s" + streamType
	// Killed before the attribute was removed.
	check(t, unix.Setxattr(path, attr, []byte("old\x00"), 0))
	wantNames(t, f, "f", "s")
	wantStream(t, f, "f", "s", large)
	h := openFile(t, f, vfs.ReadAttributes)
	check(t, h.RenameStream(t.Context(), "s", "t", false))
	wantNames(t, f, "f", "t")
	check(t, h.RenameStream(t.Context(), "t", "s", false))
	check(t, unix.Setxattr(path, attr, []byte("old\x00"), 0))
	check(t, h.RemoveStream(t.Context(), "s"))
	wantNames(t, f, "f")

	// A copy with its attributes, by another program.
	putStream(t, f, "f", "s", large)
	id, err := h.readAttr(ref)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "copy"), nil, 0o644))
	check(t, unix.Setxattr(filepath.Join(dir, "copy"), ref, id, 0))
	wantNames(t, f, "copy")
	check(t, f.Remove(t.Context(), "copy"))
	wantStream(t, f, "f", "s", large)

	// References that lead nowhere are as if they weren't there.
	for _, bad := range []string{"", "x", "../../f", strings.Repeat("A", sideID), strings.Repeat("/", sideID), strings.Repeat("A", sideID-1) + "\x00"} {
		check(t, unix.Setxattr(path, ref, []byte(bad), 0))
		wantNames(t, f, "f")
		putStream(t, f, "f", "s", large)
		wantStream(t, f, "f", "s", large)
		putStream(t, f, "f", "t", "t")
		check(t, h.RenameStream(t.Context(), "t", "s", true))
		wantStream(t, f, "f", "s", "t")
		check(t, h.RemoveStream(t.Context(), "s"))
	}
}

// TestSidecarOfTwoNames: a server that is killed while it renames a stream leaves two references to the content. It is
// there until the last of them goes, and no longer.
func TestSidecarOfTwoNames(t *testing.T) {
	for how, end := range map[string]func(h *File) error{
		"the old name is removed": func(h *File) error { return h.RemoveStream(t.Context(), "s") },
		"the new name is removed": func(h *File) error {
			return errors.Join(h.RemoveStream(t.Context(), "t"), h.RenameStream(t.Context(), "s", "t", false))
		},
		"the client renames again": func(h *File) error { return h.RenameStream(t.Context(), "s", "t", true) },
	} {
		t.Run(how, func(t *testing.T) {
			f, dir := sideFS(t)
			h := openFile(t, f, vfs.ReadAttributes)
			twice := func() {
				t.Helper()
				id, err := h.readAttr(sidePrefix + "s" + streamType)
				check(t, err)
				check(t, h.writeAttr(sidePrefix+"t"+streamType, id, unix.XATTR_CREATE))
				wantNames(t, f, "f", "s", "t")
			}
			twice()
			check(t, end(h))
			wantNames(t, f, "f", "t")
			wantStream(t, f, "f", "t", large)
			wantSidecars(t, dir, 1)
			check(t, h.RenameStream(t.Context(), "t", "s", false))
			twice()
			check(t, errors.Join(h.RemoveStream(t.Context(), "s"), h.RemoveStream(t.Context(), "t")))
			wantSidecars(t, dir, 0)
			putStream(t, f, "f", "s", large)
			twice()
			check(t, f.Remove(t.Context(), "f"))
			wantSidecars(t, dir, 0)
		})
	}
}

// TestSidecarForeign: a directory of somebody else's isn't used.
func TestSidecarForeign(t *testing.T) {
	needRoot(t)
	for name, prepare := range map[string]func(path string) error{
		"owner":    func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chown(p, 1, 1)) },
		"writable": func(p string) error { return errors.Join(os.Mkdir(p, 0o700), os.Chmod(p, 0o777)) },
		"link":     func(p string) error { return os.Symlink(".", p) },
		"file":     func(p string) error { return os.WriteFile(p, nil, 0o600) },
	} {
		dir := t.TempDir()
		check(t, prepare(filepath.Join(dir, sidecars)))
		f := newFSAt(t, dir, nil)
		putStream(t, f, "f", "s", "small")
		s := openStreamOf(t, openFile(t, f, vfs.ReadAttributes), "s")
		if _, err := s.WriteAt([]byte(large), 0); !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("%s: %v", name, err)
		}
		wantOpenStream(t, s, "small")
	}
}

// TestSidecarOwner: it counts for the quota of who owns the object.
func TestSidecarOwner(t *testing.T) {
	f, dir := sideFS(t)
	needRoot(t)
	check(t, os.Chown(filepath.Join(dir, "f"), 44001, 44001))
	putStream(t, f, "f", "t", large)
	owners := 0
	list, err := os.ReadDir(filepath.Join(dir, sidecars))
	check(t, err)
	for _, e := range list {
		var st status
		check(t, st.at(unix.AT_FDCWD, filepath.Join(dir, sidecars, e.Name())))
		if st.uid == 44001 && st.gid == 44001 {
			owners++
		}
	}
	if owners != 1 {
		t.Errorf("%d sidecars of the owner's", owners)
	}
}

// TestSidecarDistrusted: what may not be looked at isn't taken for nothing.
func TestSidecarDistrusted(t *testing.T) {
	f, dir := sideFS(t)
	putStream(t, f, "f", "small", "x")
	side := filepath.Join(dir, sidecars)
	check(t, os.Chmod(side, 0o775)) // as with all in the directory
	h := openFile(t, f, vfs.AccessFull)
	wantUnseen(t, h)
	if err := h.RemoveStream(t.Context(), "s"); !errors.Is(err, errForeign) {
		t.Errorf("RemoveStream: %v", err)
	}
	if err := h.RenameStream(t.Context(), "small", "s", true); !errors.Is(err, errForeign) {
		t.Errorf("RenameStream: %v", err)
	}
	wantStream(t, f, "f", "small", "x")
	check(t, os.Chmod(side, 0o700))
	wantStream(t, f, "f", "s", large)
	check(t, os.Chmod(side, 0o775))
	check(t, f.Remove(t.Context(), "f")) // it can go, and the sidecar is left
	check(t, os.Chmod(side, 0o700))
	wantSidecars(t, dir, 1)
}

// wantUnseen wants an error of all who look for the stream "s".
func wantUnseen(t *testing.T, h *File) {
	t.Helper()
	var failed error
	for info, err := range h.Streams(t.Context()) {
		if err == nil {
			t.Errorf("listed: %+v", info)
		}
		failed = err
	}
	if failed == nil {
		t.Error("listed without the stream")
	}
	for _, opt := range []vfs.StreamOptions{{}, {Create: true}, {Create: true, Exclusive: true}} {
		if s, err := h.OpenStream(t.Context(), "s", opt); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("OpenStream, %+v: %v, %v", opt, s, err)
		}
	}
}

// TestSidecarNoDescriptors: when there are none to look with, for a moment.
func TestSidecarNoDescriptors(t *testing.T) {
	f, dir := sideFS(t)
	h := openFile(t, f, vfs.AccessFull)
	var was unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &was))
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: was.Max}))
	_, listed := h.streamInfos(t.Context())
	_, found := h.findStream("s")
	_, gone := f.lastLink("f")
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
	for what, err := range map[string]error{"listed": listed, "found": found, "lastLink": gone} {
		if !errors.Is(err, unix.EMFILE) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wantStream(t, f, "f", "s", large)
	check(t, f.Remove(t.Context(), "f"))
	wantSidecars(t, dir, 0)
}

// TestSidecarRefer: a reference is replaced only if it leads nowhere.
func TestSidecarRefer(t *testing.T) {
	f, dir := sideFS(t)
	h := openFile(t, f, vfs.AccessFull)
	const ref = sidePrefix + "s" + streamType
	if _, err := h.createSide("s"); err != unix.EEXIST {
		t.Errorf("createSide: %v", err)
	}
	wantSidecars(t, dir, 1)
	wantStream(t, f, "f", "s", large)
	check(t, h.writeAttr(ref, []byte(strings.Repeat("A", sideID)), 0))
	if attr, err := h.createSide("s"); attr != ref || err != nil {
		t.Errorf("createSide over nothing: %q, %v", attr, err)
	}
	wantStream(t, f, "f", "s", "")
}

// TestSidecarPowerFailure: what was flushed outlasts it, also if it is moved then.
func TestSidecarPowerFailure(t *testing.T) {
	dir := quotaDisk{64 << 20, []string{"mkfs.ext4", "-q"}, "", "", 0}.dir(t, "defaults")
	f, err := New(dir, nil)
	check(t, err)
	putStream(t, f, "f", "s", "durable")
	h := opened(t, t.Context(), f, "f", vfs.ReadAttributes)
	s, err := h.OpenStream(t.Context(), "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	check(t, err)
	check(t, s.(*streamFile).Sync())
	_, err = s.(*streamFile).WriteAt([]byte(large), 7)
	check(t, err)
	const shutdown, logFlush = 0x8004587d, 1 // EXT4_IOC_SHUTDOWN: the names are written, and no content
	lost := unix.IoctlSetPointerInt(f.sys.rootfd, shutdown, logFlush)
	check(t, errors.Join(s.Close(), h.Close(), f.Close()))
	if lost != nil {
		t.Skip("SKIPPED, NOT TESTED: no power failure to be had:", lost)
	}
	for _, line := range [][]string{{"umount", dir}, {"mount", "-o", "loop", filepath.Join(filepath.Dir(dir), "image"), dir}} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", line, err, out)
		}
	}
	f, err = New(dir, nil)
	check(t, err)
	defer f.Close()
	h = opened(t, t.Context(), f, "f", vfs.ReadAttributes)
	defer h.Close()
	s, err = h.OpenStream(t.Context(), "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.ReadData}})
	check(t, err)
	defer s.Close()
	b := make([]byte, len("durable"))
	if n, err := s.(*streamFile).ReadAt(b, 0); string(b[:n]) != "durable" {
		t.Errorf("after a power failure: %q, %v", b[:n], err)
	}
}

// TestSidecarNotPutBack: who moves a stream learns that nothing else has its content.
func TestSidecarNotPutBack(t *testing.T) {
	f := newFS(t, nil)
	putStream(t, f, "f", "s", "content")
	h := openFile(t, f, vfs.AccessFull)
	const from = streamPrefix + "s" + streamType
	id := []byte(strings.Repeat("A", sideID))
	tooLong := sidePrefix + strings.Repeat("x", maxAttrName)
	tooLarge := make([]byte, maxAttrValue+1)
	if err := h.replaceBySide(from, []byte("content\x00"), tooLong, id); errors.Is(err, errNotPutBack) || err == nil {
		t.Errorf("put back: %v", err)
	}
	wantStream(t, f, "f", "s", "content")
	if err := h.replaceBySide(from, tooLarge, tooLong, id); !errors.Is(err, errNotPutBack) {
		t.Errorf("not put back: %v", err)
	}
}

// A snapshot's objects have the numbers and references of the originals, whose streams are left alone.
func TestSidecarsAndSnapshots(t *testing.T) {
	if _, err := exec.LookPath("btrfs"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: no snapshots to be had without btrfs (package btrfs-progs): ", err)
	}
	dir := quotaDisk{256 << 20, []string{"mkfs.btrfs", "-q"}, "", "", 0}.dir(t, "defaults")
	volume := func(arg ...string) {
		t.Helper()
		if out, err := exec.Command("btrfs", append([]string{"subvolume"}, arg...)...).CombinedOutput(); err != nil {
			t.Fatalf("btrfs subvolume %v: %v\n%s", arg, err, out)
		}
	}
	proj := filepath.Join(dir, "proj")
	volume("create", proj)
	f := newFSAt(t, dir, nil)
	putStream(t, f, "proj/f", "s", large)
	volume("snapshot", proj, filepath.Join(dir, "copy"))
	volume("snapshot", "-r", proj, filepath.Join(dir, "then"))
	wantStream(t, f, "proj/f", "s", large)

	h := opened(t, t.Context(), f, "then/f", vfs.ReadAttributes|vfs.ReadEA)
	s, err := h.OpenStream(t.Context(), "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	if err == nil {
		s.Close()
		t.Error("the read-only snapshot has the stream of the original")
	}
	h.Close()
	putStream(t, f, "copy/f", "s", large[1:])
	wantStream(t, f, "copy/f", "s", large[1:])
	wantStream(t, f, "proj/f", "s", large)
	check(t, f.Remove(t.Context(), "copy/f"))
	wantStream(t, f, "proj/f", "s", large)
}
