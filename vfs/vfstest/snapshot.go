package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// Every snapshot that is listed opens, and one that isn't doesn't.
func testSnapshots(s *suite) {
	x := need[vfs.Snapshotter](s, s.fs)
	list, err := x.Snapshots(s.ctx)
	s.declined(err)
	if err != nil {
		s.Fatal(err)
	}
	seen := make(map[int64]bool)
	for _, at := range list {
		seen[at.Unix()] = true
		f, err := x.OpenSnapshot(s.ctx, time.Unix(at.Unix(), 0))
		if err != nil {
			s.Fatalf("OpenSnapshot(%v): %v", at, err)
		}
		root, err := f.Open(s.ctx, ".", vfs.OpenOptions{Access: vfs.ListDirectory | vfs.ReadAttributes})
		if err != nil {
			s.Fatalf("the root as of %v: %v", at, err)
		}
		if a, err := root.Stat(s.ctx); err != nil || !a.IsDir() {
			s.Errorf("the root as of %v: %+v, %v", at, a, err)
		}
		s.close(root)
		if c, ok := f.(io.Closer); ok {
			if err := c.Close(); err != nil {
				s.Error(err)
			}
		}
	}
	at := time.Unix(1e9, 0)
	for seen[at.Unix()] {
		at = at.Add(time.Second)
	}
	if _, err := x.OpenSnapshot(s.ctx, at); !errors.Is(err, fs.ErrNotExist) {
		s.Errorf("OpenSnapshot(%v), which isn't listed: %v", at, err)
	}
}
