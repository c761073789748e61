package aferofs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/spf13/afero"
	"github.com/spf13/afero/mem"

	"github.com/gosmbd/smb/vfs"
)

// maxMemFile is the largest file in an afero.MemMapFs, which allocates what
// lies before the end of file: a write far out would end the process.
const maxMemFile = 1 << 30

// handle is what files and directories that are open have in common.
type handle struct {
	fs   *aferoFS
	name string // guarded by fs.mu; empty when removed

	// mu guards file, which is safe for one call at a time only.
	mu   sync.Mutex
	file afero.File
}

type file struct {
	handle
	through bool // sync after each write
	writes  bool // opened for writing

	// lower tells that the file is in the lower layer of an afero.CopyOnWriteFs and
	// open for reading, whatever for it was opened. Who changes it holds fs.mu and mu.
	lower bool

	inMem bool // the content is in an afero.MemMapFs; mu guards it

	// written tells of changes since the time of last write was set; mu guards it.
	written bool
}

type dir struct{ handle }

var (
	_ io.ReaderAt    = (*file)(nil)
	_ io.WriterAt    = (*file)(nil)
	_ vfs.Truncater  = (*file)(nil)
	_ vfs.Syncer     = (*file)(nil)
	_ vfs.AttrSetter = (*file)(nil)
	_ vfs.DirReader  = (*dir)(nil)
	_ vfs.AttrSetter = (*dir)(nil)
)

// handle makes a File; fs.mu is held.
func (f *aferoFS) handle(a afero.File, name string, isDir, lower bool, opt vfs.OpenOptions) vfs.File {
	var h *handle
	var x *file
	var v vfs.File
	if isDir {
		d := &dir{}
		h, v = &d.handle, d
	} else {
		x = &file{through: opt.WriteThrough, writes: opt.Writes(), lower: lower, inMem: inMemory(a)}
		h, v = &x.handle, x
	}
	h.fs, h.name, h.file = f, name, a
	f.openMu.Lock()
	defer f.openMu.Unlock()
	f.open[h] = x
	return v
}

// inMemory reports whether the content is a slice.
func inMemory(f afero.File) bool {
	switch f := f.(type) {
	case *mem.File:
		return true
	case *afero.BasePathFile:
		return inMemory(f.File)
	case *afero.UnionFile:
		return f.Layer != nil && inMemory(f.Layer) || f.Base != nil && inMemory(f.Base)
	}
	return false
}

func attrOf(fi fs.FileInfo) vfs.Attr {
	return vfs.Attr{Mode: fi.Mode(), Size: fi.Size(), Written: fi.ModTime()}
}

func (h *handle) Stat(context.Context) (vfs.Attr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fi, err := h.file.Stat()
	if err != nil {
		return vfs.Attr{}, err
	}
	return attrOf(fi), nil
}

// forget ends that the name follows renames.
func (h *handle) forget() {
	h.fs.openMu.Lock()
	defer h.fs.openMu.Unlock()
	delete(h.fs.open, h)
}

func (h *handle) Close() error {
	h.forget()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.file.Close()
}

// SetAttr sets the times of last write and access. It declines what afero
// doesn't have, and any change after the name is gone.
func (h *handle) SetAttr(_ context.Context, c vfs.AttrChange) error {
	if c.Accessed.IsZero() && c.Written.IsZero() {
		return errors.ErrUnsupported
	}
	defer h.fs.lock(true)()
	if h.name == "" {
		return errors.ErrUnsupported
	}
	// afero sets both: one that is to stay is written back, or is the other
	// as the time of last access can't be read.
	if c.Written.IsZero() {
		fi, err := h.fs.afero.Stat(native(h.name))
		if err != nil {
			return err
		}
		c.Written = fi.ModTime()
	}
	if c.Accessed.IsZero() {
		c.Accessed = c.Written
	}
	return h.fs.afero.Chtimes(native(h.name), c.Accessed, c.Written)
}

func (f *file) SetAttr(ctx context.Context, c vfs.AttrChange) error {
	f.mu.Lock()
	lower := f.lower
	f.mu.Unlock()
	if lower && !(c.Accessed.IsZero() && c.Written.IsZero()) {
		switch err := f.copyUp(); {
		case errors.Is(err, fs.ErrNotExist):
			return errors.ErrUnsupported
		case err != nil:
			return err
		}
	}
	if err := f.handle.SetAttr(ctx, c); err != nil || c.Written.IsZero() {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written = false
	return nil
}

func (f *file) Close() error {
	f.forget()
	f.mu.Lock()
	defer f.mu.Unlock()
	return letGo(f.file, f.written)
}

// letGo closes a file. Closing a mem.File that was opened for writing makes that the time of
// last write, which writing has set already, and does nothing else. What was written through
// an afero.CacheOnReadFs needs it, as the cache has to be the newer.
func letGo(f afero.File, written bool) error {
	switch f := f.(type) {
	case *mem.File:
		return nil
	case *afero.BasePathFile:
		return letGo(f.File, written)
	case *afero.UnionFile:
		if written || f.Base == nil || f.Layer == nil {
			break
		}
		return errors.Join(letGo(f.Base, false), letGo(f.Layer, false))
	}
	return f.Close()
}

// ReadAt implements io.ReaderAt, also where afero's file reads short.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case off < 0:
		return 0, fs.ErrInvalid
	case len(p) == 0:
		return 0, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inMem && off >= maxMemFile {
		return 0, io.EOF
	}
	for n < len(p) && err == nil {
		var m int
		m, err = f.file.ReadAt(p[n:], off+int64(n))
		if m == 0 && err == nil || err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		n += max(0, m)
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.change(off, int64(len(p))); err != nil {
		return 0, err
	}
	defer f.mu.Unlock()
	n, err := f.file.WriteAt(p, off)
	if err == nil && f.through {
		err = f.file.Sync()
	}
	return n, err
}

func (f *file) Truncate(size int64) error {
	if err := f.change(size, 0); err != nil {
		return err
	}
	defer f.mu.Unlock()
	return f.file.Truncate(size)
}

// change locks mu, unless there is an error, and has a file that can be written to.
func (f *file) change(off, n int64) error {
	f.mu.Lock()
	err := f.checkEnd(off, n)
	if err == nil && f.lower && f.writes {
		f.mu.Unlock()
		err = f.copyUp()
		f.mu.Lock()
	}
	if err != nil {
		f.mu.Unlock()
		return err
	}
	f.written = true
	return nil
}

// checkEnd refuses an end of file that can't be, or that memory can't hold; mu is held.
func (f *file) checkEnd(off, n int64) error {
	switch {
	case off < 0 || off+n < 0:
		return fs.ErrInvalid
	case (f.inMem || f.lower) && off+n > maxMemFile:
		return vfs.ErrNoSpace
	}
	return nil
}

func (f *file) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lower {
		return nil // nothing was written
	}
	return f.file.Sync()
}

// ReadDir implements vfs.DirReader. The names are those of when the iteration
// began: a batch read later would miss names when others were removed, and the
// directories of zipfs, tarfs and sftpfs have the first batch each time.
func (d *dir) ReadDir(ctx context.Context) iter.Seq2[vfs.DirEntry, error] {
	return func(yield func(vfs.DirEntry, error) bool) {
		infos, err := d.list(ctx)
		for _, fi := range infos {
			if err := ctx.Err(); err != nil {
				yield(vfs.DirEntry{}, err)
				return
			}
			if !yield(vfs.DirEntry{Name: fi.Name(), Attr: attrOf(fi)}, nil) {
				return
			}
		}
		if err != nil {
			yield(vfs.DirEntry{}, err)
		}
	}
}

func (d *dir) list(ctx context.Context) (infos []fs.FileInfo, err error) {
	d.fs.mu.RLock()
	defer d.fs.mu.RUnlock()
	if d.name == "" || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a, err := d.fs.afero.Open(native(d.name))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	infos, err = a.Readdir(-1)
	if err == io.EOF {
		err = nil
	}
	return infos, err
}
