package smb

import (
	"path"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// Oplocks and leases: how the state machine of package oplock is asked, and its
// messages sent.

// cache returns the caching state, told what else holds of the file. The caller
// holds f.mu.
func (f *file) cache() *oplock.File {
	f.caching.Locked = len(f.locks.held) > 0
	f.caching.Deleted = f.deletePending
	return &f.caching
}

// breakFor makes others give up what they cache of f as far as op demands, and
// waits until they have. h is who acts. [MS-FSA] 2.1.4.12
func (r *request) breakFor(f *file, h *oplock.Holder, op oplock.Op) error {
	for {
		f.mu.Lock()
		breaks, wait := f.cache().Check(time.Now(), h, op)
		f.mu.Unlock()
		r.c.srv.sendBreaks(f, breaks)
		if wait == nil {
			return nil
		}
		if err := r.wait(wait); err != nil {
			return err
		}
	}
}

// brokenBy tells those who began to cache between the check before an effect and
// the effect. They can't cache writes, so nobody need be waited for.
func (s *Server) brokenBy(f *file, h *oplock.Holder, op oplock.Op) {
	f.mu.Lock()
	breaks, _ := f.cache().Check(time.Now(), h, op)
	f.mu.Unlock()
	s.sendBreaks(f, breaks)
}

// entryChanged tells those who cache the listing of a directory that it is out of
// date: name was made, removed or renamed in it, or its attributes changed. h is
// who did it. Nobody caches changes of a listing, so nobody is waited for.
func (m *mount) entryChanged(name string, h *oplock.Holder) {
	if name == "." {
		return
	}
	m.mu.Lock()
	dir := m.paths[foldPath(path.Dir(name))].file
	m.mu.Unlock()
	if dir != nil {
		m.srv.brokenBy(dir, h, oplock.OpChangeEntry)
	}
}

// sendBreaks sends what f's caching demands: before the answer to the request that
// made it so, since queues keep the order. It doesn't wait for any client. The
// caller holds no lock. [MS-SMB2] 3.3.4.6, 3.3.4.7
func (s *Server) sendBreaks(f *file, breaks []oplock.Break) {
	for _, b := range breaks {
		if b.AckRequired {
			f.mu.Lock()
			f.awaitAnswer()
			f.mu.Unlock()
		}
		s.sendBreak(b)
	}
}

// sendBreak tells the client on one of its connections.
func (s *Server) sendBreak(b oplock.Break) {
	for _, owner := range b.Owners {
		o := owner.(*open)
		if c := o.se.c; c.ctx.Err() == nil && c.queueSoon(o.breakFrame(b)) {
			return
		}
	}
}

// awaitAnswer makes sure that clients are overruled when they don't answer in
// time. The caller holds f.mu.
func (f *file) awaitAnswer() {
	due, ok := f.caching.Deadline()
	if ok && f.overdue == nil {
		f.overdue = time.AfterFunc(time.Until(due), f.expireBreaks)
	}
}

// expireBreaks overrules clients that didn't answer in time. [MS-SMB2] 3.3.6.1,
// 3.3.6.5
func (f *file) expireBreaks() {
	f.mu.Lock()
	f.overdue = nil
	late := f.caching.Expire(time.Now())
	f.awaitAnswer()
	f.mu.Unlock()
	for _, h := range late {
		o := h.Owner().(*open)
		o.se.srv.log.Warn("smb: a client didn't answer the break of its oplock or lease", "share", o.tree.name, "path", o.path())
	}
}

// breakFrame builds a notification for the client that has o. It is not signed:
// its MessageId is no nonce.
func (o *open) breakFrame(b oplock.Break) outFrame {
	buf := frame.Get(frame.Headroom + smb2.HeaderSize)
	smb2.Header{
		Command:   smb2.CommandOplockBreak,
		Flags:     smb2.FlagServerToRedir,
		MessageID: ^uint64(0),
	}.Put(buf.B[frame.Headroom:])
	if b.Lease {
		n := smb2.LeaseBreakNotification{
			NewEpoch: b.Epoch, LeaseKey: b.Key,
			CurrentState: smb2.LeaseState(b.From), NewState: smb2.LeaseState(b.To),
		}
		if b.AckRequired {
			n.Flags = smb2.LeaseBreakAckRequired
		}
		buf.B = n.Append(buf.B)
	} else {
		buf.B = smb2.OplockBreak{Level: smb2.OplockLevel(b.Level), FileID: o.id}.Append(buf.B)
	}
	out := outFrame{buf: buf, off: frame.Headroom}
	if id := o.se.identity.Load(); id != nil && id.encrypt || o.tree.encrypt {
		o.se.seal(buf)
		out.off -= smb2.TransformHeaderSize
	}
	return out
}
