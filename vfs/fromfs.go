package vfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/gosmbd/smb/internal/deepest"
)

// Bounds of what [FromFS] keeps in memory.
const (
	// MaxHeldFile is the largest file that can be read if it can only be read
	// from start to end.
	MaxHeldFile = 64 << 20
	// MaxHeld is the most that all such files that are open may take.
	MaxHeld = 256 << 20
)

// FromFS returns a read-only view of fsys, which may be an [embed.FS], a
// [zip.Reader], an [os.DirFS] or any other.
//
// Content is read through io.ReaderAt where the files of fsys have it, else
// through io.Seeker, one read at a time. Files that have neither, as those in
// a zip archive, are read into memory when first read and kept while open;
// one larger than [MaxHeldFile], or one too many for [MaxHeld], can't be read:
// [errors.ErrUnsupported]. Symbolic links are whatever fsys makes of them.
//
// [embed.FS]: https://pkg.go.dev/embed#FS
// [zip.Reader]: https://pkg.go.dev/archive/zip#Reader
// [os.DirFS]: https://pkg.go.dev/os#DirFS
func FromFS(fsys fs.FS) FS { return &ioFS{fsys: fsys, held: make(map[string]*heldFile)} }

type ioFS struct {
	fsys fs.FS

	mu    sync.Mutex
	held  map[string]*heldFile
	total int64 // bytes of held
}

func (f *ioFS) Open(_ context.Context, name string, opt OpenOptions) (File, error) {
	h, err := f.open(name, opt)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.explain(name, err)}
	}
	return h, nil
}

func (f *ioFS) open(name string, opt OpenOptions) (File, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	if _, ok := f.fsys.(fs.StatFS); ok {
		// Tell what it is before opening: a pipe would block.
		fi, err := fs.Stat(f.fsys, name)
		switch {
		case err != nil:
			return nil, err
		case fi.IsDir():
			return &ioDir{ioNode{f.fsys, name}}, nil
		case opt.Writes():
			return nil, ErrReadOnly
		case !opt.Reads() || !fi.Mode().IsRegular():
			return &ioNode{f.fsys, name}, nil
		}
	}
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	fi, err := file.Stat()
	switch {
	case err != nil:
	case fi.IsDir():
		return &ioDir{ioNode{f.fsys, name}}, file.Close()
	case opt.Writes():
		err = ErrReadOnly
	default:
		return f.reader(file, name, fi.Size()), nil
	}
	file.Close()
	return nil, err
}

// explain makes the error of a name below a file ErrNotDir, which many file
// systems call fs.ErrNotExist.
func (f *ioFS) explain(name string, err error) error {
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, ErrReadOnly) {
		return err
	}
	if deepest.IsFile(name, func(dir string) (fs.FileInfo, error) { return fs.Stat(f.fsys, dir) }) {
		return ErrNotDir
	}
	return err
}

func attrOf(fi fs.FileInfo) Attr {
	return Attr{Mode: fi.Mode(), Size: fi.Size(), Written: fi.ModTime()}
}

// ioNode is an object opened for its attributes only.
type ioNode struct {
	fsys fs.FS
	name string
}

func (n *ioNode) Stat(context.Context) (Attr, error) {
	fi, err := fs.Stat(n.fsys, n.name)
	if err != nil {
		return Attr{}, err
	}
	return attrOf(fi), nil
}

func (n *ioNode) Close() error { return nil }

type ioDir struct{ ioNode }

func (d *ioDir) ReadDir(ctx context.Context) iter.Seq2[DirEntry, error] {
	return func(yield func(DirEntry, error) bool) {
		entries, err := fs.ReadDir(d.fsys, d.name)
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(DirEntry{}, err)
				return
			}
			fi, err := e.Info()
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				yield(DirEntry{}, err)
				return
			}
			if !yield(DirEntry{Name: e.Name(), Attr: attrOf(fi)}, nil) {
				return
			}
		}
		if err != nil {
			yield(DirEntry{}, err)
		}
	}
}

// ioFile is a file opened for reading.
type ioFile struct {
	file  fs.File
	r     io.ReaderAt
	close func() // gives back what is held; may be nil
}

// ReadAt reads from r. Beyond the end of file, where embed.FS and others call
// the offset invalid, it returns io.EOF.
func (f *ioFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	n, err := f.r.ReadAt(p, off)
	if n == 0 && err != nil && err != io.EOF {
		if fi, statErr := f.file.Stat(); statErr == nil && off >= fi.Size() {
			err = io.EOF
		}
	}
	return n, err
}

func (f *ioFS) reader(file fs.File, name string, size int64) File {
	switch r := file.(type) {
	case io.ReaderAt:
		return &ioFile{file: file, r: r}
	case io.ReadSeeker:
		return &ioFile{file: file, r: &seekReader{r: r}}
	}
	r := &heldReader{fs: f, file: file, name: name, size: size}
	return &ioFile{file: file, r: r, close: r.release}
}

func (f *ioFile) Stat(context.Context) (Attr, error) {
	fi, err := f.file.Stat()
	if err != nil {
		return Attr{}, err
	}
	return attrOf(fi), nil
}

func (f *ioFile) Close() error {
	if f.close != nil {
		f.close()
	}
	return f.file.Close()
}

// seekReader reads anywhere by seeking.
type seekReader struct {
	mu sync.Mutex
	r  io.ReadSeeker
}

func (s *seekReader) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.r.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
