package smb_test

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

func names(list []smb2.DirectoryEntry) []string {
	var s []string
	for _, e := range list {
		s = append(s, e.Name)
	}
	return s
}

func TestQueryDirectory(t *testing.T) {
	r := newRig(t, nil)
	for _, n := range []string{"a.txt", "b.txt", "C.TXT", "d"} {
		put(t, r.fs, n, "x")
	}
	c := r.logon(smb.Dialect311)
	query := func(id smb2.FileID, pattern string, flags smb2.QueryDirectoryFlags, size uint32) ([]string, smb2.Status) {
		list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{
			FileID: id, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: size, Pattern: pattern, Flags: flags,
		})
		got := names(list)
		slices.Sort(got)
		return got, st
	}
	const none, more = smb2.StatusNoSuchFile, smb2.StatusNoMoreFiles
	for _, tt := range []struct {
		pattern string
		want    []string
	}{
		{"*", []string{".", "..", "C.TXT", "a.txt", "b.txt", "d"}},
		{"*.txt", []string{"C.TXT", "a.txt", "b.txt"}},
		{"A.TXT", []string{"a.txt"}},
		{"?", []string{".", "d"}},
		{"missing", nil}, {"*.doc", nil},
	} {
		id := r.open(c, "")
		got, st := query(id, tt.pattern, 0, 65536)
		if tt.want == nil {
			// First NO_SUCH_FILE, then NO_MORE_FILES: or macOS goes round in circles.
			want(t, tt.pattern, st, none)
		} else if !slices.Equal(got, tt.want) && tt.pattern != "?" {
			t.Errorf("%s: %q, want %q", tt.pattern, got, tt.want)
		}
		_, st = query(id, tt.pattern, 0, 65536)
		want(t, tt.pattern+" again", st, more)
		// Another pattern without a restart counts for nothing.
		_, st = query(id, "*", 0, 65536)
		want(t, "other pattern", st, more)
		got, st = query(id, "d", smb2.RestartScans, 65536)
		if st != ok || !slices.Equal(got, []string{"d"}) {
			t.Errorf("restart: %q, %v", got, st)
		}
		c.CloseFile(id)
	}

	t.Run("one by one", func(t *testing.T) {
		for _, size := range []uint32{65536, 130} { // the second has room for one
			id := r.open(c, "")
			var all []string
			flags := smb2.QueryDirectoryFlags(0)
			if size == 65536 {
				flags = smb2.ReturnSingleEntry
			}
			for {
				got, st := query(id, "*", flags, size)
				if st == more {
					break
				}
				if st != ok || len(got) != 1 {
					t.Fatalf("%q, %v", got, st)
				}
				all = append(all, got...)
			}
			slices.Sort(all)
			if !slices.Equal(all, []string{".", "..", "C.TXT", "a.txt", "b.txt", "d"}) {
				t.Errorf("%q", all)
			}
			c.CloseFile(id)
		}
	})
	t.Run("no room", func(t *testing.T) {
		id := r.open(c, "")
		for _, size := range []uint32{0, 1, 50, 103} {
			if _, st := query(id, "*", smb2.RestartScans, size); !st.IsError() {
				t.Errorf("buffer of %d: %v", size, st)
			}
		}
		// And nothing was skipped by that.
		if got, st := query(id, "*", 0, 65536); st != ok || len(got) != 6 {
			t.Errorf("after: %q, %v", got, st)
		}
	})
	t.Run("not a directory", func(t *testing.T) {
		_, st := query(r.open(c, "d"), "*", 0, 65536)
		want(t, "QUERY_DIRECTORY", st, smb2.StatusInvalidParameter)
	})
	t.Run("all classes", func(t *testing.T) {
		id := r.open(c, "")
		for class := range smb2.FileInfoClass(100) {
			c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: class, OutputLength: 65536, Pattern: "*", Flags: smb2.RestartScans})
		}
		alive(t, c)
	})
}

// many is a directory with n files that exist nowhere.
type many struct{ n int }

func (m many) Open(_ context.Context, name string, _ vfs.OpenOptions) (vfs.File, error) {
	return manyDir{m.n, name}, nil
}

type manyDir struct {
	n    int
	name string
}

func (d manyDir) Stat(context.Context) (vfs.Attr, error) {
	return vfs.Attr{Mode: fs.ModeDir, ID: 1, Written: time.Unix(1e9, 0)}, nil
}
func (manyDir) Close() error { return nil }
func (d manyDir) ReadDir(context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		for i := range d.n {
			e := vfs.DirEntry{Name: fmt.Sprintf("file number %d", i), Attr: vfs.Attr{ID: uint64(i + 2), Size: 1, Written: time.Unix(1e9, 0)}}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// A large directory is listed without being held in memory.
func TestQueryLargeDirectory(t *testing.T) {
	const n = 100_000
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: many{n}} })
	c := r.logon(smb.Dialect311)
	req := smb2.QueryDirectoryRequest{Class: smb2.ClassFileNamesInformation, OutputLength: 64 << 10, Pattern: "*"}
	create := smb2.CreateRequest{Impersonation: 2, DesiredAccess: uint32(vfs.AccessReadOnly), ShareAccess: 7, Disposition: smb2.Open}
	req.FileID = r.create(c, create)
	var base, peak uint64
	got := 0
	for {
		list, st := c.QueryDirectory(req)
		if st == smb2.StatusNoMoreFiles {
			break
		}
		if st != ok {
			t.Fatal(st)
		}
		got += len(list)
		if got%20_000 < len(list) {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			if base == 0 {
				base = m.HeapAlloc
			}
			peak = max(peak, m.HeapAlloc)
		}
	}
	if got != n+2 {
		t.Errorf("%d entries, want %d", got, n+2)
	}
	if peak > base+2<<20 {
		t.Errorf("the heap grew from %d to %d", base, peak)
	}
	// Closing in the middle of an enumeration ends it.
	req.FileID = r.create(c, create)
	c.QueryDirectory(req)
	want(t, "CLOSE", c.CloseFile(req.FileID), ok)
}
