package smb

import (
	"context"
	"errors"

	"github.com/gosmbd/smb/smb2"
)

// flush returns when all that was written is on stable storage. [MS-SMB2]
// 3.3.5.11
func flush(ctx context.Context, r *request, w *reply) error {
	if _, err := smb2.ParseFlushRequest(r.msg); err != nil {
		return err
	}
	o := r.open
	switch {
	case o.pipe != nil:
		if err := o.pipe.flush(r); err != nil {
			return err
		}
	case o.access&sharedWrite == 0:
		return smb2.StatusAccessDenied
	case o.m.frozen():
		return smb2.StatusMediaWriteProtected
	default:
		if err := o.sync(); err != nil {
			return err
		}
		o.showWrites(ctx)
		o.reportPending()
	}
	w.buf.B = smb2.FlushResponse{}.Append(w.buf.B)
	return nil
}

func (o *open) sync() error {
	if o.syncer == nil {
		return nil
	}
	err := o.syncer.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
