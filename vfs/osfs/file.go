package osfs

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/gosmbd/smb/vfs"
)

// File is an open file or directory.
type File struct {
	handle // the descriptor, and what the system needs besides

	fs   *FS
	as   *agent // whom it was opened for
	name string // as opened; the object may have another by now
	dir  bool
	data bool // the content is open

	reads atOnce
}

func newFile(f *FS, name string, file *os.File, data, dir bool) *File {
	h := &File{fs: f, name: name, data: data, dir: dir}
	h.handle.init(file)
	return h
}

// Stat returns the current attributes.
func (h *File) Stat(ctx context.Context) (vfs.Attr, error) {
	a, err := h.attr()
	if err != nil {
		return vfs.Attr{}, h.fail("stat", err)
	}
	return a, nil
}

// SetAttr changes times and DOS attributes. AttrChange.Changed is kept in
// user.DOSATTRIB, and ignored where that can't be.
func (h *File) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	return h.fail("setattr", h.setAttr(c))
}

// Close closes the file.
func (h *File) Close() error { return h.fail("close", h.handle.close()) }

// ReadAt implements io.ReaderAt.
func (h *File) ReadAt(b []byte, off int64) (int, error) {
	if err := h.content(); err != nil {
		return 0, h.fail("read", err)
	}
	n := h.readAtOnce(b, off)
	if n == len(b) {
		return n, nil
	}
	m, err := h.file.ReadAt(b[n:], off+int64(n))
	n += m
	if err != nil && err != io.EOF {
		err = h.fail("read", err)
	}
	return n, err
}

// WriteAt implements io.WriterAt.
func (h *File) WriteAt(b []byte, off int64) (int, error) {
	if err := h.content(); err != nil {
		return 0, h.fail("write", err)
	}
	n, err := h.writeAt(b, off)
	if err != nil && err != io.EOF {
		err = h.fail("write", err)
	}
	return n, err
}

func (h *File) writeAt(b []byte, off int64) (int, error) {
	if h.as == nil || !h.as.guarded() {
		return h.writeOut(b, off)
	}
	return h.writeGuarded(b, off)
}

func (h *File) writeOut(b []byte, off int64) (int, error) {
	h.reads.written()
	return h.file.WriteAt(b, off)
}

// writeGuarded stands by itself as a write that isn't guarded allocates nothing.
func (h *File) writeGuarded(b []byte, off int64) (n int, err error) {
	err = h.change(func() (err error) {
		n, err = h.writeOut(b, off)
		return err
	})
	return n, err
}

// Truncate sets the end of file.
func (h *File) Truncate(size int64) error {
	if err := h.content(); err != nil {
		return h.fail("truncate", err)
	}
	return h.fail("truncate", h.change(func() error { return h.file.Truncate(size) }))
}

// Sync returns when what was written is on stable storage. For a handle without
// content there is nothing to do.
func (h *File) Sync() error {
	if h.content() != nil {
		return nil
	}
	return h.fail("sync", h.file.Sync())
}

// content returns an error unless the handle has content.
func (h *File) content() error {
	switch {
	case h.dir:
		return vfs.ErrIsDir
	case !h.data:
		return fs.ErrPermission
	}
	return nil
}

// dirBatch is how many names are read at a time where nobody waits in between: enough to
// make the system call cheap, few enough that memory doesn't grow with the directory.
const dirBatch = 256

// ReadDir lists the directory, each iteration through a descriptor of its own.
func (h *File) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		err := h.eachEntry(ctx, func(d *os.File, e dirEntry) bool {
			a, size, ok := h.entryAttr(d, e)
			return !ok || yield(vfs.DirEntry{Name: h.fs.remote(e.Name()), Attr: a, Xattrs: size}, nil)
		})
		if err != nil {
			yield(vfs.DirEntry{}, err)
		}
	}
}

// ReadNames implements vfs.NameReader.
func (h *File) ReadNames(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := h.eachEntry(ctx, func(d *os.File, e dirEntry) bool {
			if e.Type()&(fs.ModeSymlink|fs.ModeIrregular) != 0 { // it may be one that isn't shown
				if _, _, ok := h.entryAttr(d, e); !ok {
					return true
				}
			}
			return yield(h.fs.remote(e.Name()), nil)
		})
		if err != nil {
			yield("", err)
		}
	}
}

// eachEntry calls do with what is in the directory, and that opened, until do returns false
// or there is an error.
func (h *File) eachEntry(ctx context.Context, do func(d *os.File, e dirEntry) bool) error {
	if !h.dir {
		return h.fail("readdir", vfs.ErrNotDir)
	}
	d, err := h.reopenDir()
	if err != nil {
		return h.fail("readdir", err)
	}
	defer d.Close()
	err = scan(ctx, d, func(e dirEntry) bool {
		name := e.Name()
		return strings.HasPrefix(name, temporary) || isSidecars(name) || h.name == "." && h.fs.concealed(name) || do(d, e)
	})
	if err == ctx.Err() {
		return err
	}
	return h.fail("readdir", err)
}

// readNames reads up to n entries of d.
func readNames(d *os.File, n int) (names []fs.DirEntry, more bool, err error) {
	names, err = d.ReadDir(n)
	if err == io.EOF {
		return names, false, nil
	}
	return names, err == nil, err
}
