package vfstest

import (
	"io/fs"

	"github.com/gosmbd/smb/vfs"
)

func testRemove(s *suite) {
	need[vfs.Remover](s, s.fs)
	removed := func(name string) {
		s.Helper()
		if err := s.remove(name); err != nil {
			s.Errorf("Remove(%q): %v", name, err)
		}
		s.wantMissing(name)
	}
	s.file("f", "content")
	s.wantErr("Remove of what is not there", s.remove("missing"), fs.ErrNotExist)
	s.wantErr("Remove below a missing directory", s.remove("missing/x"), fs.ErrNotExist)
	s.wantErr("Remove below a file", s.remove("f/x"), vfs.ErrNotDir, fs.ErrNotExist)
	if err := s.remove("."); err == nil {
		s.Error("Remove of the root succeeds")
	}
	removed("f")
	s.wantNames(".")
	s.mkdir("d")
	s.mkdir("d/sub")
	s.wantErr("Remove of a directory that is not empty", s.remove("d"), vfs.ErrNotEmpty)
	removed("d/sub")
	removed("d")
	s.wantNames(".")
}

// testRemoveOpen removes a file that is open: it goes on working, nameless.
func testRemoveOpen(s *suite) {
	need[vfs.Remover](s, s.fs)
	f := s.create("f")
	defer s.close(f)
	a := s.open("f", attributes)
	defer s.close(a)
	s.write(f, "content", 0)
	if err := s.remove("f"); err != nil {
		s.wantErr("Remove of an open file", err, vfs.ErrSharing)
		return
	}
	s.wantNames(".")
	s.wantMissing("f")
	s.write(f, "more", 7)
	if got := s.content(f); got != "contentmore" {
		s.Errorf("after Remove, content = %q", got)
	}
	if x := s.stat(a); x.Size != 11 {
		s.Errorf("after Remove, the handle for attributes shows size %d, want 11", x.Size)
	}
	if w, ok := vfs.As[vfs.AttrSetter](a); ok {
		if err := w.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}); err != nil {
			s.declined(err)
			s.Errorf("after Remove, SetAttr: %v", err)
		}
	}
	// The name is free, and its new owner is another object.
	g := s.create("f")
	defer s.close(g)
	if got := s.content(g); got != "" {
		s.Errorf("the new file has content %q", got)
	}
	if x, y := s.stat(f), s.stat(g); x.ID != 0 && x.ID == y.ID {
		s.Errorf("a removed open file and its successor share ID %#x", x.ID)
	}
}

func testRename(s *suite) {
	need[vfs.Renamer](s, s.fs)
	renamed := func(steps ...string) {
		for i, to := range steps[1:] {
			if err := s.rename(steps[i], to, false); err != nil {
				s.Fatalf("Rename(%q, %q): %v", steps[i], to, err)
			}
			s.wantMissing(steps[i])
			s.wantContent(to, "content")
		}
	}
	s.file("f", "content")
	renamed("f", "g", "f")
	s.wantErr("Rename of a missing name", s.rename("missing", "x", false), fs.ErrNotExist)
	s.wantErr("Rename of a missing name, replacing", s.rename("missing", "f", true), fs.ErrNotExist)
	s.wantErr("Rename into a missing directory", s.rename("f", "missing/x", false), fs.ErrNotExist)
	s.mkdir("d")
	renamed("f", "d/g", "d/F", "f")
	s.wantErr("Rename into a file", s.rename("d", "f/x", false), vfs.ErrNotDir, fs.ErrNotExist)
	// Only the case changes.
	if err := s.rename("f", "F", false); err != nil {
		s.Errorf("Rename(f, F): %v", err)
	}
	s.wantNames(".", "F", "d")
	s.wantContent("F", "content")
}

func testRenameReplace(s *suite) {
	need[vfs.Renamer](s, s.fs)
	s.file("a", "A")
	s.file("b", "B")
	s.wantErr("Rename to a name that exists", s.rename("a", "b", false), fs.ErrExist)
	s.wantContent("a", "A")
	s.wantContent("b", "B")
	if err := s.rename("a", "b", true); err != nil {
		s.Errorf("Rename, replacing: %v", err)
	}
	s.wantNames(".", "b")
	s.wantContent("b", "A")

	// Never a file over a directory, a directory over a file, or anything
	// over a directory with content.
	s.mkdir("d")
	s.mkdir("d/sub")
	s.mkdir("e")
	for _, replace := range []bool{false, true} {
		for _, r := range [][2]string{{"b", "d"}, {"d", "b"}, {"e", "d"}} {
			if err := s.rename(r[0], r[1], replace); err == nil {
				s.Fatalf("Rename(%q, %q, %v) succeeds", r[0], r[1], replace)
			} else if !replace {
				s.wantErr("Rename("+r[0]+", "+r[1]+")", err, fs.ErrExist)
			}
		}
	}
	s.wantNames(".", "b", "d", "e")
	s.wantNames("d", "sub")
	s.wantContent("b", "A")
}

func testRenameItself(s *suite) {
	need[vfs.Renamer](s, s.fs)
	s.file("f", "content")
	s.mkdir("d")
	s.file("d/g", "below")
	// Replacing oneself changes nothing; without replace it may also be
	// ErrExist. Either way nothing is lost.
	for _, name := range []string{"f", "d"} {
		for _, replace := range []bool{true, false} {
			if err := s.rename(name, name, replace); err != nil {
				s.wantErr("Rename onto itself", err, fs.ErrExist)
			}
		}
	}
	s.wantContent("f", "content")
	s.wantContent("d/g", "below")
	for _, name := range []string{"d/x", "d/g/x"} {
		if err := s.rename("d", name, true); err == nil {
			s.Errorf("Rename of a directory to %q below itself succeeds", name)
		}
	}
	if err := s.rename("d/g", "d", true); err == nil {
		s.Error("Rename onto the own parent succeeds")
	}
	if err := s.rename(".", "x", false); err == nil {
		s.Error("Rename of the root succeeds")
	}
	if err := s.rename("f", ".", true); err == nil {
		s.Error("Rename onto the root succeeds")
	}
	s.wantNames(".", "d", "f")
	s.wantContent("d/g", "below")
}

func testRenameOpen(s *suite) {
	need[vfs.Renamer](s, s.fs)
	f := s.create("f")
	defer s.close(f)
	s.write(f, "content", 0)
	a := s.open("f", attributes)
	defer s.close(a)
	if err := s.rename("f", "g", false); err != nil {
		s.Fatal(err)
	}
	s.write(f, "more", 7)
	s.wantContent("g", "contentmore")
	if x := s.stat(a); x.Size != 11 {
		s.Errorf("after Rename, the handle for attributes shows size %d, want 11", x.Size)
	}
	if w, ok := vfs.As[vfs.AttrSetter](a); ok {
		err := w.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrHidden})
		s.declined(err)
		if err != nil {
			s.Errorf("after Rename, SetAttr: %v", err)
		}
		if x, y := s.stat(f), s.statName("g"); x.Attributes != y.Attributes {
			s.Errorf("after Rename, SetAttr changed another object: %#x and %#x", x.Attributes, y.Attributes)
		}
	}
	// The replaced object goes on working as well.
	h := s.create("h")
	defer s.close(h)
	s.write(h, "old", 0)
	if err := s.rename("g", "h", true); err != nil {
		s.wantErr("Rename over an open file", err, vfs.ErrSharing)
		return
	}
	if got := s.content(h); got != "old" {
		s.Errorf("the replaced file has content %q, want %q", got, "old")
	}
	s.wantContent("h", "contentmore")
}

// testRenameDirectory renames a directory with an open file inside.
func testRenameDirectory(s *suite) {
	need[vfs.Renamer](s, s.fs)
	s.mkdir("d")
	s.mkdir("d/sub")
	s.mkdir("other")
	s.file("d/sub/f", "content")
	f := s.open("d/sub/f", readWrite)
	defer s.close(f)
	d := s.open("d", vfs.AccessRead)
	defer s.close(d)
	if err := s.rename("d", "other/e", false); err != nil {
		s.wantErr("Rename of a directory with an open file", err, vfs.ErrSharing)
		return
	}
	s.wantMissing("d")
	s.wantContent("other/e/sub/f", "content")
	s.write(f, "C", 0)
	s.wantContent("other/e/sub/f", "Content")
	n := 0
	for e, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		if err != nil || e.Name != "sub" {
			s.Errorf("ReadDir after Rename: %q, %v", e.Name, err)
		}
		n++
	}
	if n != 1 {
		s.Errorf("ReadDir after Rename yields %d names, want 1", n)
	}
	s.file("other/e/new", "")
	s.wantNames("other/e", "new", "sub")
}

func testLink(s *suite) {
	l := need[vfs.Linker](s, s.fs)
	s.file("f", "content")
	s.mkdir("d")
	err := l.Link(s.ctx, "f", "d/g", false)
	s.declined(err)
	if err != nil {
		s.Fatal(err)
	}
	s.wantContent("d/g", "content")
	a, b := s.statName("f"), s.statName("d/g")
	if a.ID != b.ID {
		s.Errorf("two names of one file have IDs %#x and %#x", a.ID, b.ID)
	}
	if a.Links != 0 && a.Links != 2 {
		s.Errorf("a file with two names has %d links", a.Links)
	}
	f := s.open("f", readWrite)
	s.write(f, "C", 0)
	s.close(f)
	s.wantContent("d/g", "Content")

	s.file("h", "other")
	s.wantErr("Link to a name that exists", l.Link(s.ctx, "f", "h", false), fs.ErrExist)
	s.wantErr("Link of a missing name", l.Link(s.ctx, "missing", "x", false), fs.ErrNotExist)
	s.wantErr("Link into a missing directory", l.Link(s.ctx, "f", "missing/x", false), fs.ErrNotExist)
	s.wantContent("h", "other")
	if err := l.Link(s.ctx, "f", "h", true); err != nil {
		s.declined(err)
		s.Errorf("Link, replacing: %v", err)
	} else {
		s.wantContent("h", "Content")
	}
	if err := l.Link(s.ctx, "f", "d", true); err == nil {
		s.Error("Link over a directory succeeds")
	}
	if err := l.Link(s.ctx, "d", "x", false); err == nil {
		s.Error("Link of a directory succeeds")
	}
	if err := s.remove("f"); err != nil {
		s.Fatal(err)
	}
	s.wantContent("d/g", "Content")
}
