package vfstest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

func testReadWrite(s *suite) {
	f := s.create("f")
	s.write(f, "hello world", 0)
	s.write(f, "W", 6)
	s.write(f, "!", 11)
	if got, want := s.content(f), "hello World!"; got != want {
		s.Errorf("content = %q, want %q", got, want)
	}
	s.close(f)
	s.wantContent("f", "hello World!")

	// Random writes against a model.
	r := rand.New(rand.NewPCG(1, 2))
	f = s.create("g")
	defer s.close(f)
	var model []byte
	for range 200 {
		off, n := r.IntN(100_000), 1+r.IntN(9_000)
		data := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, n)
		if need := off + n; need > len(model) {
			model = append(model, make([]byte, need-len(model))...)
		}
		copy(model[off:], data)
		s.write(f, string(data), int64(off))
	}
	if s.content(f) != string(model) {
		s.Error("content differs from what was written")
	}
}

// testEOF checks the contract of io.ReaderAt.
func testEOF(s *suite) {
	f := s.create("f")
	defer s.close(f)
	s.write(f, "0123456789", 0)
	r := need[io.ReaderAt](s, f)
	checkEOF(s, r, "0123456789")

	if n, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		s.Errorf("ReadAt at -1 = %d, nil", n)
	}
	if w, ok := vfs.As[io.WriterAt](f); ok {
		if n, err := w.WriteAt([]byte("x"), -1); err == nil {
			s.Errorf("WriteAt at -1 = %d, nil", n)
		}
		// A write of nothing doesn't extend.
		if n, err := w.WriteAt(nil, 100); n != 0 || err != nil {
			s.Errorf("WriteAt of nothing = %d, %v", n, err)
		}
		if a := s.stat(f); a.Size != 10 {
			s.Errorf("a write of nothing made the size %d", a.Size)
		}
	}
}

// checkEOF reads around the end of a file that holds content.
func checkEOF(s *suite, r io.ReaderAt, content string) {
	size := len(content)
	for _, off := range []int{0, 1, size - 1, size, size + 1, size + 1_000_000} {
		for _, n := range []int{1, size - 1, size, size + 1, size + 70_000} {
			if off < 0 || n < 1 {
				continue
			}
			want := content[min(off, size):min(off+n, size)]
			b := bytes.Repeat([]byte{0xA5}, n)
			got, err := r.ReadAt(b, int64(off))
			if got != len(want) || string(b[:got]) != want {
				s.Errorf("ReadAt(%d bytes, %d) reads %.20q (%d), want %.20q (%d)", n, off, b[:got], got, want, len(want))
			}
			switch {
			case got < n && err != io.EOF:
				s.Errorf("ReadAt(%d bytes, %d) = %d, %v, want io.EOF", n, off, got, err)
			case got == n && err != nil && (err != io.EOF || off+n != size):
				s.Errorf("ReadAt(%d bytes, %d) = %d, %v, want nil", n, off, got, err)
			}
		}
	}
}

func testHoles(s *suite) {
	f := s.create("f")
	defer s.close(f)
	s.write(f, "start", 0)
	s.write(f, "end", 1_000_000)
	if a := s.stat(f); a.Size != 1_000_003 {
		s.Errorf("size = %d, want 1000003", a.Size)
	}
	want := "start" + strings.Repeat("\x00", 1_000_000-5) + "end"
	if s.content(f) != want {
		s.Error("the hole isn't zero")
	}
}

func testTruncate(s *suite) {
	f := s.create("f")
	defer s.close(f)
	t := need[vfs.Truncater](s, f)
	s.write(f, "0123456789", 0)
	content := "0123456789"
	for _, size := range []int{10, 4, 4, 8, 0, 5, 100_000, 3} {
		if err := t.Truncate(int64(size)); err != nil {
			s.declined(err)
			s.Fatalf("Truncate(%d): %v", size, err)
		}
		content = content[:min(size, len(content))]
		content += strings.Repeat("\x00", size-len(content))
		if a := s.stat(f); a.Size != int64(size) {
			s.Errorf("after Truncate(%d) the size is %d", size, a.Size)
		}
		if got := s.content(f); got != content {
			s.Errorf("after Truncate(%d) content is %.40q, want %.40q", size, got, content)
		}
	}
	if err := t.Truncate(-1); err == nil {
		s.Error("Truncate(-1) succeeds")
	}
}

// testStaleBytes looks for bytes of an earlier life of the file, or of another.
func testStaleBytes(s *suite) {
	const size = 200_000
	secret := strings.Repeat("SECRET", size/6)
	f := s.create("f")
	s.write(f, secret, 0)
	if t, ok := vfs.As[vfs.Truncater](f); ok {
		if err := t.Truncate(5000); err != nil {
			s.declined(err)
			s.Fatal(err)
		}
		s.write(f, "x", size-1)
		want := secret[:5000] + strings.Repeat("\x00", size-1-5000) + "x"
		if s.content(f) != want {
			s.Error("a write past the end after Truncate shows old bytes")
		}
		if err := errors.Join(t.Truncate(0), t.Truncate(size)); err != nil {
			s.Fatal(err)
		}
		if s.content(f) != strings.Repeat("\x00", size) {
			s.Error("Truncate to zero and back shows old bytes")
		}
		s.write(f, secret, 0)
	}
	s.close(f)
	if err := s.remove("f"); err != nil {
		s.Fatal(err)
	}
	f = s.create("f")
	defer s.close(f)
	if got := s.content(f); got != "" {
		s.Errorf("a new file has content %.20q", got)
	}
	s.write(f, "x", size-1)
	if s.content(f) != strings.Repeat("\x00", size-1)+"x" {
		s.Error("a file made anew shows bytes of the removed one")
	}
}

func testWriteThrough(s *suite) {
	opt := vfs.OpenOptions{Access: readWrite, WriteThrough: true}
	f, err := s.tryCreate("f", vfs.CreateOptions{OpenOptions: opt})
	if err != nil {
		s.Fatal(err)
	}
	s.write(f, "content", 0)
	if y, ok := vfs.As[vfs.Syncer](f); ok {
		if err := y.Sync(); err != nil {
			s.declined(err)
			s.Error("Sync:", err)
		}
	}
	s.close(f)
	f, err = s.fs.Open(s.ctx, "f", opt)
	if err != nil {
		s.Fatal(err)
	}
	defer s.close(f)
	if got := s.content(f); got != "content" {
		s.Errorf("content = %q", got)
	}
}

// testTwoHandles checks that handles of one file show the same content.
func testTwoHandles(s *suite) {
	f := s.create("f")
	defer s.close(f)
	g := s.open("f", readWrite)
	defer s.close(g)
	s.write(f, "one", 0)
	s.write(g, "two", 3)
	if a, b := s.content(f), s.content(g); a != "onetwo" || b != "onetwo" {
		s.Errorf("two handles show %q and %q, want %q", a, b, "onetwo")
	}
	if a, b := s.stat(f), s.stat(g); a.ID != b.ID || a.Size != b.Size {
		s.Errorf("two handles have %+v and %+v", a, b)
	}
}

func testCopyRange(s *suite) {
	const size = 300_000
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(data)
	src := s.create("src")
	s.write(src, string(data), 0)
	defer s.close(src)
	dst := s.create("dst")
	defer s.close(dst)
	c := need[vfs.RangeCopier](s, dst)

	copyAll := func(off, srcOff, n int64) {
		s.Helper()
		for n > 0 {
			m, err := c.CopyRange(s.ctx, off, src, srcOff, n)
			s.declined(err)
			if err != nil && err != io.EOF {
				s.Fatal(err)
			}
			if m < 0 || m > n {
				s.Fatalf("CopyRange of %d bytes copied %d", n, m)
			}
			if m == 0 {
				if srcOff < size {
					s.Fatalf("CopyRange copied nothing at %d of %d", srcOff, size)
				}
				return
			}
			off, srcOff, n = off+m, srcOff+m, n-m
		}
	}
	copyAll(0, 0, size)
	copyAll(10, 1000, 5)
	copyAll(size, size-3, 100) // ends at the end of src
	copy(data[10:], bytes.Clone(data[1000:1005]))
	want := string(data) + string(data[size-3:])
	if s.content(dst) != want {
		s.Error("CopyRange: content differs")
	}
	if n, err := c.CopyRange(s.ctx, 0, src, size+5, 10); n != 0 || err != nil && err != io.EOF {
		s.declined(err)
		s.Errorf("CopyRange from past the end = %d, %v", n, err)
	}
}
