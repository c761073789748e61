package vfstest

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/gosmbd/smb/vfs"
)

func testStat(s *suite) {
	before := time.Now().Add(-5 * time.Second)
	f := s.create("f")
	s.write(f, "0123456789", 0)
	a := s.stat(f)
	s.close(f)
	if a.IsDir() || !a.Mode.IsRegular() {
		s.Errorf("a file has mode %v", a.Mode)
	}
	if a.Size != 10 {
		s.Errorf("size = %d, want 10", a.Size)
	}
	if a.Alloc < 0 {
		s.Errorf("alloc = %d", a.Alloc)
	}
	after := time.Now().Add(5 * time.Second)
	if a.Written.Before(before) || a.Written.After(after) {
		s.Errorf("written at %v, want about %v", a.Written, time.Now())
	}
	for _, t := range []time.Time{a.Created, a.Accessed, a.Changed} {
		if !t.IsZero() && (t.Before(before) || t.After(after)) {
			s.Errorf("times of a new file: %+v, want about %v", a, time.Now())
			break
		}
	}
	if b := s.statName("f"); b.Size != a.Size || b.ID != a.ID {
		s.Errorf("opened again: %+v, want %+v", b, a)
	}
	s.mkdir("d")
	if d := s.statName("d"); !d.IsDir() || d.Mode.IsRegular() {
		s.Errorf("a directory has mode %v", d.Mode)
	}
}

// testNamer checks that an object is found by its ID wherever it is.
func testNamer(s *suite) {
	namer := need[vfs.Namer](s, s.fs)
	wantName := func(id uint64, want ...string) {
		s.Helper()
		got, err := namer.Name(s.ctx, id)
		s.declined(err)
		if err != nil || !slices.Contains(want, got) {
			s.Errorf("Name(%#x) = %q, %v, want one of %q", id, got, err, want)
		}
	}
	wantNone := func(id uint64) {
		s.Helper()
		_, err := namer.Name(s.ctx, id)
		s.wantErr("Name of what has none", err, fs.ErrNotExist)
	}
	s.mkdir("d")
	s.mkdir("d/e")
	s.file("d/e/f", "")
	file, dir, root := s.statName("d/e/f").ID, s.statName("d/e").ID, s.statName(".").ID
	wantName(root, ".")
	wantName(dir, "d/e")
	wantName(file, "d/e/f")
	wantNone(file + dir + root + 1000)
	if err := s.rename("d/e", "moved", false); err != nil {
		s.Fatal(err)
	}
	wantName(dir, "moved")
	wantName(file, "moved/f")
	if c, ok := vfs.As[vfs.Linker](s.fs); ok && c.Link(s.ctx, "moved/f", "link", false) == nil {
		wantName(file, "moved/f", "link")
		if err := s.remove("moved/f"); err != nil {
			s.Fatal(err)
		}
		wantName(file, "link")
		if err := s.rename("link", "moved/f", false); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.rename("moved/f", "moved/F", false); err != nil {
		s.Fatal(err)
	}
	wantName(file, "moved/F")
	s.file("other", "")
	other := s.statName("other").ID
	if err := s.rename("other", "moved/F", true); err != nil {
		s.Fatal(err)
	}
	wantName(other, "moved/F")
	wantNone(file)
	f := s.open("moved/F", attributes)
	defer s.close(f)
	if err := s.remove("moved/F"); err == nil {
		wantNone(other) // although it is open
	}
}

func testID(s *suite) {
	if s.statName(".").ID == 0 {
		s.Skip("the file system has no IDs")
	}
	ids := map[uint64]string{s.statName(".").ID: "."}
	s.mkdir("d")
	note := func(name string) {
		id := s.statName(name).ID
		if other, dup := ids[id]; dup || id == 0 {
			s.Errorf("%q has ID %#x like %q", name, id, other)
		}
		ids[id] = name
	}
	note("d")
	for i := range 50 {
		name := fmt.Sprintf("d/f%d", i)
		s.file(name, "")
		note(name)
	}
	// Stable: over opens, over a rename, and the same in a listing.
	for id, name := range ids {
		if got := s.statName(name).ID; got != id {
			s.Errorf("ID of %q was %#x, now %#x", name, id, got)
		}
	}
	d := s.open("d", vfs.AccessRead)
	defer s.close(d)
	for e, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		if e.Attr.ID != 0 && ids[e.Attr.ID] != "d/"+e.Name {
			s.Errorf("ReadDir gives %q ID %#x, which is of %q", e.Name, e.Attr.ID, ids[e.Attr.ID])
		}
	}
	f := s.open("d/f1", attributes)
	defer s.close(f)
	id := s.stat(f).ID
	if err := s.rename("d/f1", "renamed", false); err != nil {
		s.Fatal(err)
	}
	if a, b := s.stat(f).ID, s.statName("renamed").ID; a != id || b != id {
		s.Errorf("rename changed ID %#x to %#x (open handle) and %#x (opened again)", id, a, b)
	}
}

// setAttr changes attributes, or skips the test where they can't be set.
func (s *suite) setAttr(f vfs.File, c vfs.AttrChange) {
	s.Helper()
	err := need[vfs.AttrSetter](s, f).SetAttr(s.ctx, c)
	s.declined(err)
	if err != nil {
		s.Fatalf("SetAttr(%+v): %v", c, err)
	}
}

// A time is either kept to 100 ns, which is what the protocol has, or
// forgotten. Changed need not be settable.
func testTimes(s *suite) {
	names := s.objects()
	base := time.Date(2019, 3, 4, 5, 6, 7, 123456700, time.UTC)
	for _, name := range names {
		f := s.open(name, attributes)
		old := s.stat(f)
		// Where there is no room for it, Created follows the other times.
		created := time.Date(2018, 1, 2, 3, 4, 5, 0, time.UTC)
		s.setAttr(f, vfs.AttrChange{Created: created})
		keeps := s.stat(f).Created.Equal(created)
		wantCreated := func(what string, got, want, old time.Time) {
			s.Helper()
			if keeps {
				s.wantTime(name+": "+what, got, want, old)
			}
		}
		c := vfs.AttrChange{
			Created:  base,
			Accessed: base.Add(time.Hour + 100),
			Written:  base.Add(2*time.Hour + 200),
		}
		s.setAttr(f, c)
		for _, a := range []vfs.Attr{s.stat(f), s.statName(name)} {
			wantCreated("Created", a.Created, c.Created, c.Created)
			s.wantTime(name+": Accessed", a.Accessed, c.Accessed, old.Accessed)
			s.wantTime(name+": Written", a.Written, c.Written, old.Written)
		}
		// A zero time leaves what is.
		was := s.stat(f)
		s.setAttr(f, vfs.AttrChange{Written: base})
		now := s.stat(f)
		wantCreated("Created after setting Written", now.Created, was.Created, was.Created)
		s.wantTime(name+": Accessed after setting Written", now.Accessed, was.Accessed, was.Accessed)
		// Times before 1970 and after 2038 occur.
		for _, t := range []time.Time{
			time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC),
			time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC),
		} {
			old := s.stat(f)
			if err := need[vfs.AttrSetter](s, f).SetAttr(s.ctx, vfs.AttrChange{Written: t, Created: t}); err != nil {
				s.Logf("SetAttr(%v): %v", t, err)
				continue
			}
			s.wantTime(name+": Written", s.stat(f).Written, t, old.Written)
			wantCreated("Created", s.stat(f).Created, t, old.Created)
		}
		s.close(f)
	}
	s.wantContent("f", "content")
}

// wantTime compares to 100 ns; the old value means that the backend doesn't
// store this time.
func (s *suite) wantTime(what string, got, want, old time.Time) {
	s.Helper()
	if d := got.Sub(want); d > -100 && d < 100 || got.Equal(old) {
		return
	}
	s.Errorf("%s = %v, want %v (or %v as before)", what, got, want, old)
}

func testWriteChangesTimes(s *suite) {
	f := s.create("f")
	defer s.close(f)
	past := time.Now().Add(-time.Hour)
	s.setAttr(f, vfs.AttrChange{Written: past})
	if !s.stat(f).Written.Before(time.Now().Add(-time.Minute)) {
		s.Skip("the backend doesn't store Written")
	}
	s.write(f, "x", 0)
	if a := s.stat(f); a.Written.Before(time.Now().Add(-time.Minute)) {
		s.Errorf("after a write, Written is still %v", a.Written)
	}
	s.setAttr(f, vfs.AttrChange{Written: past})
	if t, ok := vfs.As[vfs.Truncater](f); ok && t.Truncate(1000) == nil {
		if a := s.stat(f); a.Written.Before(time.Now().Add(-time.Minute)) {
			s.Errorf("after Truncate, Written is still %v", a.Written)
		}
	}
}

// storable are the attributes that a client sets.
const storable = vfs.AttrReadOnly | vfs.AttrHidden | vfs.AttrSystem | vfs.AttrArchive

// Attributes are kept or forgotten, each for itself; ReadOnly doesn't bar the
// one who set it from taking it away.
func testAttributes(s *suite) {
	for _, name := range s.objects() {
		f := s.open(name, attributes)
		var kept vfs.Attributes
		for _, bit := range []vfs.Attributes{vfs.AttrHidden, vfs.AttrSystem, vfs.AttrArchive, vfs.AttrReadOnly} {
			s.setAttr(f, vfs.AttrChange{Attributes: bit})
			got := s.stat(f).Attributes
			if got&bit == 0 {
				s.Logf("%s: attribute %#x isn't kept", name, bit)
				continue
			}
			kept |= bit
			if b := s.statName(name).Attributes; b != got {
				s.Errorf("%s: attributes %#x, opened again %#x", name, got, b)
			}
			// A change of times leaves them.
			s.setAttr(f, vfs.AttrChange{Written: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)})
			if b := s.stat(f).Attributes; b != got {
				s.Errorf("%s: attributes %#x became %#x by a change of times", name, got, b)
			}
		}
		s.setAttr(f, vfs.AttrChange{Attributes: kept | vfs.AttrArchive})
		if got := s.stat(f).Attributes & kept; got != kept {
			s.Errorf("%s: attributes %#x, want %#x", name, got, kept)
		}
		s.setAttr(f, vfs.AttrChange{Attributes: vfs.AttrNormal})
		if got := s.stat(f).Attributes & kept; got != 0 {
			s.Errorf("%s: AttrNormal left attributes %#x", name, got)
		}
		s.close(f)
	}
	s.wantContent("f", "content")
	f := s.open("f", readWrite)
	defer s.close(f)
	s.write(f, "C", 0)
}

func testCreateAttributes(s *suite) {
	s.create("probe").Close()
	p := s.open("probe", attributes)
	s.setAttr(p, vfs.AttrChange{Attributes: vfs.AttrHidden | vfs.AttrArchive})
	kept := s.stat(p).Attributes & storable
	s.close(p)
	if kept == 0 {
		s.Skip("the backend keeps no attributes")
	}
	for _, directory := range s.kinds() {
		name := "d"
		if !directory {
			name = "f"
		}
		f, err := s.tryCreate(name, vfs.CreateOptions{
			OpenOptions: vfs.OpenOptions{Access: vfs.AccessRead},
			Directory:   directory,
			Attributes:  vfs.AttrHidden | vfs.AttrArchive,
		})
		if err != nil {
			s.Fatal(err)
		}
		if got := s.stat(f).Attributes & storable; got != kept {
			s.Errorf("%s was created with attributes %#x, want %#x", name, got, kept)
		}
		s.close(f)
		if got := s.statName(name).Attributes & storable; got != kept {
			s.Errorf("%s: opened again, attributes are %#x, want %#x", name, got, kept)
		}
	}
	// A file that begins read-only can be written through the handle that
	// made it.
	f, err := s.tryCreate("r", vfs.CreateOptions{
		OpenOptions: vfs.OpenOptions{Access: readWrite},
		Attributes:  vfs.AttrReadOnly,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.write(f, "content", 0)
	s.close(f)
	s.wantContent("r", "content")
}
