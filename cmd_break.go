package smb

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// oplockBreak takes a client's answer to an oplock break. [MS-SMB2] 3.3.5.22.1
func oplockBreak(_ context.Context, r *request, w *reply) error {
	if smb2.BreakStructureSize(r.msg) == smb2.LeaseBreakAckSize {
		return leaseBreak(r, w)
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
	o.file.wakeParked()
	o.file.mu.Unlock()
	if len(more) > 0 {
		f, srv := o.file, r.c.srv
		r.ch.after = append(r.ch.after, func() { srv.sendBreaks(f, more) })
	}
	switch {
	case errors.Is(err, oplock.ErrNotBreaking):
		return smb2.StatusInvalidDeviceState
	case errors.Is(err, oplock.ErrLeaseLevel):
		return smb2.StatusInvalidParameter
	case err != nil:
		return smb2.StatusInvalidOplockProtocol
	}
	if err := o.save(); err != nil {
		return err
	}
	w.buf.B = smb2.OplockBreak{Level: smb2.OplockLevel(got.Level), FileID: req.FileID}.Append(w.buf.B)
	return nil
}

// leaseBreak takes a client's answer to a lease break. [MS-SMB2] 3.3.5.22.2
func leaseBreak(r *request, w *reply) error {
	req, err := smb2.ParseLeaseBreakAck(r.msg)
	if err != nil {
		return err
	}
	srv, client := r.c.srv, oplock.Key(r.c.params.clientGUID)
	found := srv.leases.Find(client, req.LeaseKey)
	if found == nil {
		return smb2.StatusObjectNameNotFound
	}
	f := found.Ref.(*file)
	f.mu.Lock()
	if !slices.ContainsFunc(f.opens, func(o *open) bool {
		return o.lease != nil && o.lease.Client == client && o.lease.Key == req.LeaseKey && sameCaller(o.caller, r.id.caller)
	}) {
		f.mu.Unlock()
		return smb2.StatusObjectNameNotFound // a lease of another user, who has the same client
	}
	got, more, err := f.cache().AckLease(time.Now(), client, req.LeaseKey, oplock.State(req.State))
	f.wakeParked()
	f.mu.Unlock()
	if len(more) > 0 {
		r.ch.after = append(r.ch.after, func() { srv.sendBreaks(f, more) })
	}
	switch {
	case errors.Is(err, oplock.ErrNoLease):
		return smb2.StatusObjectNameNotFound
	case errors.Is(err, oplock.ErrNotBreaking):
		return smb2.StatusUnsuccessful
	case err != nil:
		return smb2.StatusRequestNotAccepted
	}
	if err := f.saveCaching(); err != nil {
		return err
	}
	w.buf.B = smb2.LeaseBreakAck{LeaseKey: req.LeaseKey, State: smb2.LeaseState(got.State)}.Append(w.buf.B)
	return nil
}
