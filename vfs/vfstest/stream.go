package vfstest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// streamer finds the capability, or skips the test also where the storage
// beneath declines.
func (s *suite) streamer(f vfs.File) vfs.Streamer {
	s.Helper()
	st := need[vfs.Streamer](s, f)
	for _, err := range st.Streams(s.ctx) {
		s.declined(err)
	}
	return st
}

func (s *suite) tryStream(f vfs.File, name string, opt vfs.StreamOptions) (vfs.File, error) {
	s.Helper()
	st, err := s.streamer(f).OpenStream(s.ctx, name, opt)
	if (st == nil) != (err != nil) {
		s.Errorf("OpenStream(%q) = %v, %v: want either a File or an error", name, st, err)
	}
	return st, err
}

// stream opens a stream for reading and writing, and creates it if need be.
func (s *suite) stream(f vfs.File, name string) vfs.File {
	s.Helper()
	st, err := s.tryStream(f, name, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Create: true})
	if err != nil {
		s.Fatalf("OpenStream(%q): %v", name, err)
	}
	return st
}

// setStream makes a stream with content.
func (s *suite) setStream(f vfs.File, name, content string) {
	s.Helper()
	st := s.stream(f, name)
	defer s.close(st)
	s.truncate(st, 0)
	s.write(st, content, 0)
}

func (s *suite) truncate(f vfs.File, size int64) {
	s.Helper()
	if err := need[vfs.Truncater](s, f).Truncate(size); err != nil {
		s.Fatalf("Truncate(%d): %v", size, err)
	}
}

func (s *suite) wantStream(f vfs.File, name, want string) {
	s.Helper()
	st, err := s.tryStream(f, name, vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: vfs.AccessRead}})
	if err != nil {
		s.Errorf("OpenStream(%q): %v", name, err)
		return
	}
	defer s.close(st)
	if got := s.content(st); got != want {
		s.Errorf("content of stream %q = %.60q, want %.60q", name, got, want)
	}
}

// wantStreams compares the names, and checks the sizes against the streams.
func (s *suite) wantStreams(f vfs.File, want ...string) {
	s.Helper()
	got := []string{}
	for info, err := range s.streamer(f).Streams(s.ctx) {
		if err != nil {
			s.Fatalf("Streams: %v", err)
		}
		got = append(got, info.Name)
		st, err := s.tryStream(f, info.Name, vfs.StreamOptions{})
		if err != nil {
			s.Errorf("OpenStream(%q), which is listed: %v", info.Name, err)
			continue
		}
		if a := s.stat(st); a.Size != info.Size || a.Alloc != info.Alloc {
			s.Errorf("stream %q is listed with size %d, alloc %d; its Stat has %d, %d", info.Name, info.Size, info.Alloc, a.Size, a.Alloc)
		}
		s.close(st)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("streams %q, want %q", got, want)
	}
}

// eachObject runs a test on a file and on a directory, each opened with and
// without content.
func (s *suite) eachObject(test func(f vfs.File)) {
	for i, access := range []vfs.Access{readWrite, vfs.AccessRead, attributes} {
		for _, name := range []string{fmt.Sprint("f", i), fmt.Sprint("d", i)} {
			switch {
			case name[0] == 'd' && s.flat:
				continue
			case name[0] == 'd':
				s.mkdir(name)
			default:
				s.file(name, "the data")
			}
			f := s.open(name, access)
			test(f)
			s.close(f)
			if name[0] == 'f' {
				s.wantContent(name, "the data")
			}
		}
	}
}

func testStream(s *suite) {
	s.eachObject(func(f vfs.File) {
		s.wantStreams(f)
		_, err := s.tryStream(f, "one", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}})
		s.wantErr("OpenStream of a missing stream", err, fs.ErrNotExist)

		one := s.stream(f, "one")
		s.wantStreams(f, "one")
		if got := s.content(one); got != "" {
			s.Errorf("a new stream has content %q", got)
		}
		s.write(one, "hello", 0)
		s.write(one, "!", 7) // a hole
		if got, want := s.content(one), "hello\x00\x00!"; got != want {
			s.Errorf("content %q, want %q", got, want)
		}
		b := make([]byte, 3)
		if n, err := need[io.ReaderAt](s, one).ReadAt(b, 1); n != 3 || err != nil || string(b) != "ell" {
			s.Errorf("ReadAt = %d, %v, %q", n, err, b)
		}
		s.truncate(one, 2)
		s.truncate(one, 4) // what was there isn't seen again
		if got, want := s.content(one), "he\x00\x00"; got != want {
			s.Errorf("content %q, want %q", got, want)
		}
		if y, ok := vfs.As[vfs.Syncer](one); ok {
			if err := y.Sync(); err != nil {
				s.Errorf("Sync: %v", err)
			}
		}
		s.close(one)

		// Content that ends with NUL, and none at all, are kept as they are.
		s.wantStream(f, "one", "he\x00\x00")
		s.setStream(f, "Two Ü", "second")
		s.wantStream(f, "two ü", "second")
		s.setStream(f, "nul", "\x00")
		s.wantStream(f, "nul", "\x00")
		s.close(s.stream(f, "empty"))
		s.wantStream(f, "empty", "")
		s.wantStreams(f, "one", "Two Ü", "nul", "empty")
	})
	for _, name := range s.names(".") {
		if len(name) != 2 {
			s.Errorf("%q is in the directory: it lists streams", name)
		}
	}
}

func testStreamCreate(s *suite) {
	f := s.create("f")
	defer s.close(f)
	s.setStream(f, "Name", "content")
	_, err := s.tryStream(f, "NAME", vfs.StreamOptions{Create: true, Exclusive: true})
	s.wantErr("exclusive creation of what exists in another case", err, fs.ErrExist)
	s.close(s.stream(f, "naME"))
	s.wantStream(f, "nAMe", "content")
	s.wantStreams(f, "Name")
	st, err := s.tryStream(f, "other", vfs.StreamOptions{Create: true, Exclusive: true})
	if err != nil {
		s.Fatalf("exclusive creation: %v", err)
	}
	s.close(st)
	st, err = s.tryStream(f, "OTHER", vfs.StreamOptions{Exclusive: true})
	if err != nil {
		s.Fatalf("Exclusive without Create: %v", err)
	}
	s.close(st)
	for _, name := range []string{"a", ".", "..", "a.b c", `*?"<>|`, "\x01\x1f", "日本語", strings.Repeat("x", 200)} {
		s.setStream(f, name, name)
		s.wantStream(f, name, name)
	}
	st, err = s.tryStream(f, strings.Repeat("日", 255), vfs.StreamOptions{Create: true})
	if err == nil {
		s.close(st)
	} else {
		s.wantErr("creation of a long name", err, vfs.ErrNameTooLong)
	}
}

func testStreamRights(s *suite) {
	f := s.create("f")
	defer s.close(f)
	s.setStream(f, "s", "content")
	open := func(access vfs.Access) vfs.File {
		st, err := s.tryStream(f, "s", vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: access}})
		if err != nil {
			s.Fatalf("OpenStream with access %#x: %v", access, err)
		}
		return st
	}
	reader, writer, neither := open(vfs.AccessRead), open(vfs.WriteData), open(attributes)
	for _, st := range []vfs.File{reader, neither} {
		_, err := need[io.WriterAt](s, st).WriteAt([]byte("x"), 0)
		s.wantErr("WriteAt without the right", err, fs.ErrPermission)
		s.wantErr("Truncate without the right", need[vfs.Truncater](s, st).Truncate(0), fs.ErrPermission)
	}
	_, err := need[io.ReaderAt](s, neither).ReadAt(make([]byte, 1), 0)
	s.wantErr("ReadAt without the right", err, fs.ErrPermission)
	s.write(writer, "C", 0)
	if got := s.content(reader); got != "Content" {
		s.Errorf("content %q", got)
	}
	for _, st := range []vfs.File{reader, writer, neither} {
		s.close(st)
	}
}

// Stat is the object's but for the size; SetAttr and the list are the object's.
func testStreamAttr(s *suite) {
	s.eachObject(func(f vfs.File) {
		st := s.stream(f, "s")
		defer s.close(st)
		s.write(st, "0123456789", 0)
		a, b := s.stat(f), s.stat(st)
		if b.IsDir() || !b.Mode.IsRegular() {
			s.Errorf("a stream has mode %v", b.Mode)
		}
		if b.Size != 10 || a.ID != b.ID || a.Attributes != b.Attributes || !a.Written.Equal(b.Written) || !a.Created.Equal(b.Created) {
			s.Errorf("the stream's Stat is %+v, the object's %+v", b, a)
		}
		s.wantStreams(st, "s")
		if _, ok := vfs.As[vfs.AttrSetter](f); !ok {
			return
		}
		past := time.Now().Add(-time.Hour).Truncate(time.Second)
		s.setAttr(st, vfs.AttrChange{Written: past, Attributes: vfs.AttrHidden})
		a, b = s.stat(f), s.stat(st)
		if a.Attributes != b.Attributes || !a.Written.Equal(b.Written) {
			s.Errorf("after SetAttr the stream's Stat is %+v, the object's %+v", b, a)
		}
		if !a.Written.Equal(past) {
			return // isn't stored
		}
		s.write(st, "x", 0)
		if a := s.stat(f); !a.Written.After(past) {
			s.Errorf("after a write to the stream, Written of the object is still %v", a.Written)
		}
	})
}

// A stream's File lives on after the one it was opened on, and sees what others
// write.
func testStreamHandles(s *suite) {
	s.eachObject(func(f vfs.File) {
		s.setStream(f, "s", "content")
	})
	f := s.open("f0", attributes)
	a, b := s.stream(f, "s"), s.stream(f, "S")
	s.close(f)
	s.write(a, "long", 7)
	s.truncate(b, 9)
	if got := s.content(a); got != "contentlo" {
		s.Errorf("content %q through the first File", got)
	}
	s.write(b, "C", 0)
	s.close(b)
	if got := s.content(a); got != "Contentlo" {
		s.Errorf("content %q after the second File is closed", got)
	}
	// It is a Streamer of the object.
	st := need[vfs.Streamer](s, a)
	if err := st.RenameStream(s.ctx, "s", "t", false); err != nil {
		s.Errorf("RenameStream through a stream's File: %v", err)
	}
	s.wantStream(a, "t", "Contentlo")
	s.wantStreams(a, "t")
	if err := st.RemoveStream(s.ctx, "t"); err != nil {
		s.Errorf("RemoveStream through a stream's File: %v", err)
	}
	s.wantStreams(a)
	s.close(a)
}

func testStreamRemove(s *suite) {
	s.eachObject(func(f vfs.File) {
		st := s.streamer(f)
		s.wantErr("RemoveStream of a missing stream", st.RemoveStream(s.ctx, "s"), fs.ErrNotExist)
		s.setStream(f, "Stream", "content")
		s.setStream(f, "other", "other")
		open := s.stream(f, "stream")
		if err := st.RemoveStream(s.ctx, "STREAM"); err != nil {
			s.Fatalf("RemoveStream: %v", err)
		}
		s.wantStreams(f, "other")
		_, err := s.tryStream(f, "stream", vfs.StreamOptions{})
		s.wantErr("OpenStream of a removed stream", err, fs.ErrNotExist)
		// A new one of the name is another one.
		s.setStream(f, "stream", "new")
		s.write(open, "C", 0)
		if got := s.content(open); got != "Content" {
			s.Errorf("a removed stream that is open has content %q", got)
		}
		s.close(open)
		s.wantStream(f, "stream", "new")
		s.wantStream(f, "other", "other")
	})
}

func testStreamRename(s *suite) {
	s.eachObject(func(f vfs.File) {
		st := s.streamer(f)
		rename := func(from, to string, replace bool) {
			s.Helper()
			if err := st.RenameStream(s.ctx, from, to, replace); err != nil {
				s.Fatalf("RenameStream(%q, %q, %v): %v", from, to, replace, err)
			}
		}
		s.wantErr("RenameStream of a missing stream", st.RenameStream(s.ctx, "a", "b", true), fs.ErrNotExist)
		s.setStream(f, "a", "content of a")
		s.setStream(f, "b", "content of b")
		a, b := s.stream(f, "a"), s.stream(f, "b")
		s.wantErr("RenameStream to a name that exists", st.RenameStream(s.ctx, "A", "B", false), fs.ErrExist)
		s.wantStream(f, "a", "content of a")
		rename("a", "Third", false)
		s.write(a, "C", 0)
		s.wantStreams(f, "Third", "b")
		s.wantStream(f, "third", "Content of a")
		rename("third", "THIRD", false)
		s.wantStreams(f, "THIRD", "b")
		rename("THIRD", "THIRD", false)
		s.wantStream(f, "third", "Content of a")
		rename("third", "B", true)
		s.wantStreams(f, "B")
		s.write(a, "!", 12)
		s.write(b, "?", 12)
		s.wantStream(f, "b", "Content of a!")
		if got := s.content(b); got != "content of b?" {
			s.Errorf("a replaced stream that is open has content %q", got)
		}
		s.close(a)
		s.close(b)
		s.wantStream(f, "b", "Content of a!")
	})
}

// Streams go with the object, whatever its names.
func testStreamObject(s *suite) {
	f := s.create("f")
	s.setStream(f, "s", "content")
	s.close(f)
	if err := s.rename("f", "g", false); err != nil {
		s.Fatal(err)
	}
	names := []string{"g"}
	if l, ok := vfs.As[vfs.Linker](s.fs); ok {
		if err := l.Link(s.ctx, "g", "h", false); err == nil {
			names = append(names, "h")
		} else if !errors.Is(err, errors.ErrUnsupported) {
			s.Fatal(err)
		}
	}
	for _, name := range names {
		g := s.open(name, attributes)
		s.wantStream(g, "s", "content")
		s.setStream(g, "of "+name, name)
		s.close(g)
	}
	g := s.open("g", attributes)
	s.wantStreams(g, "s", "of g", "of "+names[len(names)-1])
	open := s.stream(g, "s")
	s.close(g)
	for _, name := range names {
		if err := s.remove(name); err != nil {
			if is(err, vfs.ErrSharing) {
				s.close(open)
				return
			}
			s.Fatal(err)
		}
	}
	s.write(open, "C", 0)
	if got := s.content(open); got != "Content" {
		s.Errorf("a stream of a removed file has content %q", got)
	}
	s.file("g", "")
	g = s.open("g", attributes)
	s.wantStreams(g)
	s.close(g)
	s.close(open)
}

// What is too long is refused and changes nothing.
func testStreamLimit(s *suite) {
	f := s.create("f")
	defer s.close(f)
	st := s.stream(f, "s")
	defer s.close(st)
	const step = 1000
	size := 0
	for size < 200*step {
		n, err := need[io.WriterAt](s, st).WriteAt([]byte(strings.Repeat("x", step)), int64(size))
		if err != nil {
			s.wantErr("a write that is too long", err, vfs.ErrNoSpace)
			if n != 0 {
				s.Errorf("WriteAt = %d, %v", n, err)
			}
			s.wantErr("Truncate that is too long", need[vfs.Truncater](s, st).Truncate(int64(size+step)), vfs.ErrNoSpace)
			break
		}
		size += step
	}
	if got := s.content(st); got != strings.Repeat("x", size) {
		s.Errorf("%d bytes, want %d", len(got), size)
	}
	if err := need[vfs.Truncater](s, st).Truncate(-1); err == nil {
		s.Error("Truncate(-1) succeeds")
	}
	if _, err := need[io.WriterAt](s, st).WriteAt([]byte("x"), -1); err == nil {
		s.Error("WriteAt(-1) succeeds")
	}
	// A rename doesn't need room for the content twice.
	if err := s.streamer(f).RenameStream(s.ctx, "s", "t", false); err != nil {
		s.Errorf("RenameStream of %d bytes: %v", size, err)
	}
	if got := s.content(st); len(got) != size {
		s.Errorf("%d bytes after the rename, want %d", len(got), size)
	}
}

// testConcurrentStream has goroutines write parts of one stream through Files
// of their own, while others come and go.
func testConcurrentStream(s *suite) {
	const writers, part = 8, 100
	f := s.create("f")
	defer s.close(f)
	st := s.streamer(f)
	var created atomic.Int32
	parallel(writers, func(i int) {
		if c, err := st.OpenStream(s.ctx, "once", vfs.StreamOptions{Create: true, Exclusive: true}); err == nil {
			created.Add(1)
			c.Close()
		} else if !is(err, fs.ErrExist) {
			s.Errorf("exclusive creation: %v", err)
		}
		for at := range part {
			opt := vfs.StreamOptions{OpenOptions: vfs.OpenOptions{Access: readWrite}, Create: true}
			h, err := st.OpenStream(s.ctx, "s", opt)
			if err != nil {
				s.Errorf("OpenStream: %v", err)
				return
			}
			if w, ok := vfs.As[io.WriterAt](h); ok {
				if _, err := w.WriteAt([]byte{byte('a' + i)}, int64(i*part+at)); err != nil {
					s.Errorf("WriteAt: %v", err)
				}
			}
			if err := h.Close(); err != nil {
				s.Errorf("Close: %v", err)
			}
			own := fmt.Sprint("own", i)
			if o, err := st.OpenStream(s.ctx, own, opt); err != nil {
				s.Errorf("OpenStream: %v", err)
			} else if err := errors.Join(st.RenameStream(s.ctx, own, own+"r", true), st.RemoveStream(s.ctx, own+"r"), o.Close()); err != nil {
				s.Error(err)
			}
		}
	})
	if created.Load() != 1 {
		s.Errorf("%d goroutines created one stream", created.Load())
	}
	var want strings.Builder
	for i := range writers {
		want.WriteString(strings.Repeat(string(rune('a'+i)), part))
	}
	s.wantStream(f, "s", want.String())
	s.wantStreams(f, "once", "s")
}
