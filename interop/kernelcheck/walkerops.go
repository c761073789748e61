//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// op is something that a client does to a file.
type op struct {
	name   string
	weight int
	writes bool // it changes the data
	do     func(w *walker, s *slot, c int) error
}

var opsWithout = []op{
	{"create", 4, true, (*walker).create},
	{"create and keep open", 2, true, (*walker).createHeld},
	{"make and remove directory", 1, false, (*walker).makeDir},
}

var opsWith = []op{
	{"rewrite", 2, true, (*walker).rewrite},
	{"patch", 3, true, (*walker).patch},
	{"append", 2, true, (*walker).append},
	{"write open file", 5, true, (*walker).writeHeld},
	{"truncate", 2, true, (*walker).truncate},
	{"truncate open file", 2, true, (*walker).truncateHeld},
	{"rename", 3, false, (*walker).rename},
	{"rename over", 1, false, (*walker).renameOver},
	{"remove", 2, false, (*walker).remove},
	{"open", 4, false, (*walker).hold},
	{"close", 3, false, (*walker).release},
}

func (w *walker) choose(s *slot) op {
	list := opsWith
	if s.path == "" {
		list = opsWithout
	}
	sum := 0
	for _, o := range list {
		sum += o.weight
	}
	n := w.rnd.IntN(sum)
	for _, o := range list {
		if n -= o.weight; n < 0 {
			return o
		}
	}
	panic("unreachable")
}

// randSize is a size of a file: small ones are as likely as large ones.
func (w *walker) randSize() int { return w.rnd.IntN(1 + maxSize>>w.rnd.IntN(8)) }

func (w *walker) open(c int, path string, flags int) (*os.File, error) {
	return os.OpenFile(filepath.Join(w.mounts[c], path), flags, 0o666)
}

func (w *walker) create(s *slot, c int) error {
	*s = slot{path: w.freshPath(), data: w.fill(0, w.randSize())}
	f, err := w.open(c, s.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	return s.writeClose(c, f, s.data, 0)
}

func (w *walker) createHeld(s *slot, c int) error {
	*s = slot{path: w.freshPath(), data: w.fill(0, w.randSize()), dirty: true}
	f, err := w.open(c, s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	s.held[c], s.writable[c] = f, true
	_, err = f.WriteAt(s.data, 0)
	return err
}

// makeDir makes a directory with a file in it, has the other client take it away
// again, and checks that it's gone. It leaves the slot empty.
func (w *walker) makeDir(_ *slot, c int) error {
	path := w.freshPath()
	mine, theirs := filepath.Join(w.mounts[c], path), filepath.Join(w.mounts[1-c], path)
	if err := os.Mkdir(mine, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(mine, "inside"), []byte("inside"), 0o666); err != nil {
		return err
	}
	seen := w.eventually("new directory", func() error {
		list, err := os.ReadDir(theirs)
		if err == nil && (len(list) != 1 || list[0].Name() != "inside") {
			err = fmt.Errorf("client %s lists %v in %s, want one file", client(1-c), list, path)
		}
		return err
	})
	if !seen {
		return errReported
	}
	if err := os.Remove(filepath.Join(theirs, "inside")); err != nil {
		return err
	}
	// The file goes when the client that made it gives back its handle.
	if !w.eventually("remove directory", func() error { return os.Remove(theirs) }) {
		return errReported
	}
	w.eventually("directory gone", func() error {
		if _, err := os.Lstat(mine); !os.IsNotExist(err) {
			return fmt.Errorf("client %s still has %s (%v)", client(c), path, err)
		}
		return nil
	})
	return nil
}

func (w *walker) rewrite(s *slot, c int) error {
	if !w.mayShrink(s, c) {
		return w.patch(s, c)
	}
	f, err := w.open(c, s.path, os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	s.data = w.fill(0, w.randSize())
	return s.writeClose(c, f, s.data, 0)
}

func (w *walker) patch(s *slot, c int) error {
	f, err := w.open(c, s.path, os.O_RDWR)
	if err != nil {
		return err
	}
	b, off := w.change(s)
	return s.writeClose(c, f, b, off)
}

func (w *walker) append(s *slot, c int) error {
	f, err := w.open(c, s.path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	b := w.fill(len(s.data), min(w.randSize(), maxSize-len(s.data)))
	s.data = append(s.data, b...)
	s.wrote[c] = time.Now()
	if _, err = f.Write(b); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// writeHeld writes through a handle that stays open, at times with a flush.
func (w *walker) writeHeld(s *slot, c int) error {
	// Since 6.10 a client that has no lease does write through its cache, and
	// puts zeros where it doesn't know yet that the file has grown.
	if w.flush && s.held[c] != nil && s.by != c {
		if err := w.release(s, c); err != nil {
			return err
		}
	}
	if err := w.holdWritable(s, c); err != nil {
		return err
	}
	b, off := w.change(s)
	s.dirty = true
	if _, err := s.held[c].WriteAt(b, int64(off)); err != nil {
		return err
	}
	if !w.flush && w.rnd.IntN(3) != 0 {
		return nil
	}
	return s.held[c].Sync()
}

func (w *walker) truncate(s *slot, c int) error {
	n := w.resize(s, c)
	return os.Truncate(filepath.Join(w.mounts[c], s.path), n)
}

func (w *walker) truncateHeld(s *slot, c int) error {
	if err := w.holdWritable(s, c); err != nil {
		return err
	}
	n := w.resize(s, c)
	return s.held[c].Truncate(n)
}

func (w *walker) rename(s *slot, c int) error {
	from := s.path
	s.path = w.freshPath()
	return os.Rename(filepath.Join(w.mounts[c], from), filepath.Join(w.mounts[c], s.path))
}

// renameOver replaces the file of another slot, if one has a file. A file that is
// open can't be replaced, and the client may keep a closed one open even after its
// lease was broken.
func (w *walker) renameOver(s *slot, c int) error {
	for i := range w.slots {
		t := &w.slots[i]
		if t == s || t.path == "" {
			continue
		}
		t.closeAll()
		from, to := filepath.Join(w.mounts[c], s.path), filepath.Join(w.mounts[c], t.path)
		s.path, t.path = t.path, ""
		if !w.eventually("replaced", func() error { return os.Rename(from, to) }) {
			return errReported
		}
		return nil
	}
	return nil
}

func (w *walker) remove(s *slot, c int) error {
	s.closeAll()
	path := s.path
	s.path, s.data = "", nil
	return os.Remove(filepath.Join(w.mounts[c], path))
}

// hold opens the file to keep it open, and reads it, so that the client has it
// in its cache.
func (w *walker) hold(s *slot, c int) error {
	flags := os.O_RDONLY
	if w.rnd.IntN(2) == 0 {
		flags = os.O_RDWR
	}
	return w.holdAs(s, c, flags)
}

// holdWritable opens the file for writing, to keep it open.
func (w *walker) holdWritable(s *slot, c int) error {
	if s.held[c] != nil && !s.writable[c] {
		s.held[c].Close()
		s.held[c] = nil
	}
	return w.holdAs(s, c, os.O_RDWR)
}

func (w *walker) holdAs(s *slot, c, flags int) error {
	if s.held[c] != nil {
		return nil
	}
	f, err := w.open(c, s.path, flags)
	if err != nil {
		return err
	}
	s.held[c], s.writable[c] = f, flags == os.O_RDWR
	if !w.eventually("just opened", func() error { return w.readHeld(c, s) }) {
		return errReported
	}
	return nil
}

func (w *walker) release(s *slot, c int) error {
	if s.held[c] == nil {
		return nil
	}
	if s.writable[c] {
		s.wrote[c] = time.Now()
	}
	err := s.held[c].Close()
	s.held[c] = nil
	s.dirty = s.dirty && s.held[1-c] != nil
	return err
}

// change makes new bytes for a part of the file, and puts them in the model.
func (w *walker) change(s *slot) (b []byte, off int) {
	off = w.rnd.IntN(len(s.data) + 1)
	b = w.fill(off, min(w.randSize(), maxSize-off))
	if end := off + len(b); end > len(s.data) {
		s.data = append(s.data, make([]byte, end-len(s.data))...)
	}
	copy(s.data[off:], b)
	return b, off
}

// resize cuts the model of the file, or lengthens it with zeros.
func (w *walker) resize(s *slot, c int) int64 {
	n := w.randSize()
	if !w.mayShrink(s, c) {
		n = max(n, len(s.data))
	}
	if n > len(s.data) {
		s.data = append(s.data, make([]byte, n-len(s.data))...)
	}
	s.data = s.data[:n:n]
	return int64(n)
}

func (s *slot) writeClose(c int, f *os.File, b []byte, off int) error {
	s.wrote[c] = time.Now()
	if _, err := f.WriteAt(b, int64(off)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
