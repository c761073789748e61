package aferofs

import (
	"archive/zip"
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/afero"

	"github.com/gosmbd/smb/vfs"
)

// sequential shows vfs.FromFS the files of a zip archive as ones that can be read from start
// to end only. zipfs.File has a ReadAt and a Seek, but inflates what lies before, keeps it
// for each open file, and panics where there is nothing to read.
type sequential struct{ afero afero.Fs }

func (s sequential) Open(name string) (fs.File, error) {
	a, err := s.afero.OpenFile(native(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	fi, err := a.Stat()
	if err != nil {
		a.Close()
		return nil, err
	}
	return &stream{file: a, fi: fi, left: fi.Size()}, nil
}

// stream is a file of which only Read is used.
type stream struct {
	file afero.File // nil when closed
	fi   fs.FileInfo
	left int64
}

func (s *stream) Stat() (fs.FileInfo, error) { return s.fi, nil }

// Read closes the file with the last byte, as zipfs.File keeps all that was read. One that
// ends before is of a damaged archive, which zipfs.File may not tell.
func (s *stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	n, err := s.file.Read(p)
	s.left -= int64(n)
	switch {
	case s.left <= 0:
		err = s.Close()
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		err = zip.ErrFormat
	}
	return n, err
}

func (s *stream) Close() error {
	if s.file == nil {
		return nil
	}
	a := s.file
	s.file, s.left = nil, 0
	return a.Close()
}

// inflated is a file of a zip archive whose content vfs.FromFS holds.
type inflated struct {
	afero.File
	content vfs.File
}

func (f *inflated) ReadAt(p []byte, off int64) (int, error) {
	return f.content.(io.ReaderAt).ReadAt(p, off)
}

func (f *inflated) Close() error {
	f.content.Close()
	return f.File.Close()
}

// isZip reports whether a file is in a zip archive, whatever zipfs is wrapped in.
func isZip(fi fs.FileInfo) bool {
	_, ok := fi.Sys().(*zip.FileHeader)
	return ok
}

// inflate returns a file to read at any place, which a may be; it owns a.
func (f *aferoFS) inflate(a afero.File, name string) (afero.File, error) {
	fi, err := a.Stat()
	if err == nil && !isZip(fi) {
		return a, nil
	}
	var content vfs.File
	if err == nil {
		content, err = f.zip.Open(context.Background(), name, vfs.OpenOptions{Access: vfs.ReadData})
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	return &inflated{a, content}, nil
}
