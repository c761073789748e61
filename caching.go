package smb

import (
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// Oplocks: how the state machine of package oplock is asked, and its messages
// sent. Leases are not granted yet, nor advertised.

// cache returns the caching state, told what else holds of the file. The caller
// holds f.mu.
func (f *file) cache() *oplock.File {
	f.caching.Locked = len(f.locks.held) > 0
	f.caching.Deleted = f.deletePending
	return &f.caching
}

// newHolder describes the open that a CREATE asks for.
func (c *creation) newHolder(o *open) *oplock.Holder {
	level := oplock.Level(c.req.OplockLevel)
	if level == oplock.Lease {
		level = oplock.None
	}
	return oplock.NewHolder(oplock.Request{
		Owner:         o,
		Access:        c.req.DesiredAccess,
		Level:         level,
		DeleteOnClose: c.req.Options&smb2.OptionDeleteOnClose != 0,
	})
}

// breakFor makes others give up what they cache of f as far as op demands, and
// waits until they have. h is who acts. [MS-FSA] 2.1.4.12
func (r *request) breakFor(f *file, h *oplock.Holder, op oplock.Op) error {
	for {
		f.mu.Lock()
		breaks, wait := f.cache().Check(time.Now(), h, op)
		f.mu.Unlock()
		r.c.srv.sendBreaks(f, breaks, r.c)
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
func (r *request) brokenBy(f *file, h *oplock.Holder, op oplock.Op) {
	f.mu.Lock()
	breaks, _ := f.cache().Check(time.Now(), h, op)
	f.mu.Unlock()
	r.c.srv.sendBreaks(f, breaks, r.c)
}

// sendBreaks sends what f's caching demands. own is the connection that the
// caller works for, or nil: on it the break comes before the reply. [MS-SMB2]
// 3.3.4.6
func (s *Server) sendBreaks(f *file, breaks []oplock.Break, own *conn) {
	for _, b := range breaks {
		if b.AckRequired {
			time.AfterFunc(oplock.AckTimeout, f.expireBreaks)
		}
		for _, owner := range b.Owners {
			o := owner.(*open)
			fr := o.breakFrame(smb2.OplockBreak{Level: smb2.OplockLevel(b.Level), FileID: o.id})
			if c := o.se.c; c == own {
				c.queue(fr)
			} else {
				go c.queue(fr) // another client may be slow to take it
			}
		}
	}
}

// expireBreaks overrules clients that didn't answer in time.
func (f *file) expireBreaks() {
	f.mu.Lock()
	late := f.caching.Expire(time.Now())
	f.mu.Unlock()
	for _, h := range late {
		o := h.Owner().(*open)
		o.se.srv.log.Warn("smb: a client didn't answer an oplock break", "share", o.tree.name, "path", o.path())
	}
}

// breakFrame builds a notification for the client that has o. It is not signed:
// its MessageId is no nonce.
func (o *open) breakFrame(b smb2.OplockBreak) outFrame {
	buf := frame.Get(frame.Headroom + smb2.HeaderSize)
	smb2.Header{
		Command:   smb2.CommandOplockBreak,
		Flags:     smb2.FlagServerToRedir,
		MessageID: ^uint64(0),
	}.Put(buf.B[frame.Headroom:])
	buf.B = b.Append(buf.B)
	out := outFrame{buf: buf, off: frame.Headroom}
	if id := o.se.identity.Load(); id != nil && id.encrypt || o.tree.encrypt {
		o.se.seal(buf)
		out.off -= smb2.TransformHeaderSize
	}
	return out
}
