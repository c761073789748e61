package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// closeFile closes an open. [MS-SMB2] 3.3.5.10
func closeFile(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseCloseRequest(r.msg)
	if err != nil {
		return err
	}
	o := r.open
	if !r.se.takeOpen(o) {
		return smb2.StatusFileClosed
	}
	closed := false
	defer func() {
		if !closed { // the backend panicked, and nobody else would
			r.release()
			o.close()
		}
	}()
	if o.file != nil {
		o.showWrites(ctx)
	}
	resp := smb2.CloseResponse{}
	if req.Flags&smb2.CloseFlagPostqueryAttrib != 0 && o.file != nil {
		// What can't be told any more is told as zeros.
		if a, err := o.stat(ctx); err == nil {
			resp = closeResponse(a)
		}
	}
	closed = true
	r.release() // its own pin, or close would wait for it
	if err := o.close(); err != nil {
		return err
	}
	w.buf.B = resp.Append(w.buf.B)
	return nil
}

func closeResponse(a vfs.Attr) smb2.CloseResponse {
	return smb2.CloseResponse{
		Flags:          smb2.CloseFlagPostqueryAttrib,
		CreationTime:   smb2.FileTimeOf(a.Created),
		LastAccessTime: smb2.FileTimeOf(a.Accessed),
		LastWriteTime:  smb2.FileTimeOf(a.Written),
		ChangeTime:     smb2.FileTimeOf(a.Changed),
		AllocationSize: a.Alloc,
		EndOfFile:      a.Size,
		FileAttributes: uint32(a.Attributes),
	}
}
