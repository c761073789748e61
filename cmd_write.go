package smb

import (
	"context"
	"io"
	"math"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// write writes to a file or a pipe. The backend gets a slice of the request.
// [MS-SMB2] 3.3.5.13
func write(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseWriteRequestStart(r.msg, r.coming())
	if err != nil {
		return err
	}
	o := r.open
	n := len(req.Data) + r.coming()
	if n > int(r.c.params.maxIO) {
		return smb2.StatusInvalidParameter
	}
	switch {
	case o.pipe == nil:
		err = r.write(ctx, req, n)
	case o.access&sharedWrite == 0:
		err = smb2.StatusAccessDenied
	default:
		err = o.pipe.write(ctx, req.Data)
	}
	if err != nil {
		return err
	}
	w.buf.B = smb2.WriteResponse{Count: uint32(n)}.Append(w.buf.B)
	return nil
}

// write writes n bytes, of which those in req have come.
func (r *request) write(ctx context.Context, req smb2.WriteRequest, n int) error {
	o := r.open
	switch {
	case o.file.dir:
		return smb2.StatusInvalidDeviceRequest
	case o.access&sharedWrite == 0:
		return smb2.StatusAccessDenied
	case o.writer == nil:
		return smb2.StatusAccessDenied
	}
	if o.m.frozen() {
		return smb2.StatusMediaWriteProtected
	}
	if o.posix && o.access&vfs.WriteData == 0 {
		// What is sent says that it appends. [POSIX-SMB2] 3.3.5.13
		if req.Offset != math.MaxUint64 {
			return smb2.StatusInvalidParameter
		}
		req.Offset = 0
	}
	if req.Offset > math.MaxInt64 || req.Offset+uint64(n) > math.MaxInt64 {
		return smb2.StatusInvalidParameter
	}
	if n > 0 && o.m.tooLong(ctx, int64(req.Offset)+int64(n)) {
		return smb2.StatusInvalidParameter
	}
	if err := r.breakFor(o.file, o.holder, oplock.OpWrite); err != nil {
		return err
	}
	if o.access&vfs.WriteData == 0 {
		// Who may only append, appends. [MS-FSA] 2.1.5.4
		o.file.appends.Lock()
		defer o.file.appends.Unlock()
		a, err := o.f.Stat(ctx)
		if err != nil {
			return err
		}
		req.Offset = uint64(a.Size)
	}
	if err := o.file.checkRange(o, req.Offset, uint64(n), true); err != nil {
		return err
	}
	off := int64(req.Offset)
	if n > 0 {
		if err := r.put(ctx, req.Data, off); err != nil {
			return err
		}
	}
	if r.ch.upload != nil {
		if err := r.writeUpload(ctx, off+int64(len(req.Data))); err != nil {
			return err
		}
	}
	o.position.Store(off + int64(n))
	if req.Flags&smb2.WriteFlagWriteThrough != 0 || o.options&smb2.OptionWriteThrough != 0 {
		return o.sync()
	}
	return nil
}

// put writes data at off.
func (r *request) put(ctx context.Context, data []byte, off int64) error {
	note := r.open.beforeWrite(ctx)
	n, err := writeAt(r.open.writer, data, off)
	r.wrote(ctx, note, int64(n))
	return err
}

// writeAt writes b at off. It makes sure of what an [io.WriterAt] promises: what a client is
// told is written is.
func writeAt(w io.WriterAt, b []byte, off int64) (int, error) {
	n, err := w.WriteAt(b, off)
	switch {
	case n < 0 || n > len(b):
		return 0, errCount
	case n < len(b) && err == nil:
		return n, io.ErrShortWrite
	}
	return n, err
}

// wrote ends what beforeWrite began, n bytes having been written.
func (r *request) wrote(ctx context.Context, note writeNote, n int64) {
	o := r.open
	note.work.end()
	o.wrote()
	if n > 0 {
		o.afterWrite(ctx, note)
	}
	r.c.srv.brokenBy(o.file, o.holder, oplock.OpWrite)
}
