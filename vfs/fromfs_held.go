package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// heldFile is the content of a file that can only be read from start to end.
// All that have it open share it.
type heldFile struct {
	users int   // guarded by ioFS.mu
	size  int64 // as counted in ioFS.total
	load  sync.Once
	data  *bytes.Reader
	err   error
}

// heldReader reads a heldFile on behalf of one open file.
type heldReader struct {
	fs   *ioFS
	file fs.File
	name string
	size int64

	mu   sync.Mutex
	held *heldFile // nil until the first read
}

func (r *heldReader) ReadAt(p []byte, off int64) (int, error) {
	h, err := r.hold()
	if err != nil {
		return 0, err
	}
	// The content ends where Stat says that it does, so what is kept is no
	// more than what was counted, however the file goes on.
	h.load.Do(func() {
		var b []byte
		b, h.err = io.ReadAll(io.LimitReader(r.file, h.size))
		h.data = bytes.NewReader(b)
	})
	if h.err != nil {
		return 0, h.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	return h.data.ReadAt(p, off)
}

// hold finds or makes what all opens of the file share.
func (r *heldReader) hold() (*heldFile, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		return r.held, nil
	}
	f := r.fs
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.held[r.name]
	if h == nil {
		if r.size > MaxHeldFile || f.total > MaxHeld-r.size {
			return nil, fmt.Errorf("%s: %d bytes are too many to read into memory: %w",
				r.name, r.size, errors.ErrUnsupported)
		}
		h = &heldFile{size: max(0, r.size)}
		f.held[r.name] = h
		f.total += h.size
	}
	h.users++
	r.held = h
	return h, nil
}

// release gives back what was held, once nothing reads it any more.
func (r *heldReader) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return
	}
	f := r.fs
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.held.users--; r.held.users == 0 {
		delete(f.held, r.name)
		f.total -= r.held.size
	}
	r.held = nil
}
