package vfstest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"sync/atomic"

	"github.com/gosmbd/smb/vfs"
)

// parallel runs work on n goroutines and waits for them.
func parallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { work(i) })
	}
	wg.Wait()
}

// testConcurrent has goroutines work on files of their own in one directory
// while others list it.
func testConcurrent(s *suite) {
	const rounds = 20
	c := need[vfs.Creator](s, s.fs)
	dir := "."
	if !s.flat {
		dir = "d"
		s.mkdir(dir)
	}
	parallel(8, func(i int) {
		for r := range rounds {
			name := path.Join(dir, fmt.Sprintf("%d-%d", i, r))
			data := []byte(name)
			f, err := c.Create(s.ctx, name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}})
			if err != nil {
				s.Errorf("Create(%q): %v", name, err)
				return
			}
			if w, ok := vfs.As[io.WriterAt](f); ok {
				if _, err := w.WriteAt(data, 0); err != nil {
					s.Errorf("WriteAt: %v", err)
				}
			}
			got := make([]byte, len(data))
			if rd, ok := vfs.As[io.ReaderAt](f); ok {
				if n, err := rd.ReadAt(got, 0); n != len(data) || err != nil && err != io.EOF || !bytes.Equal(got, data) {
					s.Errorf("ReadAt = %q, %v", got[:n], err)
				}
			}
			list(s, dir)
			if mv, ok := vfs.As[vfs.Renamer](s.fs); ok {
				if err := mv.Rename(s.ctx, name, name+"r", false); err != nil {
					s.Errorf("Rename: %v", err)
				}
				name += "r"
			}
			if err := f.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
			if rm, ok := vfs.As[vfs.Remover](s.fs); ok {
				if err := rm.Remove(s.ctx, name); err != nil {
					s.Errorf("Remove: %v", err)
				}
			}
		}
	})
	if _, ok := vfs.As[vfs.Remover](s.fs); ok {
		s.wantNames(dir)
	}
}

// list reads a directory that others change.
func list(s *suite, name string) {
	d, err := s.fs.Open(s.ctx, name, vfs.OpenOptions{Access: vfs.AccessRead})
	if err != nil {
		s.Errorf("Open(%q): %v", name, err)
		return
	}
	defer d.Close()
	r, ok := vfs.As[vfs.DirReader](d)
	if !ok {
		return
	}
	for _, err := range r.ReadDir(s.ctx) {
		if err != nil {
			s.Errorf("ReadDir(%q): %v", name, err)
			return
		}
	}
}

// testConcurrentFile has goroutines use one File.
func testConcurrentFile(s *suite) {
	const block, rounds = 4096, 20
	f := s.create("f")
	defer s.close(f)
	w, r := need[io.WriterAt](s, f), need[io.ReaderAt](s, f)
	parallel(8, func(i int) {
		want := bytes.Repeat([]byte{byte('a' + i)}, block)
		got := make([]byte, block)
		for round := range rounds {
			off := int64(round*8+i) * block
			if n, err := w.WriteAt(want, off); n != block || err != nil {
				s.Errorf("WriteAt = %d, %v", n, err)
			}
			if n, err := r.ReadAt(got, off); n != block || err != nil && err != io.EOF || !bytes.Equal(got, want) {
				s.Errorf("ReadAt = %d, %v, or wrong bytes", n, err)
			}
			if _, err := f.Stat(s.ctx); err != nil {
				s.Errorf("Stat: %v", err)
			}
			if a, ok := vfs.As[vfs.AttrSetter](f); ok {
				_ = a.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrArchive})
			}
		}
	})
	if a := s.stat(f); a.Size != 8*rounds*block {
		s.Errorf("size = %d, want %d", a.Size, 8*rounds*block)
	}
}

// testConcurrentCreate races to create one name: one wins.
func testConcurrentCreate(s *suite) {
	c := need[vfs.Creator](s, s.fs)
	for round := range 20 {
		var won atomic.Int32
		name := fmt.Sprintf("f%d", round)
		parallel(8, func(i int) {
			f, err := c.Create(s.ctx, name, vfs.CreateOptions{Directory: i%2 == 0 && !s.flat})
			if err == nil {
				won.Add(1)
				err = f.Close()
			} else if is(err, fs.ErrExist) {
				return
			}
			if err != nil {
				s.Errorf("Create(%q): %v", name, err)
			}
		})
		if won.Load() != 1 {
			s.Errorf("%d goroutines created %q", won.Load(), name)
		}
	}
}

// testConcurrentRename races to give several files one name, without replace:
// one wins, and no file is lost.
func testConcurrentRename(s *suite) {
	mv := need[vfs.Renamer](s, s.fs)
	const files = 8
	for round := range 20 {
		target := fmt.Sprintf("target%d", round)
		for i := range files {
			s.file(fmt.Sprintf("f%d-%d", round, i), "content")
		}
		var won atomic.Int32
		parallel(files, func(i int) {
			err := mv.Rename(s.ctx, fmt.Sprintf("f%d-%d", round, i), target, false)
			switch {
			case err == nil:
				won.Add(1)
			case !is(err, fs.ErrExist):
				s.Errorf("Rename: %v", err)
			}
		})
		if won.Load() != 1 {
			s.Errorf("%d goroutines renamed to %q", won.Load(), target)
		}
		if names := s.names("."); len(names) != (round+1)*files {
			s.Fatalf("%d names after round %d, want %d: a file is lost", len(names), round, (round+1)*files)
		}
	}
}
