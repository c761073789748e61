package vfstest

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// symlinker finds the capability, or skips the test also where the storage beneath
// declines.
func (s *suite) symlinker() vfs.Symlinker {
	s.Helper()
	l := need[vfs.Symlinker](s, s.fs)
	_, err := l.Readlink(s.ctx, ".")
	s.declined(err)
	return l
}

// reparser is symlinker for what can be made a reparse point.
func (s *suite) reparser(f vfs.File) vfs.Reparser {
	s.Helper()
	r := need[vfs.Reparser](s, f)
	_, err := r.ReparsePoint(s.ctx)
	s.declined(err)
	return r
}

// isLink checks that name is a link to target.
func (s *suite) isLink(name, target string) {
	s.Helper()
	if got, err := s.symlinker().Readlink(s.ctx, name); err != nil || got != target {
		s.Errorf("Readlink(%q) = %q, %v, want %q", name, got, err, target)
	}
	f := s.open(name, vfs.AccessRead)
	defer s.close(f)
	a := s.stat(f)
	if a.Mode&fs.ModeSymlink == 0 || a.ReparseTag != vfs.TagSymlink || a.IsDir() {
		s.Errorf("%q: mode %v, tag %#x, want a link", name, a.Mode, a.ReparseTag)
	}
}

// entries lists a directory.
func (s *suite) entries(dir string) (list []vfs.DirEntry) {
	s.Helper()
	f := s.open(dir, vfs.AccessRead)
	defer s.close(f)
	for e, err := range need[vfs.DirReader](s, f).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func testSymlink(s *suite) {
	l := s.symlinker()
	s.mkdir("d")
	s.file("d/f", "content")
	for name, target := range map[string]string{
		"l": "d/f", "d/l": "../d/f", "dangling": "nothing/here", "dir": "d", "self": "self", "d/up": "..",
	} {
		if err := l.Symlink(s.ctx, target, name, false); err != nil {
			s.Fatalf("Symlink(%q, %q): %v", target, name, err)
		}
		s.isLink(name, target)
	}
	found := make(map[string]uint32)
	for _, e := range s.entries(".") {
		found[e.Name] = e.Attr.ReparseTag
	}
	for name, tag := range map[string]uint32{"l": vfs.TagSymlink, "dangling": vfs.TagSymlink, "dir": vfs.TagSymlink, "d": 0} {
		if got, ok := found[name]; !ok || got != tag {
			s.Errorf("%q is listed: %v, with tag %#x, want %#x", name, ok, got, tag)
		}
	}
	// Nothing is followed, neither to look nor to create.
	for _, name := range []string{"dir/f", "dir/new", "self/x", "dangling/x", "l/x"} {
		_, err := s.tryOpen(name, attributes)
		s.wantErr("Open of "+name, err, vfs.ErrNotDir)
	}
	_, err := s.tryCreate("dir/new", vfs.CreateOptions{})
	s.wantErr("Create of dir/new", err, vfs.ErrNotDir)
	_, err = s.tryCreate("dangling", vfs.CreateOptions{})
	s.wantErr("Create of dangling", err, fs.ErrExist)
	for _, name := range []string{"d", "d/f", "."} {
		_, err := l.Readlink(s.ctx, name)
		s.wantErr("Readlink of "+name, err, fs.ErrInvalid)
	}
	_, err = l.Readlink(s.ctx, "missing")
	s.wantErr("Readlink of missing", err, fs.ErrNotExist)
	s.wantErr("Symlink to nothing", l.Symlink(s.ctx, "", "new", false), fs.ErrInvalid)
	s.wantErr("Symlink to an absolute name", l.Symlink(s.ctx, "/etc", "new", false), fs.ErrInvalid)
}

// testSymlinkReplace checks what a link may replace, and that links are removed and
// renamed themselves.
func testSymlinkReplace(s *suite) {
	l := s.symlinker()
	s.mkdir("empty")
	s.mkdir("full")
	s.file("full/f", "content")
	s.file("f", "content")
	for _, name := range []string{"empty", "full", "f"} {
		s.wantErr("Symlink of "+name, l.Symlink(s.ctx, "full/f", name, false), fs.ErrExist)
	}
	s.wantErr("Symlink of full", l.Symlink(s.ctx, "f", "full", true), vfs.ErrNotEmpty)
	s.wantErr("Symlink of missing/l", l.Symlink(s.ctx, "f", "missing/l", true), fs.ErrNotExist)
	open := s.open("f", vfs.AccessRead)
	defer s.close(open)
	for _, name := range []string{"empty", "f", "new", "f"} {
		if err := l.Symlink(s.ctx, "full/f", name, true); err != nil {
			s.Fatalf("Symlink(%q) that replaces: %v", name, err)
		}
		s.isLink(name, "full/f")
	}
	if a := s.stat(open); a.ReparseTag != 0 || a.Size != 7 {
		s.Errorf("a File of what was replaced became %+v", a)
	}
	if r, ok := vfs.As[vfs.Renamer](s.fs); ok {
		if err := r.Rename(s.ctx, "new", "renamed", false); err != nil {
			s.Fatal(err)
		}
		s.isLink("renamed", "full/f")
	}
	if r, ok := vfs.As[vfs.Remover](s.fs); ok {
		for _, name := range []string{"empty", "f"} {
			if err := r.Remove(s.ctx, name); err != nil {
				s.Fatal(err)
			}
			s.wantMissing(name)
		}
	}
	s.wantContent("full/f", "content")
}

func testReparse(s *suite) {
	s.mkdir("d")
	s.file("f", "content")
	odd := vfs.ReparsePoint{Tag: 0x1234, GUID: [16]byte{1, 2, 3, 15: 16}, Data: []byte("whose")}
	for _, name := range []string{"d", "f"} {
		f := s.open(name, readWrite)
		r := s.reparser(f)
		before := s.stat(f)
		if _, err := r.ReparsePoint(s.ctx); !errors.Is(err, vfs.ErrNotReparsePoint) {
			s.Errorf("ReparsePoint of an ordinary object: %v", err)
		}
		s.wantErr("RemoveReparsePoint of "+name, r.RemoveReparsePoint(s.ctx), vfs.ErrNotReparsePoint)
		for _, p := range []vfs.ReparsePoint{
			{Tag: vfs.TagMountPoint, Data: []byte("somewhere")}, {Tag: vfs.TagSymlink, Data: []byte(strings.Repeat("x", 2000))}, odd, {Tag: 0x80000023},
		} {
			if err := r.SetReparsePoint(s.ctx, p); err != nil {
				s.Fatalf("SetReparsePoint(%#x): %v", p.Tag, err)
			}
			s.isReparse(f, name, p)
		}
		s.keepsReparse(f, name)
		if err := r.RemoveReparsePoint(s.ctx); err != nil {
			s.Fatal(err)
		}
		if a := s.stat(f); a.ReparseTag != 0 || a.IsDir() != before.IsDir() || a.Size != before.Size || a.ID != before.ID {
			s.Errorf("%q was %+v, became %+v", name, before, a)
		}
		s.close(f)
	}
	s.wantContent("f", "content")
}

// keepsReparse checks that other changes leave a reparse point what it is.
func (s *suite) keepsReparse(f vfs.File, name string) {
	s.Helper()
	tag := s.stat(f).ReparseTag
	if c, ok := vfs.As[vfs.AttrSetter](f); ok {
		if err := c.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}); err != nil {
			s.Fatal(err)
		}
	}
	if r, ok := vfs.As[vfs.Renamer](s.fs); ok {
		if err := errors.Join(r.Rename(s.ctx, name, name+"-moved", false), r.Rename(s.ctx, name+"-moved", name, false)); err != nil {
			s.Fatal(err)
		}
	}
	if got := s.stat(f).ReparseTag; got != tag {
		s.Errorf("%q: tag %#x became %#x", name, tag, got)
	}
}

// isReparse checks what is told of a reparse point, by f and by others.
func (s *suite) isReparse(f vfs.File, name string, want vfs.ReparsePoint) {
	s.Helper()
	other := s.open(name, vfs.ReadAttributes)
	defer s.close(other)
	for _, f := range []vfs.File{f, other} {
		p, err := s.reparser(f).ReparsePoint(s.ctx)
		if err != nil || p.Tag != want.Tag || p.GUID != want.GUID || !bytes.Equal(p.Data, want.Data) {
			s.Errorf("%q is %+v, %v, want %+v", name, p, err, want)
		}
		if a := s.stat(f); a.ReparseTag != want.Tag {
			s.Errorf("%q has tag %#x, want %#x", name, a.ReparseTag, want.Tag)
		}
	}
	for _, e := range s.entries(".") {
		if e.Name == name && e.Attr.ReparseTag != want.Tag {
			s.Errorf("%q is listed with tag %#x, want %#x", name, e.Attr.ReparseTag, want.Tag)
		}
	}
}

// testReparseLimit checks that what is too large is refused and changes nothing.
func testReparseLimit(s *suite) {
	s.file("f", "content")
	f := s.open("f", readWrite)
	defer s.close(f)
	r := s.reparser(f)
	small := vfs.ReparsePoint{Tag: vfs.TagMountPoint, Data: []byte("x")}
	large := vfs.ReparsePoint{Tag: vfs.TagMountPoint, Data: bytes.Repeat([]byte("y"), vfs.MaxReparseData)}
	if err := r.SetReparsePoint(s.ctx, small); err != nil {
		s.Fatal(err)
	}
	switch err := r.SetReparsePoint(s.ctx, large); {
	case err == nil:
		s.isReparse(f, "f", large)
	case errors.Is(err, vfs.ErrNoSpace):
		s.isReparse(f, "f", small)
	default:
		s.Error(err)
	}
	large.Data = append(large.Data, 0)
	if err := r.SetReparsePoint(s.ctx, large); err == nil {
		s.Errorf("%d bytes are stored", len(large.Data))
	}
}
