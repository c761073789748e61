package vfstest

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/gosmbd/smb/vfs"
)

// testReopen opens an object once more through a file that is open for its attributes, also
// when the name is another's by then.
func testReopen(s *suite) {
	s.file("f", "content")
	s.mkdir("d")
	s.file("d/below", "")
	look := s.open("f", attributes)
	defer s.close(look)
	id := s.stat(look).ID
	again := func(f vfs.File, access vfs.Access) vfs.File {
		g, err := need[vfs.Reopener](s, f).Reopen(s.ctx, vfs.OpenOptions{Access: access})
		if errors.Is(err, errors.ErrUnsupported) {
			s.Skip(err)
		}
		if err != nil {
			s.Fatalf("Reopen: %v", err)
		}
		return g
	}
	f := again(look, readWrite)
	if f == look {
		s.Fatal("what gave no access to the content does now")
	}
	if got := s.content(f); got != "content" || s.stat(f).ID != id {
		s.Errorf("content %q, ID %#x; want that of %#x", got, s.stat(f).ID, id)
	}
	if _, ok := vfs.As[vfs.Renamer](s.fs); ok {
		if err := s.rename("f", "g", false); err == nil {
			s.file("f", "another")
		}
	}
	g := again(look, vfs.AccessRead)
	if got := s.content(g); got != "content" || s.stat(g).ID != id {
		s.Errorf("after Rename, content %q, ID %#x; want that of %#x", got, s.stat(g).ID, id)
	}
	if same := again(look, attributes); same != look {
		s.close(same)
	}
	s.write(f, "C", 0)
	s.close(f) // is independent of the others
	if got := s.content(g); got != "Content" {
		s.Errorf("content %q", got)
	}
	s.close(g)
	if a := s.stat(look); a.ID != id || a.Size != 7 {
		s.Errorf("the first one has ID %#x and size %d", a.ID, a.Size)
	}

	dir := s.open("d", attributes)
	defer s.close(dir)
	list := again(dir, vfs.AccessRead)
	if list != dir {
		defer s.close(list)
	}
	for e, err := range need[vfs.DirReader](s, list).ReadDir(s.ctx) {
		if err != nil || e.Name != "below" {
			s.Errorf("ReadDir: %q, %v", e.Name, err)
		}
	}
}

// testSendTo sends content to a connection.
func testSendTo(s *suite) {
	content := string(make([]byte, 300<<10)) + "end"
	s.file("f", content)
	f := s.open("f", vfs.AccessRead)
	defer s.close(f)
	sender := need[vfs.Sender](s, f)
	if n, err := sender.ContentSize(); err != nil || n != int64(len(content)) {
		s.Errorf("ContentSize: %d, %v", n, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	defer l.Close()
	got := make(chan string)
	go func() {
		var b []byte
		if nc, err := l.Accept(); err == nil {
			b, _ = io.ReadAll(nc)
			nc.Close()
		}
		got <- string(b)
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	defer nc.Close()
	conn, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		s.Fatal(err)
	}
	size := int64(len(content))
	for _, tt := range []struct {
		off, n, sent int64
		err          error
	}{{0, size, size, nil}, {size - 3, 3, 3, nil}, {size - 3, 100, 3, io.EOF}, {size + 100, 1, 0, io.EOF}} {
		sent, err := sender.SendTo(conn, tt.off, tt.n)
		if errors.Is(err, errors.ErrUnsupported) {
			s.Skip(err)
		}
		if sent != tt.sent || err != tt.err {
			s.Errorf("SendTo(%d, %d): %d, %v; want %d, %v", tt.off, tt.n, sent, err, tt.sent, tt.err)
		}
	}
	nc.Close()
	if b := <-got; b != content+"end"+"end" {
		s.Errorf("%d octets came, or others", len(b))
	}
}

// testWriteFromPipe writes what is in a pipe.
func testWriteFromPipe(s *suite) {
	s.file("f", "0123456789")
	f := s.open("f", vfs.AccessRead|vfs.AccessWrite)
	defer s.close(f)
	splicer := need[vfs.Splicer](s, f)
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := w.WriteString("abcdef"); err != nil {
		s.Fatal(err)
	}
	for _, tt := range []struct{ off, n int64 }{{2, 3}, {12, 2}} {
		n, err := splicer.WriteFromPipe(r.Fd(), tt.off, tt.n)
		s.declined(err)
		if n != tt.n || err != nil {
			s.Errorf("WriteFromPipe of %d at %d: %d, %v", tt.n, tt.off, n, err)
		}
	}
	s.wantContent("f", "01abc56789\x00\x00de")
	left := make([]byte, 10)
	if n, err := r.Read(left); err != nil || string(left[:n]) != "f" {
		s.Errorf("the pipe has %q left, %v", left[:n], err)
	}
	read := s.open("f", vfs.AccessRead)
	defer s.close(read)
	if splicer, ok := vfs.As[vfs.Splicer](read); ok {
		if _, err := w.WriteString("x"); err != nil {
			s.Fatal(err)
		}
		if n, err := splicer.WriteFromPipe(r.Fd(), 0, 1); n != 0 || err == nil {
			s.Errorf("WriteFromPipe to what is open for reading: %d, %v", n, err)
		}
	}
}
