package vfstest

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

func testMkdir(s *suite) {
	s.mkdir("a")
	s.mkdir("a/b")
	s.mkdir("a/b/c")
	s.file("a/b/c/f", "deep")
	s.wantContent("a/b/c/f", "deep")
	s.wantNames(".", "a")
	s.wantNames("a", "b")
	s.wantNames("a/b/c", "f")
}

func testReadDir(s *suite) {
	s.mkdir("d")
	s.wantNames("d")
	s.file("d/f", "0123456789")
	s.mkdir("d/sub")
	s.file("d/sub/below", "")
	d := s.open("d", vfs.AccessRead)
	defer s.close(d)
	seen := 0
	for e, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		seen++
		want := s.statName("d/" + e.Name)
		got := e.Attr
		if got.IsDir() != want.IsDir() || got.Size != want.Size || !got.Written.Equal(want.Written) ||
			got.Attributes != want.Attributes || got.ID != 0 && got.ID != want.ID {
			s.Errorf("ReadDir gives %q\n%+v, but Stat\n%+v", e.Name, got, want)
		}
	}
	if seen != 2 {
		s.Errorf("ReadDir yields %d names, want 2", seen)
	}
	// The iteration starts from the beginning each time, and shows changes.
	s.file("d/new", "")
	s.wantNames("d", "f", "new", "sub")
	n := 0
	for _, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		n++
	}
	if n != 3 {
		s.Errorf("a second iteration over the handle yields %d names, want 3", n)
	}
}

// testReadDirLarge lists 1,000 names: at once, by abandoned iterations, and by
// two iterations that alternate.
func testReadDirLarge(s *suite) {
	const count = 1000
	want := make([]string, count)
	for i := range want {
		want[i] = fmt.Sprintf("file %04d %s", i, strings.Repeat("x", i%100))
		s.file(want[i], "")
	}
	s.wantNames(".", want...)

	d := s.open(".", vfs.AccessRead)
	defer s.close(d)
	r := need[vfs.DirReader](s, d)
	for _, stop := range []int{1, 2, 500} {
		n := 0
		for _, err := range r.ReadDir(s.ctx) {
			if err != nil {
				s.Fatal(err)
			}
			if n++; n == stop {
				break
			}
		}
	}
	outer := newTally()
	for e, err := range r.ReadDir(s.ctx) {
		outer.add(s, e, err)
		if len(outer) == 300 {
			inner := newTally()
			for e, err := range r.ReadDir(s.ctx) {
				inner.add(s, e, err)
			}
			if len(inner) != count {
				s.Errorf("an iteration within another yields %d names, want %d", len(inner), count)
			}
		}
	}
	if len(outer) != count {
		s.Errorf("an iteration around another yields %d names, want %d", len(outer), count)
	}
}

// testStatNames compares what NameReader and NameStater tell with what ReadDir does, of few
// names and of many.
func testStatNames(s *suite) {
	s.file("f", "0123456789")
	s.mkdir("sub")
	for _, count := range []int{0, 300} {
		for i := range count {
			s.file(fmt.Sprintf("f%d", i), strings.Repeat("x", i))
		}
		s.compareNames(2 + count)
	}
}

func (s *suite) compareNames(count int) {
	d := s.open(".", vfs.AccessRead)
	defer s.close(d)
	r := need[vfs.NameReader](s, d)
	t := need[vfs.NameStater](s, d)
	want := make(map[string]vfs.DirEntry)
	for e, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		want[e.Name] = e
	}
	got := []vfs.DirEntry{{Name: "never was"}}
	for name, err := range r.ReadNames(s.ctx) {
		if err != nil {
			s.Fatal(err)
		}
		got = append(got, vfs.DirEntry{Name: name})
	}
	if len(want) != count || len(got) != count+1 {
		s.Fatalf("ReadDir yields %d names, ReadNames %d, want %d", len(want), len(got)-1, count)
	}
	if err := t.StatNames(s.ctx, got); err != nil {
		s.Fatal(err)
	}
	if got[0].Name != "" {
		s.Errorf("StatNames keeps a name that doesn't exist: %+v", got[0])
	}
	for _, e := range got[1:] {
		if w := want[e.Name]; !sameEntry(e, w) {
			s.Errorf("StatNames gives %q\n%+v, but ReadDir\n%+v", e.Name, e, w)
		}
	}
}

// sameEntry compares what doesn't change by looking at it.
func sameEntry(a, b vfs.DirEntry) bool {
	a.Attr.Accessed = b.Attr.Accessed
	return a == b
}

// tally counts the names of one iteration.
type tally map[string]bool

func newTally() tally { return make(tally) }

func (t tally) add(s *suite, e vfs.DirEntry, err error) {
	s.Helper()
	switch {
	case err != nil:
		s.Fatal(err)
	case t[e.Name]:
		s.Errorf("ReadDir yields %q twice", e.Name)
	case e.Name == "." || e.Name == ".." || e.Name == "" || strings.Contains(e.Name, "/"):
		s.Errorf("ReadDir yields %q", e.Name)
	}
	t[e.Name] = true
}

// testReadDirWhileRemoving removes each name as it is listed, as a client does
// that deletes a tree.
func testReadDirWhileRemoving(s *suite) {
	need[vfs.Remover](s, s.fs)
	const count = 500
	for i := range count {
		s.file(fmt.Sprintf("f%d", i), "")
	}
	d := s.open(".", vfs.AccessRead)
	defer s.close(d)
	seen := newTally()
	for e, err := range need[vfs.DirReader](s, d).ReadDir(s.ctx) {
		seen.add(s, e, err)
		if err := s.remove(e.Name); err != nil {
			s.Errorf("Remove(%q): %v", e.Name, err)
		}
	}
	if len(seen) != count {
		s.Errorf("%d names seen, want %d", len(seen), count)
	}
	s.wantNames(".")
}

func testFold(s *suite) {
	f := need[vfs.Folder](s, s.fs)
	s.mkdir("Dir")
	s.file("Dir/Name.TXT", "")
	for _, name := range []string{"Dir/Name.TXT", "Dir/name.txt", "Dir/NAME.txt"} {
		got, err := f.Fold(s.ctx, name)
		s.declined(err)
		if got != "Name.TXT" || err != nil {
			s.Errorf("Fold(%q) = %q, %v", name, got, err)
		}
	}
	_, err := f.Fold(s.ctx, "Dir/missing")
	s.wantErr("Fold of a missing name", err, fs.ErrNotExist)
}
