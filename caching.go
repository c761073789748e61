package smb

import (
	"path"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/internal/notify"
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
	var err error
	for {
		f.mu.Lock()
		breaks, wait := f.cache().Check(time.Now(), h, op)
		f.mu.Unlock()
		r.c.srv.sendBreaks(f, breaks)
		if wait == nil {
			return nil
		}
		if r.open == nil {
			err = r.wait(wait)
		} else if err = r.waitOnOpen(wait); err == smb2.StatusRangeNotLocked {
			err = smb2.StatusFileClosed // that is what locks are told
		}
		if err != nil {
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
// date, and those who watch it what happened: an entry was made, removed or renamed,
// or what the listing shows of it changed. h is who did it. Nobody caches changes of a
// listing, so nobody is waited for. The breaks are sent first: who is told of a change
// looks at the listing.
func (m *mount) entryChanged(h *oplock.Holder, changes ...notify.Change) {
	told := ""
	for _, c := range changes {
		dir := path.Dir(c.Name)
		if c.Name == "." {
			continue
		}
		m.noteChange(dir, c)
		if dir != told {
			m.breakListing(dir, h)
		}
		told = dir
	}
	m.watches.Report(changes...)
}

// breakListing tells those who cache the listing of dir that h changed an entry of it.
func (m *mount) breakListing(dir string, h *oplock.Holder) {
	m.mu.Lock()
	f := m.paths[m.keyOf(dir)].file
	m.mu.Unlock()
	if f != nil {
		m.srv.brokenBy(f, h, oplock.OpChangeEntry)
	}
}

// sendBreaks sends what f's caching demands: before the answer to the request that
// made it so, since queues keep the order. It doesn't wait for any client. The
// caller holds no lock. [MS-SMB2] 3.3.4.6, 3.3.4.7
func (s *Server) sendBreaks(f *file, breaks []oplock.Break) {
	for _, b := range breaks {
		for _, owner := range b.Owners {
			if o := owner.(*open); o.isPersistent() { // what isn't yet is stored with what it has then
				o.save() // or a client would come back to what it no longer may cache
			}
		}
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
	if first := b.Owners[0].(*open); len(b.Owners) == 1 && first.holdBack(b) {
		return
	}
	for _, owner := range b.Owners {
		o := owner.(*open)
		t := o.tree()
		if t == nil {
			continue
		}
		for _, x := range o.breakChannels(b, t) {
			f := x.breakFrame(b, o.id, t.encrypt)
			if !b.AckRequired { // the others are repeated until they are answered
				f.lost = func() { s.sendBreak(b) }
			}
			if b.Lease && b.AckRequired {
				x.c.leaseBreaks.Store(true)
			}
			if x.c.ctx.Err() == nil && x.c.queueSoon(f) {
				x.c.breakSent()
				return
			}
		}
	}
	// Those whose connection is about to end will be closed with it. Those that
	// wait for their client have to give way. [MS-SMB2] 3.3.4.7
	for _, owner := range b.Owners {
		if o := owner.(*open); o.tree() == nil {
			s.giveWay(o)
		}
	}
}

// breakChannels returns the ways to tell the client of o of a break, the first to be
// taken if it works: for a lease, all connections of the client on which the same
// user is logged on, and for an oplock, those of the session. [MS-SMB2] 3.3.4.6,
// 3.3.4.7
func (o *open) breakChannels(b oplock.Break, t *tree) []*channel {
	t.se.mu.RLock()
	list := slices.Clone(t.se.channels)
	t.se.mu.RUnlock()
	id := t.se.identity.Load()
	if !b.Lease || id == nil {
		return list
	}
	var all []*channel
	for _, c := range o.srv.clientConns(smb2.GUID(b.Client)) {
		if x := c.channelOf(id); x != nil {
			all = append(all, x)
		}
	}
	return all
}

// holdBack keeps b until the client knows the open that it is about, unless that waits for its client to come back. It
// reports whether it did.
func (o *open) holdBack(b oplock.Break) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known && !o.again || o.tree() == nil {
		return false
	}
	o.breaks = append(o.breaks, b)
	return true
}

// isPersistent reports whether o is stored, or is about to be.
func (o *open) isPersistent() bool {
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	return o.durability.persistent
}

// tellAgain notes that the client is about to be told once more that it has o. Breaks are held back until then, also the
// one that it owes an answer to.
func (o *open) tellAgain() {
	o.mu.Lock()
	o.again = true
	o.mu.Unlock()
	o.file.mu.Lock()
	b, owed := o.file.caching.Unanswered(o.holder)
	o.file.mu.Unlock()
	if owed {
		o.holdBack(b)
	}
}

// announce notes that the answer with o's id is on its way, and sends the breaks that
// came meanwhile.
func (o *open) announce() {
	o.mu.Lock()
	o.known, o.again = true, false
	breaks := o.breaks
	o.breaks = nil
	o.mu.Unlock()
	for _, b := range breaks {
		o.srv.sendBreak(b)
	}
}

// resendBreaks repeats the breaks that wait for an answer, after one of the session's
// connections was lost: they may have been lost with it.
func (se *session) resendBreaks() {
	for _, b := range unanswered(se.allOpens()) {
		se.srv.sendBreak(b)
	}
}

// resendOthers repeats, after c was lost, what sessions of its client owe an answer to that had no channel on it: the break of a lease goes out on
// any of the client's connections. [MS-SMB2] 3.3.4.7
func (c *conn) resendOthers(own map[uint64]*channel) {
	if !c.leaseBreaks.Load() {
		return
	}
	done := make(map[*session]bool)
	for _, x := range own {
		done[x.se] = true
	}
	for _, other := range c.srv.clientConns(c.params.clientGUID) {
		other.mu.Lock()
		sessions := make([]*session, 0, len(other.channels))
		for _, x := range other.channels {
			sessions = append(sessions, x.se)
		}
		other.mu.Unlock()
		for _, se := range sessions {
			if !done[se] {
				done[se] = true
				se.resendBreaks()
			}
		}
	}
}

// unanswered returns the breaks that clients owe an answer to: one for a lease, which names all the opens that have it.
func unanswered(opens []*open) []oplock.Break {
	type lease struct {
		f           *file
		client, key oplock.Key
	}
	var list []oplock.Break
	had := make(map[lease]bool)
	for _, o := range opens {
		if o.file == nil {
			continue
		}
		var l lease
		if o.lease != nil {
			if l = (lease{o.file, o.lease.Client, o.lease.Key}); had[l] {
				continue
			}
		}
		o.file.mu.Lock()
		b, ok := o.file.caching.Unanswered(o.holder)
		o.file.mu.Unlock()
		if ok {
			list = append(list, b)
			had[l] = o.lease != nil
		}
	}
	return list
}

// resendShared repeats the breaks of leases that opens of a session which ended had
// together with others.
func (s *Server) resendShared(ended []oplock.Break) {
	for _, b := range ended {
		for _, owner := range b.Owners {
			o := owner.(*open)
			if o.session() == nil || o.session().isClosed() {
				continue
			}
			for _, again := range unanswered([]*open{o}) {
				s.sendBreak(again)
			}
			break
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
	f.wakeParked()
	f.awaitAnswer()
	f.mu.Unlock()
	if late != nil {
		f.saveCaching()
	}
	for _, h := range late {
		o := h.Owner().(*open)
		o.srv.log.Warn("smb: a client didn't answer the break of its oplock or lease", "share", o.shareName, "path", o.path())
	}
}

// breakFrame builds a notification for a client. It is not signed: its MessageId is
// no nonce.
func (x *channel) breakFrame(b oplock.Break, fid smb2.FileID, encrypt bool) outFrame {
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
		buf.B = smb2.OplockBreak{Level: smb2.OplockLevel(b.Level), FileID: fid}.Append(buf.B)
	}
	out := outFrame{buf: buf, off: frame.Headroom}
	if id := x.se.identity.Load(); (encrypt || id != nil && id.encrypt) && x.se.keys.Load().out != nil {
		x.se.seal(buf)
		out.off -= smb2.TransformHeaderSize
	}
	return out
}
