package vfstest

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// TestReadOnlyFS tests what can be tested by reading. The file system holds
// exactly files, a map from name to content, and their parent directories.
func TestReadOnlyFS(t *testing.T, fsys vfs.FS, files map[string]string) {
	children := tree(files)
	for name, content := range files {
		t.Run("File/"+name, func(t *testing.T) { testReadFile(newSuite(t, fsys), name, content) })
	}
	for name, want := range children {
		t.Run("Directory/"+name, func(t *testing.T) { testReadDirectory(newSuite(t, fsys), name, want) })
	}
	t.Run("Missing", func(t *testing.T) { testReadMissing(newSuite(t, fsys), files, children) })
	t.Run("ID", func(t *testing.T) { testReadID(newSuite(t, fsys), files, children) })
	t.Run("Volume", func(t *testing.T) { testVolume(newSuite(t, fsys)) })
	t.Run("Concurrent", func(t *testing.T) {
		s := newSuite(t, fsys)
		parallel(8, func(int) {
			for name := range children {
				list(s, name)
			}
			for name, content := range files {
				readFile(s, name, content)
			}
		})
	})
}

// tree returns the names in each directory.
func tree(files map[string]string) map[string][]string {
	children := map[string][]string{".": nil}
	for name := range files {
		for name != "." {
			dir := path.Dir(name)
			if base := path.Base(name); !slices.Contains(children[dir], base) {
				children[dir] = append(children[dir], base)
			}
			name = dir
		}
	}
	return children
}

func testReadFile(s *suite, name, content string) {
	s.wantContent(name, content)
	for _, access := range []vfs.Access{attributes, vfs.AccessReadOnly} {
		f := s.open(name, access)
		a := s.stat(f)
		if a.IsDir() || a.Size != int64(len(content)) {
			s.Errorf("Stat = %+v, want a file of %d bytes", a, len(content))
		}
		s.close(f)
	}
	f := s.open(name, vfs.AccessRead)
	defer s.close(f)
	checkEOF(s, need[io.ReaderAt](s, f), content)
	_, err := s.tryOpen(name+"/below", vfs.AccessRead)
	s.wantErr("Open below a file", err, vfs.ErrNotDir, fs.ErrNotExist)
}

func testReadDirectory(s *suite, name string, want []string) {
	s.wantNames(name, want...)
	d := s.open(name, vfs.AccessRead)
	defer s.close(d)
	if a := s.stat(d); !a.IsDir() {
		s.Errorf("Stat = %+v, want a directory", a)
	}
	r := need[vfs.DirReader](s, d)
	outer := newTally()
	for e, err := range r.ReadDir(s.ctx) {
		outer.add(s, e, err)
		got, want := e.Attr, s.statName(path.Join(name, e.Name))
		if got.IsDir() != want.IsDir() || got.Size != want.Size || !got.Written.Equal(want.Written) ||
			got.ID != 0 && got.ID != want.ID {
			s.Errorf("ReadDir gives %q\n%+v, but Stat\n%+v", e.Name, got, want)
		}
		for range r.ReadDir(s.ctx) {
			break // an abandoned iteration in the middle of another
		}
	}
	if len(outer) != len(want) {
		s.Errorf("ReadDir yields %d names, want %d", len(outer), len(want))
	}
	_, err := s.tryOpen(path.Join(name, "missing name"), attributes)
	s.wantErr("Open of a missing name", err, fs.ErrNotExist)
}

func testReadMissing(s *suite, files map[string]string, children map[string][]string) {
	for _, name := range slices.Concat(hostile, []string{"missing", "missing/below"}) {
		if _, is := files[name]; is || children[name] != nil {
			continue
		}
		f, err := s.tryOpen(name, attributes)
		if err == nil {
			s.close(f)
			s.Errorf("Open(%q) succeeds", name)
		}
	}
	_, err := s.tryOpen("missing/below", vfs.AccessRead)
	s.wantErr("Open below a missing directory", err, fs.ErrNotExist)
}

func testReadID(s *suite, files map[string]string, children map[string][]string) {
	ids := make(map[uint64]string)
	check := func(name string) {
		id := s.statName(name).ID
		if other, dup := ids[id]; dup && id != 0 {
			s.Errorf("%q and %q have the same ID %#x", name, other, id)
		}
		ids[id] = name
		if again := s.statName(name).ID; again != id {
			s.Errorf("ID of %q was %#x, now %#x", name, id, again)
		}
	}
	for name := range files {
		check(name)
	}
	for name := range children {
		check(name)
	}
}

// readFile reads from any goroutine.
func readFile(s *suite, name, want string) {
	f, err := s.fs.Open(s.ctx, name, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		s.Errorf("Open(%q): %v", name, err)
		return
	}
	defer f.Close()
	r, ok := vfs.As[io.ReaderAt](f)
	if !ok {
		return
	}
	b := make([]byte, len(want)+1)
	if n, err := r.ReadAt(b, 0); string(b[:n]) != want || err != io.EOF {
		s.Errorf("ReadAt of %q = %.20q, %v", name, b[:n], err)
	}
}
