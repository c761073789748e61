package smb

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/gosmbd/smb/smb2"
)

// read reads from a file or a pipe. The backend reads straight into the reply.
// [MS-SMB2] 3.3.5.12
func read(_ context.Context, r *request, w *reply) error {
	req, err := smb2.ParseReadRequest(r.msg)
	if err != nil {
		return err
	}
	o := r.open
	switch {
	case req.Length > r.c.params.maxIO:
		return smb2.StatusInvalidParameter
	case o.pipe != nil:
		return o.pipe.read(r, w, int(req.Length))
	case o.file.dir:
		return smb2.StatusInvalidDeviceRequest
	case o.access&sharedRead == 0:
		return smb2.StatusAccessDenied
	case req.Offset > math.MaxInt64 || req.Offset+uint64(req.Length) > math.MaxInt64:
		return smb2.StatusInvalidParameter
	case o.reader == nil:
		return smb2.StatusAccessDenied
	}
	if err := o.file.checkRange(o, req.Offset, uint64(req.Length), false); err != nil {
		return err
	}
	n := r.readLater(w, int64(req.Offset), int(req.Length))
	if n == 0 {
		if n, err = o.readInto(w, int64(req.Offset), int(req.Length)); err != nil {
			return err
		}
	}
	o.position.Store(int64(req.Offset) + int64(n))
	if n < int(req.MinimumCount) || n == 0 && req.Length > 0 {
		return smb2.StatusEndOfFile
	}
	return nil
}

// readInto appends a READ reply with up to n bytes from off.
func (o *open) readInto(w *reply, off int64, n int) (int, error) {
	w.grow(smb2.ReadResponseSize + n)
	start := w.bodyOff() + smb2.ReadResponseSize
	dst := w.buf.B[start : start+n]
	got := 0
	if n > 0 {
		var err error
		if got, err = readAt(o.reader, dst, off); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	w.buf.B = smb2.ReadResponse{}.AppendFixed(w.buf.B, got)[:start+got]
	if got == 0 {
		// The structure counts one byte of data, and clients want it.
		w.buf.B = append(w.buf.B, 0)
	}
	return got, nil
}

// readAt reads all of b from off, or up to the end. It makes sure of what an
// [io.ReaderAt] promises: a backend's mistake mustn't look like an end.
func readAt(r io.ReaderAt, b []byte, off int64) (n int, err error) {
	for {
		m, err := r.ReadAt(b[n:], off+int64(n))
		switch {
		case m < 0 || m > len(b)-n:
			return n, errCount
		case err != nil:
			return n + m, err
		case m == 0 && n < len(b):
			return n, io.ErrNoProgress
		}
		if n += m; n == len(b) {
			return n, nil
		}
	}
}

// errCount is about a backend that is wrong.
var errCount = errors.New("smb: backend's ReadAt or WriteAt returned an impossible count")

// checkRange reports whether byte-range locks of others allow an access. What is written to a File that a
// link of the backend's own took the place of would be lost.
func (f *file) checkRange(o *open, off, n uint64, write bool) error {
	switch {
	case n == 0:
		return nil
	case write && o.byName.Load():
		return smb2.StatusAccessDenied
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.locks.held) > 0 && f.locks.conflict(off, n, write, false, o) {
		return smb2.StatusFileLockConflict
	}
	return nil
}
