package smb

import (
	"context"
	"errors"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// oplockBreak takes a client's answer to an oplock break. [MS-SMB2] 3.3.5.22.1
func oplockBreak(_ context.Context, r *request, w *reply) error {
	if smb2.BreakStructureSize(r.msg) == smb2.LeaseBreakAckSize {
		return smb2.StatusObjectNameNotFound // there are no leases
	}
	req, err := smb2.ParseOplockBreak(r.msg)
	if err != nil {
		return err
	}
	if err := r.useFile(req.FileID); err != nil {
		return err
	}
	o := r.open
	if o.file == nil {
		return smb2.StatusInvalidDeviceState
	}
	o.file.mu.Lock()
	got, more, err := o.file.cache().AckOplock(time.Now(), o.holder, oplock.Level(req.Level))
	o.file.mu.Unlock()
	if len(more) > 0 {
		f, srv := o.file, r.c.srv
		r.ch.after = func() { srv.sendBreaks(f, more, nil) }
	}
	switch {
	case errors.Is(err, oplock.ErrNotBreaking):
		return smb2.StatusInvalidDeviceState
	case errors.Is(err, oplock.ErrLeaseLevel):
		return smb2.StatusInvalidParameter
	case err != nil:
		return smb2.StatusInvalidOplockProtocol
	}
	w.buf.B = smb2.OplockBreak{Level: smb2.OplockLevel(got.Level), FileID: req.FileID}.Append(w.buf.B)
	return nil
}
