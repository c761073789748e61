package smb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs/osfs"
)

// What a listing shows is as it was when the client asked for that part of it, and each name
// comes once, also of a class that has names alone.
func TestEnumerationIsFresh(t *testing.T) {
	const count = 1000
	dir := t.TempDir()
	name := func(i int) string { return fmt.Sprintf("file %04d", i) }
	for i := range count {
		noErr(t, os.WriteFile(filepath.Join(dir, name(i)), nil, 0o644))
	}
	fsys, err := osfs.New(dir, nil)
	noErr(t, err)
	r := newRig(t, func(s *smb.Server) { s.Shares.(smb.Shares)["s"] = &smb.Share{FS: fsys} })
	t.Cleanup(func() {
		r.srv.Close()
		fsys.Close()
	})
	c := r.logon(smb.Dialect311)
	for _, class := range []smb2.FileInfoClass{smb2.ClassFileIdBothDirectoryInformation, smb2.ClassFileNamesInformation} {
		id := r.open(c, "")
		size := make(map[string]int64)
		answers := 0
		for ; ; answers++ {
			list, st := c.QueryDirectory(smb2.QueryDirectoryRequest{FileID: id, Class: class, OutputLength: 20_000, Pattern: "FILE*"})
			if st == smb2.StatusNoMoreFiles {
				break
			}
			want(t, "QUERY_DIRECTORY", st, ok)
			for _, e := range list {
				if _, twice := size[e.Name]; twice {
					t.Errorf("%q is listed twice", e.Name)
				}
				size[e.Name] = e.EndOfFile
				if class != smb2.ClassFileNamesInformation && e.EndOfFile != int64(answers) {
					t.Fatalf("%q has %d bytes in answer %d", e.Name, e.EndOfFile, answers)
				}
			}
			for i := range count {
				noErr(t, os.WriteFile(filepath.Join(dir, name(i)), []byte(strings.Repeat("x", answers+1)), 0o644))
			}
		}
		if len(size) != count || answers < 2 {
			t.Errorf("%v: %d names in %d answers", class, len(size), answers)
		}
		c.CloseFile(id)
		for i := range count {
			noErr(t, os.Truncate(filepath.Join(dir, name(i)), 0))
		}
	}
}
