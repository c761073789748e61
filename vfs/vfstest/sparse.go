package vfstest

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// unit is a multiple of the blocks of all file systems that are known.
const unit = 64 << 10

// random returns n bytes of which none is zero.
func random(seed byte, n int) string {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	for i := range b {
		b[i] |= 1
	}
	return string(b)
}

// zeroed returns content with a range of it zero.
func zeroed(content string, off, n int) string {
	end := min(off+n, len(content))
	return content[:off] + strings.Repeat("\x00", end-off) + content[end:]
}

func (s *suite) attribute(f vfs.File, a vfs.Attributes, want bool) {
	s.Helper()
	if got := s.stat(f).Attributes; got&a != 0 != want {
		s.Errorf("attributes %#x: %#x is set: %t, want %t", got, a, !want, want)
	}
}

// allocated lists the ranges of f with storage, those that meet as one.
func (s *suite) allocated(f vfs.File, r vfs.Range) (list []vfs.Range) {
	s.Helper()
	last := r.Off
	for a, err := range need[vfs.Sparser](s, f).Allocated(s.ctx, r) {
		s.declined(err)
		if err != nil {
			s.Fatal("Allocated:", err)
		}
		if a.Len <= 0 || a.Off < last || a.End() > r.End() {
			s.Fatalf("Allocated(%v) yields %v after %d", r, a, last)
		}
		if n := len(list); n > 0 && list[n-1].End() == a.Off {
			list[n-1].Len += a.Len
		} else {
			list = append(list, a)
		}
		last = a.End()
	}
	return list
}

// covers checks that all ranges with data are among those allocated.
func (s *suite) covers(list []vfs.Range, data ...vfs.Range) {
	s.Helper()
next:
	for _, d := range data {
		for _, a := range list {
			if a.Off <= d.Off && d.End() <= a.End() {
				continue next
			}
		}
		s.Errorf("allocated are %v, without %v", list, d)
	}
}

func testSparse(s *suite) {
	f := s.create("f")
	defer s.close(f)
	sp := need[vfs.Sparser](s, f)
	s.attribute(f, vfs.AttrSparse, false)
	set := func(sparse bool) {
		s.Helper()
		err := sp.SetSparse(s.ctx, sparse)
		s.declined(err)
		if err != nil {
			s.Fatalf("SetSparse(%t): %v", sparse, err)
		}
		s.attribute(f, vfs.AttrSparse, sparse)
	}
	set(true)
	content := random(1, 4*unit)
	s.write(f, content, unit)
	content = strings.Repeat("\x00", unit) + content
	all := vfs.Range{Len: 100 * unit}
	s.covers(s.allocated(f, all), vfs.Range{Off: unit, Len: 4 * unit})

	if a, ok := vfs.As[vfs.AttrSetter](f); ok {
		if err := a.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}); err != nil {
			s.declined(err)
			s.Fatal(err)
		}
		s.attribute(f, vfs.AttrSparse, true)
		s.attribute(f, vfs.AttrHidden, true)
	}
	g := s.open("f", readWrite)
	s.attribute(g, vfs.AttrSparse, true)
	s.close(g)
	set(true)
	set(false)
	if s.content(f) != content {
		s.Error("SetSparse(false) changed the content")
	}
}

func testPunch(s *suite) {
	f := s.create("f")
	defer s.close(f)
	sp := need[vfs.Sparser](s, f)
	size := 6*unit + 100
	content := random(2, size)
	s.write(f, content, 0)
	for _, r := range []struct{ off, n int }{
		{unit, unit},                   // whole blocks
		{3*unit + 10, 20},              // part of one
		{4*unit - 5, unit + 10},        // and of several
		{6 * unit, 100},                // up to the end
		{size - 10, unit},              // beyond
		{size + unit, unit},            // altogether
		{0, 1}, {unit + 1, 1}, {10, 1}, // in holes, too
	} {
		err := sp.Punch(s.ctx, vfs.Range{Off: int64(r.off), Len: int64(r.n)})
		s.declined(err)
		if err != nil {
			s.Fatalf("Punch(%v): %v", r, err)
		}
		if r.off < size {
			content = zeroed(content, r.off, r.n)
		}
		if s.content(f) != content {
			s.Fatalf("Punch(%v): the content isn't as before but for zeros", r)
		}
	}
	list := s.allocated(f, vfs.Range{Len: int64(size)})
	s.covers(list, vfs.Range{Len: unit}, vfs.Range{Off: 2 * unit, Len: 2*unit - 5}, vfs.Range{Off: 5*unit + 5, Len: unit - 5})
	for _, a := range list {
		if a.Off < 2*unit && a.End() > unit {
			s.Errorf("after a hole was punched at %d, %v is allocated", unit, a)
		}
	}
	// What is written into a hole is there again.
	s.write(f, "again", unit+50)
	content = content[:unit+50] + "again" + content[unit+55:]
	if s.content(f) != content {
		s.Error("a write into a hole shows old bytes")
	}

	g := s.open("f", vfs.AccessRead)
	defer s.close(g)
	if p, ok := vfs.As[vfs.Sparser](g); ok {
		if p.Punch(s.ctx, vfs.Range{Len: unit}) == nil {
			s.Error("Punch through a File that is open for reading succeeds")
		}
	}
	if s.content(f) != content {
		s.Error("Punch through a File that is open for reading changed the content")
	}
}

func testCloneRange(s *suite) {
	const blocks = 6
	src, dst := s.create("src"), s.create("dst")
	defer s.close(src)
	defer s.close(dst)
	c := need[vfs.RangeCloner](s, dst)
	from, to := random(3, blocks*unit+100), random(4, blocks*unit+100)
	from = zeroed(from, unit, unit)
	s.write(src, from[:unit], 0)
	s.write(src, from[2*unit:], 2*unit) // a hole in between
	s.write(dst, to, 0)
	clone := func(off, srcOff, n int) {
		s.Helper()
		err := c.CloneRange(s.ctx, vfs.Range{Off: int64(off), Len: int64(n)}, src, int64(srcOff))
		s.declined(err)
		if err != nil {
			s.Fatalf("CloneRange(%d, %d, %d): %v", off, srcOff, n, err)
		}
		to = to[:off] + from[srcOff:srcOff+n] + to[off+n:]
		if s.content(dst) != to {
			s.Fatalf("CloneRange(%d, %d, %d): the content differs", off, srcOff, n)
		}
	}
	clone(0, 0, 3*unit)
	clone(4*unit, 2*unit, unit)
	clone(0, 0, 3*unit)
	clone(3*unit, 3*unit, 3*unit+100) // the ends of both
	v := s.volume()
	clone(int(v.BlockSize), unit*2+int(v.BlockSize)*3, int(v.BlockSize)*2)

	// From now on they are different files again.
	s.write(dst, "mine", 10)
	s.write(src, "yours", 2*unit+10)
	from = from[:2*unit+10] + "yours" + from[2*unit+15:]
	to = to[:10] + "mine" + to[14:]
	if s.content(src) != from || s.content(dst) != to {
		s.Error("a write shows in the other file")
	}
	if t, ok := vfs.As[vfs.Truncater](dst); ok {
		if err := t.Truncate(3*unit + 10); err != nil {
			s.declined(err)
			s.Fatal(err)
		}
		if s.content(src) != from {
			s.Error("Truncate shows in the other file")
		}
		if err := t.Truncate(int64(len(to))); err != nil {
			s.Fatal(err)
		}
		to = zeroed(to, 3*unit+10, len(to))
	}
	if err := s.remove("src"); err != nil {
		s.Fatal(err)
	}
	if s.content(dst) != to {
		s.Error("after the other file was removed the content differs")
	}
}

func testCloneRefused(s *suite) {
	src, dst := s.create("src"), s.create("dst")
	defer s.close(src)
	defer s.close(dst)
	s.write(src, random(5, 2*unit), 0)
	s.write(dst, random(6, 2*unit), 0)
	want := s.content(dst)
	c := need[vfs.RangeCloner](s, dst)
	reader := s.open("dst", vfs.AccessRead)
	defer s.close(reader)
	r, _ := vfs.As[vfs.RangeCloner](reader)
	err := c.CloneRange(s.ctx, vfs.Range{Len: unit}, dst, unit)
	s.declined(err)
	if err != nil {
		s.Fatal("CloneRange within a file:", err)
	}
	want = want[unit:] + want[unit:]
	for name, err := range map[string]error{
		"beyond the source":       c.CloneRange(s.ctx, vfs.Range{Len: 2 * unit}, src, unit),
		"into itself":             c.CloneRange(s.ctx, vfs.Range{Len: unit}, dst, 0),
		"open for reading":        r.CloneRange(s.ctx, vfs.Range{Len: unit}, src, 0),
		"from another filesystem": c.CloneRange(s.ctx, vfs.Range{Len: unit}, stranger{}, 0),
	} {
		if err == nil {
			s.Errorf("%s: CloneRange succeeds", name)
		}
		if s.content(dst) != want {
			s.Fatalf("%s: CloneRange failed and changed the content", name)
		}
	}
	if err := c.CloneRange(s.ctx, vfs.Range{Len: unit}, stranger{}, 0); !errors.Is(err, errors.ErrUnsupported) {
		s.Errorf("CloneRange from another file system: %v, want ErrUnsupported", err)
	}
}

// stranger is no file of any backend's.
type stranger struct{ vfs.File }

func testCompression(s *suite) {
	v := s.volume()
	if !v.Compression {
		s.Skip("the volume has none")
	}
	set := func(f vfs.File, on bool) {
		s.Helper()
		if err := need[vfs.Compressor](s, f).SetCompressed(s.ctx, on); err != nil {
			s.declined(err)
			s.Fatal("SetCompressed:", err)
		}
		s.attribute(f, vfs.AttrCompressed, on)
	}
	f := s.create("f")
	defer s.close(f)
	s.attribute(f, vfs.AttrCompressed, false)
	set(f, true)
	s.write(f, strings.Repeat("content ", 10_000), 0)
	if a, ok := vfs.As[vfs.AttrSetter](f); ok {
		if err := a.SetAttr(s.ctx, vfs.AttrChange{Attributes: vfs.AttrHidden}); err != nil {
			s.declined(err)
			s.Fatal(err)
		}
		s.attribute(f, vfs.AttrCompressed, true)
	}
	set(f, false)
	if s.content(f) != strings.Repeat("content ", 10_000) {
		s.Error("the content differs")
	}

	s.mkdir("d")
	d := s.open("d", vfs.AccessReadOnly)
	defer s.close(d)
	set(d, true)
	for name, opt := range map[string]vfs.CreateOptions{
		"d/file":      {},
		"d/dir":       {Directory: true},
		"d/plain":     {NoCompression: true},
		"d/plain dir": {NoCompression: true, Directory: true},
	} {
		opt.Access = vfs.AccessReadOnly
		g, err := s.tryCreate(name, opt)
		if err != nil {
			s.Fatal(err)
		}
		s.attribute(g, vfs.AttrCompressed, !opt.NoCompression)
		s.close(g)
	}
}

// testAbilities checks that the volume promises what its files keep.
func testAbilities(s *suite) {
	v := s.volume()
	f := s.create("f")
	defer s.close(f)
	s.write(f, random(7, 2*unit), 0)
	promise := func(what string, made, kept bool) {
		if made != kept {
			s.Errorf("%s: the volume says %t, its files %t", what, made, kept)
		}
	}
	sp, ok := vfs.As[vfs.Sparser](f)
	promise("sparse", v.Sparse, ok && works(sp.Punch(s.ctx, vfs.Range{Len: unit})) && works(sp.SetSparse(s.ctx, true)))
	cl, ok := vfs.As[vfs.RangeCloner](f)
	promise("clones", v.Clones, ok && works(cl.CloneRange(s.ctx, vfs.Range{Len: unit}, f, unit)))
	co, ok := vfs.As[vfs.Compressor](f)
	promise("compression", v.Compression, ok && works(co.SetCompressed(s.ctx, true)) && s.stat(f).Attributes&vfs.AttrCompressed != 0)
}

func works(err error) bool {
	return !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission)
}

func (s *suite) volume() vfs.Volume {
	s.Helper()
	v, err := need[vfs.Sizer](s, s.fs).Volume(s.ctx)
	s.declined(err)
	if err != nil {
		s.Fatal(err)
	}
	if v.BlockSize == 0 {
		v.BlockSize = 4096
	}
	return v
}
