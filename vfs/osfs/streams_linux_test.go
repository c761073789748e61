package osfs

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

// What smbd 4.17.12 with vfs_streams_xattr wrote ("put z f.txt:Zone.Identifier",
// an empty file, and one to a directory).
var streamSamples = []struct{ attr, value, name, content string }{
	{"user.DosStream.Zone.Identifier:$DATA", "5b5a6f6e655472616e736665725d0d0a5a6f6e6549643d330d0a00", "Zone.Identifier", "[ZoneTransfer]\r\nZoneId=3\r\n"},
	{"user.DosStream.empty:$DATA", "00", "empty", ""},
	{"user.DosStream.Ünï:$DATA", "5b5a6f6e655472616e736665725d0d0a5a6f6e6549643d330d0a00", "Ünï", "[ZoneTransfer]\r\nZoneId=3\r\n"},
}

func TestStreamFormat(t *testing.T) {
	for _, s := range streamSamples {
		value, err := hex.DecodeString(s.value)
		check(t, err)
		if name, ok := streamName(s.attr); name != s.name || !ok {
			t.Errorf("streamName(%q) = %q, %v", s.attr, name, ok)
		}
		if got := streamContent(value); string(got) != s.content {
			t.Errorf("content of %q is %q, want %q", s.name, got, s.content)
		}
		if attr, err := streamAttr(s.name); attr != s.attr || err != nil {
			t.Errorf("streamAttr(%q) = %q, %v", s.name, attr, err)
		}
		if got := appendStream(nil, []byte(s.content)); string(got) != string(value) {
			t.Errorf("value of %q is %x, want %x", s.name, got, value)
		}
	}
	for attr, want := range map[string]string{
		"user.DosStream.x":                 "x", // store_stream_type = no
		"user.DosStream.x:$data":           "x",
		"user.DosStream.:$DATA":            "",
		"user.DosStream.":                  "",
		"user.DosStream.x:$OTHER":          "",
		"user.DosStream.x/y:$DATA":         "",
		"user.DosStream.\xff:$DATA":        "",
		"user.DOSATTRIB":                   "",
		"user.dosstream.x:$DATA":           "",
		"security.NTACL":                   "",
		"user.DosStream.$DATA":             "$DATA",
		"user.DosStream.x:$DATA:$DATA":     "",
		"user.DosStream.AFP_AfpInfo:$DATA": "AFP_AfpInfo",
	} {
		if name, ok := streamName(attr); ok != (want != "") || ok && name != want {
			t.Errorf("streamName(%q) = %q, %v, want %q", attr, name, ok, want)
		}
	}
	if _, err := streamAttr(strings.Repeat("日", 79)); err != vfs.ErrNameTooLong {
		t.Errorf("a name of 237 bytes: %v", err)
	}
	for value, want := range map[string]string{"": "", "x": "x", "x\x00": "x", "\x00\x00": "\x00"} {
		if got := streamContent([]byte(value)); string(got) != want {
			t.Errorf("content of value %q is %q, want %q", value, got, want)
		}
	}
}

func FuzzStreamName(f *testing.F) {
	for _, s := range streamSamples {
		f.Add(s.attr)
	}
	f.Add("user.DosStream.a:$data")
	f.Fuzz(func(t *testing.T, attr string) {
		name, ok := streamName(attr)
		if !ok {
			return
		}
		if !vfs.ValidStreamName(name) {
			t.Errorf("streamName(%q) = %q", attr, name)
		}
		again, err := streamAttr(name)
		if err != nil {
			return // too long for the kernel
		}
		if back, ok := streamName(again); back != name || !ok {
			t.Errorf("%q: streamName(%q) = %q, %v, want %q", attr, again, back, ok, name)
		}
	})
}

func FuzzStreamContent(f *testing.F) {
	for _, s := range []string{"", "\x00", "content", "content\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c := streamContent(b); len(b)-len(c) > 1 || !strings.HasPrefix(string(b), string(c)) {
			t.Errorf("content of %q is %q", b, c)
		}
		if got := streamContent(appendStream(nil, b)); string(got) != string(b) {
			t.Errorf("%q became %q", b, got)
		}
	})
}

// withAttr returns a file with an extended attribute, or skips the test.
func withAttr(t *testing.T, attr, value string) (f *FS, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "f")
	check(t, os.WriteFile(path, nil, 0o644))
	if err := unix.Setxattr(path, attr, []byte(value), 0); err != nil {
		t.Skip("no extended attributes:", err)
	}
	return newFSAt(t, dir, nil), path
}

func openFile(t *testing.T, f *FS, access vfs.Access) *File {
	t.Helper()
	h, err := f.Open(t.Context(), "f", vfs.OpenOptions{Access: access})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	return h.(*File)
}

func openStreamOf(t *testing.T, h *File, name string) *streamFile {
	t.Helper()
	s, err := h.OpenStream(t.Context(), name, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessFull}})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s.(*streamFile)
}

func streamText(t *testing.T, s *streamFile) string {
	t.Helper()
	b := make([]byte, maxStream)
	n, err := s.ReadAt(b, 0)
	if err != io.EOF {
		t.Fatal(err)
	}
	return string(b[:n])
}

// What other programs wrote keeps its form, and what they do meanwhile is seen.
func TestStreamForeign(t *testing.T) {
	const attr = "user.DosStream.Typeless"
	f, path := withAttr(t, attr, "no NUL")
	h := openFile(t, f, vfs.ReadAttributes)
	s := openStreamOf(t, h, "typeless")
	if got := streamText(t, s); got != "no NUL" {
		t.Errorf("content %q", got)
	}
	if _, err := s.WriteAt([]byte("N"), 0); err != nil {
		t.Fatal(err)
	}
	var b [100]byte
	n, err := unix.Getxattr(path, attr, b[:])
	if err != nil || string(b[:n]) != "No NUL\x00" {
		t.Errorf("the attribute is %q, %v", b[:max(n, 0)], err)
	}
	check(t, unix.Setxattr(path, attr, []byte("changed\x00"), 0))
	if got := streamText(t, s); got != "changed" {
		t.Errorf("content %q after a change from outside", got)
	}
	check(t, unix.Removexattr(path, attr))
	if _, err := s.WriteAt([]byte("x"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("WriteAt after a removal from outside: %v", err)
	}
	if _, err := s.Stat(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat after a removal from outside: %v", err)
	}
	if n, err := unix.Listxattr(path, b[:]); n != 0 || err != nil {
		t.Errorf("attributes %q, %v: the write made it again", b[:max(n, 0)], err)
	}
}

// Two streams whose names differ in case, which another program can make, are
// found by their own spelling.
func TestStreamCase(t *testing.T) {
	f, path := withAttr(t, "user.DosStream.a:$DATA", "lower\x00")
	check(t, unix.Setxattr(path, "user.DosStream.A:$DATA", []byte("upper\x00"), 0))
	h := openFile(t, f, vfs.AccessRead)
	for name, want := range map[string]string{"a": "lower", "A": "upper"} {
		if got := streamText(t, openStreamOf(t, h, name)); got != want {
			t.Errorf("content of %q is %q, want %q", name, got, want)
		}
	}
	if err := h.RenameStream(t.Context(), "a", "A", false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("RenameStream: %v", err)
	}
	check(t, h.RenameStream(t.Context(), "a", "A", true))
	if got := streamText(t, openStreamOf(t, h, "a")); got != "lower" {
		t.Errorf("content %q after the rename", got)
	}
}

// A rename for which there isn't room replaces nothing and loses nothing.
func TestStreamRenameTight(t *testing.T) {
	big := strings.Repeat("x", 3000)
	f, _ := withAttr(t, "user.DosStream.big:$DATA", big+"\x00")
	h := openFile(t, f, vfs.AccessRead)
	ctx := t.Context()
	s := openStreamOf(t, h, "big")
	check(t, h.RenameStream(ctx, "big", "B", false))
	_, err := h.OpenStream(ctx, "old", vfs.StreamOptions{Create: true})
	check(t, err)
	check(t, h.RenameStream(ctx, "b", "OLD", true))
	// As much as fits, then a longer name, which doesn't fit any more where the
	// size is bounded.
	var full error
	for full == nil && len(big) < 10_000 {
		if full = s.Truncate(int64(len(big) + 10)); full == nil {
			big += strings.Repeat("\x00", 10)
		}
	}
	from := "OLD"
	for n := 10; n <= 230; n += 10 {
		to := strings.Repeat("n", n)
		err := h.RenameStream(ctx, from, to, false)
		if err == nil {
			from = to
		} else if !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("RenameStream: %v", err)
		}
		if got := streamText(t, s); got != big {
			t.Fatalf("%d bytes, want %d", len(got), len(big))
		}
	}
	names := 0
	for info, err := range h.Streams(ctx) {
		check(t, err)
		if info.Name != from || info.Size != int64(len(big)) {
			t.Errorf("stream %+v, want %q", info, from)
		}
		names++
	}
	if names != 1 {
		t.Errorf("%d streams", names)
	}
}

// Where nothing is open nothing is kept.
func TestStreamTable(t *testing.T) {
	f, _ := withAttr(t, "user.DosStream.s:$DATA", "\x00")
	h, err := f.Open(t.Context(), "f", vfs.OpenOptions{})
	check(t, err)
	s, err := h.(*File).OpenStream(t.Context(), "s", vfs.StreamOptions{})
	check(t, err)
	_, err = h.(*File).OpenStream(t.Context(), "missing", vfs.StreamOptions{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	check(t, h.(*File).RemoveStream(t.Context(), "s"))
	if n := len(f.sys.streams.objects); n != 1 {
		t.Errorf("%d objects while a stream is open", n)
	}
	check(t, s.Close())
	check(t, h.Close())
	if n := len(f.sys.streams.objects); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	if err := s.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}

// Special files have no streams, and neither has a file system without extended
// attributes.
func TestStreamUnsupported(t *testing.T) {
	dir := t.TempDir()
	check(t, unix.Mkfifo(filepath.Join(dir, "f"), 0o644))
	h := openFile(t, newFSAt(t, dir, nil), vfs.ReadAttributes)
	_, err := h.OpenStream(t.Context(), "s", vfs.StreamOptions{Create: true})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("OpenStream on a pipe: %v", err)
	}
	p, err := newFSAt(t, "/proc/self", nil).Open(t.Context(), "status", vfs.OpenOptions{Access: vfs.AccessRead})
	check(t, err)
	defer p.Close()
	_, err = p.(*File).OpenStream(t.Context(), "s", vfs.StreamOptions{Create: true})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("OpenStream in /proc: %v", err)
	}
	n := 0
	for _, err := range p.(*File).Streams(t.Context()) {
		if n++; !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Streams in /proc: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("Streams in /proc yields %d times", n)
	}
}

// TestFSOnTmpfs runs where attributes hold up to 64 KiB.
func TestFSOnTmpfs(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip(err)
	}
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		dir, err := os.MkdirTemp("/dev/shm", "osfs")
		check(t, err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		return newFSAt(t, dir, nil)
	})
}
