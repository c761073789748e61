package vfstest

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

func testRoot(s *suite) {
	f := s.open(".", vfs.AccessRead)
	defer s.close(f)
	if a := s.stat(f); !a.IsDir() {
		s.Errorf("the root is no directory: %+v", a)
	}
	if _, ok := vfs.As[vfs.DirReader](f); !ok {
		s.Error("the root is no vfs.DirReader")
	}
	s.wantNames(".")
	if _, err := s.tryCreate(".", vfs.CreateOptions{Directory: true}); err == nil {
		s.Error("Create of the root succeeds")
	}
}

func testOpenMissing(s *suite) {
	wantMissing := func(name string) {
		for _, access := range []vfs.Access{attributes, vfs.AccessRead, readWrite} {
			_, err := s.tryOpen(name, access)
			s.wantErr("Open("+name+")", err, fs.ErrNotExist)
		}
	}
	wantMissing("missing")
	wantMissing("missing/below")
	s.wantNames(".")
	s.mkdir("d")
	wantMissing("d/missing")
	s.wantNames(".", "d")
}

func testCreateExclusive(s *suite) {
	for _, name := range s.objects() {
		for _, directory := range s.kinds() {
			_, err := s.tryCreate(name, vfs.CreateOptions{
				OpenOptions: vfs.OpenOptions{Access: readWrite},
				Directory:   directory,
			})
			s.wantErr("Create("+name+")", err, fs.ErrExist)
		}
	}
	s.wantContent("f", "content")
}

func testCreateMissingParent(s *suite) {
	for _, directory := range s.kinds() {
		_, err := s.tryCreate("missing/name", vfs.CreateOptions{Directory: directory})
		s.wantErr("Create(missing/name)", err, fs.ErrNotExist)
	}
	s.wantNames(".")
}

func testFileAsDirectory(s *suite) {
	s.file("f", "content")
	_, err := s.tryOpen("f/below", vfs.AccessRead)
	s.wantErr("Open(f/below)", err, vfs.ErrNotDir, fs.ErrNotExist)
	_, err = s.tryCreate("f/below", vfs.CreateOptions{})
	s.wantErr("Create(f/below)", err, vfs.ErrNotDir, fs.ErrNotExist)
	f := s.open("f", vfs.AccessRead)
	defer s.close(f)
	if d, ok := vfs.As[vfs.DirReader](f); ok {
		for e, err := range d.ReadDir(s.ctx) {
			if err == nil {
				s.Errorf("ReadDir of a file yields %q", e.Name)
				break
			}
		}
	}
}

func testDirectoryAsFile(s *suite) {
	s.mkdir("d")
	// A client opens a directory with all sorts of rights: WriteData is
	// AddFile there.
	for _, access := range []vfs.Access{attributes, vfs.AccessRead, readWrite, vfs.AccessFull} {
		f := s.open("d", access)
		if a := s.stat(f); !a.IsDir() {
			s.Errorf("opened with access %#x, the directory is none: %+v", access, a)
		}
		s.close(f)
	}
}

func testAttributesOnly(s *suite) {
	s.file("f", "content")
	for _, access := range []vfs.Access{0, vfs.ReadAttributes, attributes, vfs.Delete | vfs.Synchronize} {
		f := s.open("f", access)
		if a := s.stat(f); a.Size != 7 {
			s.Errorf("opened with access %#x, size is %d, want 7", access, a.Size)
		}
		s.close(f)
	}
}

func testNames(s *suite) {
	names := []string{
		"a", "A b", "with spaces  inside", "dots.in.the.middle", ".leading", "ümläut", "日本語",
		"e\u0301", "😀", "Ω", "quote'", "semi;colon", "{brace}", "$HOME", "%s%n", "#", "~", "-rf", "@GMT",
		"UPPER.TXT",
	}
	for _, name := range names {
		s.file(name, name)
	}
	for _, name := range names {
		s.wantContent(name, name)
	}
	s.wantNames(".", names...)
	s.mkdir("dir with spaces")
	s.file("dir with spaces/ä", "below")
	s.wantContent("dir with spaces/ä", "below")
	s.wantNames(".", append(names, "dir with spaces")...)
}

// hostile names are such that a server or a shell may misunderstand. All but
// the last two are one element of a path to fs.ValidPath.
var hostile = []string{
	"...", "....", `a\b`, `..\..\x`, `\`, "C:", "C:x", "a:b", "a::$DATA", " ", "a ", "a.", "*", "?", "<", ">", "|", `"`,
	"nul", "CON", "com1", "aux.txt", "\x01", "\x7f", "a\nb", "a\x00b", "\u202e", "\ufeff", "\u2215", "a\u2044b",
	".DS_Store", ".smbdelete", "desktop.ini",
}

// A name that a backend can't have is refused and leaves nothing; any other
// works and stays one element below the root.
func testHostileNames(s *suite) {
	for _, name := range hostile {
		f, err := s.tryCreate(name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}})
		if err != nil {
			s.wantNames(".")
			continue
		}
		s.write(f, "content", 0)
		s.close(f)
		s.wantContent(name, "content")
		s.wantNames(".", name)
		if err := s.remove(name); err != nil {
			s.Errorf("Remove(%q): %v", name, err)
		}
	}
}

func testLongNames(s *suite) {
	longest := 255
	if v, ok := vfs.As[vfs.Sizer](s.fs); ok {
		if vol, err := v.Volume(s.ctx); err == nil && vol.MaxName != 0 {
			longest = int(vol.MaxName)
		}
	}
	long := strings.Repeat("x", min(longest, 255))
	s.file(long, "content")
	s.wantContent(long, "content")
	s.wantNames(".", long)

	// Above the limit, names work or are refused, and refusing creates
	// nothing.
	tooLong := strings.Repeat("y", 1000)
	if f, err := s.tryCreate(tooLong, vfs.CreateOptions{}); err == nil {
		s.close(f)
		s.wantNames(".", long, tooLong)
	} else {
		s.wantErr("Create of a name of 1000 bytes", err, vfs.ErrNameTooLong, fs.ErrInvalid)
		s.wantNames(".", long)
	}
	if f, err := s.tryOpen(strings.Repeat("z", 1000), attributes); err == nil {
		s.close(f)
		s.Error("Open of a missing name of 1000 bytes succeeds")
	}

	// A deep path either works or is refused.
	path := ""
	for range 20 {
		path += long + "/"
		if len(path) > 16000 {
			break
		}
		f, err := s.tryCreate(strings.TrimSuffix("deep"+path, "/"), vfs.CreateOptions{Directory: true})
		if err != nil {
			break
		}
		s.close(f)
	}
}

// A call whose context is cancelled works or fails with the context's error.
func testCancelled(s *suite) {
	s.file("f", "content")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	tolerate := func(what string, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v, want nil or context.Canceled", what, err)
		}
	}
	f, err := s.fs.Open(ctx, "f", vfs.OpenOptions{Access: readWrite})
	tolerate("Open", err)
	if err == nil {
		_, err := f.Stat(ctx)
		tolerate("Stat", err)
		s.close(f)
	}
	root := s.open(".", vfs.AccessRead)
	defer s.close(root)
	if d, ok := vfs.As[vfs.DirReader](root); ok {
		for _, err := range d.ReadDir(ctx) {
			tolerate("ReadDir", err)
		}
	}
	c, _ := vfs.As[vfs.Creator](s.fs)
	f, err = c.Create(ctx, "g", vfs.CreateOptions{})
	tolerate("Create", err)
	if err == nil {
		s.close(f)
	}
	s.wantContent("f", "content")
}

func testVolume(s *suite) {
	v, err := need[vfs.Sizer](s, s.fs).Volume(s.ctx)
	s.declined(err)
	if err != nil {
		s.Fatal(err)
	}
	if v.Free > v.Blocks || v.Available > v.Blocks {
		s.Errorf("more free than there is: %+v", v)
	}
	if v.BlockSize != 0 && v.BlockSize < 512 {
		s.Errorf("block size is %d", v.BlockSize)
	}
}
