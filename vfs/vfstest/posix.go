package vfstest

import (
	"io/fs"

	"github.com/gosmbd/smb/vfs"
)

// modes are such that whoever owns the object can still open it.
var modes = []fs.FileMode{0o700, 0o640, 0o777, 0o755, 0o600, 0o664}

// modesOf returns what a file can have, or a directory.
func modesOf(dir bool) []fs.FileMode {
	if !dir {
		return modes // some systems have no sticky files
	}
	return append([]fs.FileMode{0o770 | fs.ModeSticky}, modes...)
}

// chmod changes the mode, or skips the test where it can't be changed.
func (s *suite) chmod(f vfs.File, mode fs.FileMode) {
	s.Helper()
	err := need[vfs.Chmoder](s, f).Chmod(mode)
	s.declined(err)
	if err != nil {
		s.Fatalf("Chmod(%v): %v", mode, err)
	}
}

// wantMode checks the permissions as a File, its name and the listing have them.
func (s *suite) wantMode(what string, f vfs.File, name string, want fs.FileMode) {
	s.Helper()
	listed := vfs.Attr{}
	root := s.open(".", vfs.AccessRead)
	defer s.close(root)
	for e, err := range need[vfs.DirReader](s, root).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		if e.Name == name {
			listed = e.Attr
		}
	}
	for _, a := range []vfs.Attr{s.stat(f), s.statName(name), listed} {
		if got := a.Mode & vfs.PosixBits; got != want || !a.Owned {
			s.Errorf("%s: mode %v, owned %v, want %v", what, got, a.Owned, want)
		}
	}
}

func testMode(s *suite) {
	names := s.objects()
	s.file("other", "")
	other := s.statName("other")
	for _, name := range names {
		f := s.open(name, attributes)
		for _, mode := range modesOf(name == "d") {
			s.chmod(f, mode)
			s.wantMode("Chmod", f, name, mode)
		}
		// Type bits mean nothing here.
		s.chmod(f, fs.ModeSymlink|fs.ModeDevice|0o750)
		s.wantMode("Chmod with a type", f, name, 0o750)
		if a := s.stat(f); a.IsDir() != (name == "d") || a.Mode.IsRegular() != (name == "f") {
			s.Errorf("%q is now %v", name, a.Mode)
		}
		s.close(f)
	}
	if a := s.statName("other"); a != other {
		s.Errorf("another file was %+v, is %+v", other, a)
	}
	s.wantContent("f", "content")
}

func testCreateMode(s *suite) {
	for _, dir := range s.kinds() {
		for i, mode := range modesOf(dir) {
			name := string(rune('a'+i)) + map[bool]string{true: "dir"}[dir]
			f, err := s.tryCreate(name, vfs.CreateOptions{
				OpenOptions: vfs.OpenOptions{Access: vfs.AccessReadOnly},
				Directory:   dir, Attributes: vfs.AttrArchive,
				Mode: mode | fs.ModeSocket, HasMode: true,
			})
			if err != nil {
				s.Fatalf("Create with mode %v: %v", mode, err)
			}
			need[vfs.Chmoder](s, f)
			s.wantMode("Create", f, name, mode)
			if a := s.stat(f); a.IsDir() != dir || a.Mode.IsRegular() == dir {
				s.Errorf("%q is %v", name, a.Mode)
			}
			s.close(f)
		}
	}
}

func testOwner(s *suite) {
	s.file("f", "content")
	f := s.open("f", attributes)
	defer s.close(f)
	was := s.stat(f)
	c := need[vfs.Chowner](s, f)
	err := c.Chown(int(was.UID), -1)
	s.declined(err)
	if err != nil {
		s.Errorf("Chown to who owns it already: %v", err)
	}
	uid, gid := was.UID+1, was.GID+2
	if is(c.Chown(int(uid), int(gid)), fs.ErrPermission) {
		if a := s.stat(f); a.UID != was.UID || a.GID != was.GID {
			s.Errorf("a change that was refused made %d:%d of %d:%d", a.UID, a.GID, was.UID, was.GID)
		}
		s.Skip("owners can't be changed")
	}
	for _, step := range []struct {
		uid, gid int
		want     [2]uint32
	}{
		{-1, -1, [2]uint32{uid, gid}},
		{-1, int(gid) + 1, [2]uint32{uid, gid + 1}},
		{int(uid) + 1, -1, [2]uint32{uid + 1, gid + 1}},
	} {
		if err := c.Chown(step.uid, step.gid); err != nil {
			s.Errorf("Chown(%d, %d): %v", step.uid, step.gid, err)
		}
		for _, a := range []vfs.Attr{s.stat(f), s.statName("f")} {
			if got := [2]uint32{a.UID, a.GID}; got != step.want || !a.Owned {
				s.Errorf("Chown(%d, %d): owners %v, want %v", step.uid, step.gid, got, step.want)
			}
		}
	}
	s.wantContent("f", "content")
}
