package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// What keeps a request from taking effect twice when a client repeats it on another
// channel.

// sequence tells requests that are too late: the client has given them up, and
// repeated them elsewhere with a higher ChannelSequence. [MS-SMB2] 3.3.5.2.10
type sequence struct {
	channel uint16 // the client's count of lost channels
	epoch   uint32 // how often it changed
	now     int    // requests at work with this count
	before  int    // and with earlier ones
}

// begin judges a request. Stale: it, or the one that it repeats, may be at work, or it
// comes too late. Counted: end must follow.
func (s *sequence) begin(channel uint16, replay bool) (stale, counted bool) {
	switch d := channel - s.channel; {
	case d > 0x7FFF:
		return true, false
	case d > 0:
		s.before += s.now
		s.now = 0
		s.channel = channel
		s.epoch++
	}
	if replay && s.before > 0 {
		return true, false
	}
	s.now++
	return false, true
}

// end undoes begin, which was called at epoch.
func (s *sequence) end(epoch uint32) {
	if epoch == s.epoch {
		s.now--
	} else {
		s.before--
	}
}

// sequenced checks the request's ChannelSequence. Only those that change something
// fail.
func (r *request) sequenced(o *open) error {
	if r.c.params.dialect < Dialect300 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	stale, counted := o.sequence.begin(r.hdr.ChannelSequence(), r.hdr.Flags&smb2.FlagReplayOperation != 0)
	r.counted, r.epoch = counted, o.sequence.epoch
	switch r.hdr.Command {
	case smb2.CommandWrite, smb2.CommandSetInfo, smb2.CommandIoctl:
		if stale {
			return smb2.StatusFileNotAvailable
		}
	}
	return nil
}

// uncount undoes what sequenced counted.
func (r *request) uncount(o *open) {
	if !r.counted || o == nil {
		return
	}
	r.counted = false
	o.mu.Lock()
	o.sequence.end(r.epoch)
	o.mu.Unlock()
}

// lockSequences knows which numbered LOCK requests were carried out: the number of the
// last one for each index from 1 to 64, plus one. [MS-SMB2] 3.3.5.14
type lockSequences [65]uint8

// slot returns where a LOCK request is noted; nil: nowhere. Those of dialect 2.0.2 have
// no number, and where there is nothing to come back to none is needed.
func (r *request) lockSlot(sequence uint32) *uint8 {
	o, p := r.open, &r.c.params
	index := sequence >> 4
	switch {
	case p.dialect == Dialect202 || index == 0 || index >= uint32(len(o.lockSequences)):
		return nil
	case o.durability.granted, o.resilient.Load() > 0, p.caps&smb2.CapMultiChannel != 0:
		return &o.lockSequences[index]
	}
	return nil
}

// lockedBefore reports whether a LOCK request repeats the last one of its index.
func (r *request) lockedBefore(sequence uint32) bool {
	slot := r.lockSlot(sequence)
	if slot == nil {
		return false
	}
	r.open.mu.Lock()
	defer r.open.mu.Unlock()
	if *slot == uint8(sequence&15)+1 {
		return true
	}
	*slot = 0
	return false
}

// locked notes that a LOCK request was carried out.
func (r *request) locked(sequence uint32) {
	if slot := r.lockSlot(sequence); slot != nil {
		r.open.mu.Lock()
		defer r.open.mu.Unlock()
		*slot = uint8(sequence&15) + 1
	}
}

// requestResiliency has an open kept for a client that loses its connection, whatever
// it caches. [MS-SMB2] 3.3.5.15.9
func requestResiliency(_ context.Context, r *request, q *control) error {
	o := r.open
	req, err := smb2.ParseNetworkResiliencyRequest(q.Input)
	if r.c.params.dialect == Dialect202 || o.file == nil || o.caller.Guest || o.caller.Anonymous { // nobody could tell whose it was
		return smb2.StatusInvalidDeviceRequest
	}
	if err != nil {
		return err
	}
	timeout := milliseconds(req.Timeout)
	switch {
	case timeout > maxResilient:
		return smb2.StatusInvalidParameter
	case timeout == 0:
		timeout = resilientTimeout
	}
	o.resilient.Store(int64(timeout))
	o.srv.handles.addDurable(o)
	return o.save()
}
