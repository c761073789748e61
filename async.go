package smb

import (
	"context"
	"errors"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/smb2"
)

var (
	errConnClosed = errors.New("smb: connection closed")
	errDraining   = smb2.StatusCancelled
	errCanceled   = smb2.StatusCancelled
)

// cancel handles a CANCEL request, which is never answered, and waits until the request
// that it ends is answered, but not long. A client takes it that this answer comes before
// that to its next request. [MS-SMB2] 3.3.5.16
func (c *conn) cancel(h smb2.Header, msg []byte, sealed *session) {
	if settled := c.cancelOne(h, msg, sealed); settled != nil {
		giveHeadStart(settled)
	}
}

// cancelOne cancels the request that h is about. If that had to wait, and is answered now,
// it returns what is closed then.
func (c *conn) cancelOne(h smb2.Header, msg []byte, sealed *session) (settled <-chan struct{}) {
	if x := c.channel(h.SessionID); x != nil && sealed == nil {
		if id := x.se.identity.Load(); id != nil && id.encrypt {
			return nil
		}
		if signer := x.signer.Load(); signer != nil {
			signed := h.Flags&smb2.FlagSigned != 0
			if signed && !signer.Verify(msg) || !signed && x.se.signingRequired() {
				return nil
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.active[h.MessageID]
	if h.Flags&smb2.FlagAsync != 0 {
		ch = c.async[h.AsyncID]
	}
	// A session that has its requests signed or encrypted has its cancels so, too: they
	// come under its id, also for a related element, which has none of its own.
	if ch == nil || ch.owner != h.SessionID || sealed != nil && sealed.id != h.SessionID {
		return nil
	}
	if ch.canceled == nil && !ch.done && (ch.wake != nil || ch.sleeping != nil) {
		answered := make(chan struct{})
		ch.awaited, settled = answered, answered
	}
	ch.cancelLocked(errCanceled)
	return settled
}

// cancelLocked makes a wait of ch return err. The caller holds c.mu.
func (ch *chain) cancelLocked(err error) {
	if ch.canceled != nil {
		return
	}
	ch.canceled = err
	if ch.wake != nil {
		close(ch.wake)
	}
	if p := ch.sleeping; p != nil {
		ch.sleeping = nil
		p.wake()
	}
}

// wait answers the request with an interim reply and waits until ready is
// closed (or a value comes), or the request is canceled, and then returns the
// reason. Elements answered before go out with the interim reply. [MS-SMB2]
// 3.3.4.2
func (r *request) wait(ready <-chan struct{}) error {
	wake, err := r.goAsync()
	if err != nil {
		return err
	}
	dormant := &r.c.srv.dormant
	dormant.Add(1)
	defer dormant.Add(-1)
	select {
	case <-ready:
		return nil
	case <-wake:
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		return r.ch.canceled
	}
}

// waitAtWill waits for what may never happen, on the request's open. Nothing of the budgets is held meanwhile: others wait for
// them, as the reader of a connection does, and then doesn't see that its client is gone.
func (r *request) waitAtWill(ready <-chan struct{}) error {
	ch := r.ch
	if len(ch.in.B) > smallFrame {
		return smb2.StatusInsufficientResources // it would be kept all the time
	}
	// The answers before it go out first, each frame with its part of the cost.
	if _, err := r.goAsync(); err != nil {
		return err
	}
	if len(ch.elems) > 0 { // they didn't go out with the interim reply, which the janitor sent
		ch.reply.buf.B = ch.reply.buf.B[:ch.reply.off]
		ch.flushEarly()
	}
	cost := ch.cost
	if cost > 0 {
		r.c.unadmit(cost)
		ch.cost = 0
	}
	err := r.waitOnOpen(ready)
	if cost > 0 {
		if err := r.c.admit(cost); err != nil {
			return err // the connection is over
		}
		ch.cost = cost
	}
	return err
}

// stopped returns why work that takes long should end: the request was canceled, or its
// session is gone.
func (r *request) stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.ch.canceled
}

// slowAfter is how many seconds a backend may take before the client is told that
// its request is being worked on. macOS gives up after 12.
const slowAfter = 3

// comfort sends interim replies for the requests that take long. The caller is
// the janitor, which must not wait for anything.
func (c *conn) comfort(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == 0 && c.atWork {
		c.atWork = false
		c.srv.atWork.remove(c)
	}
	for _, ch := range c.active {
		if now-ch.began < slowAfter || ch.done || ch.asyncID != 0 || ch.canceled != nil {
			continue
		}
		if ch.hdr.Command <= smb2.CommandSessionSetup || c.channels == nil || len(c.async) >= c.srv.limits.AsyncPerConn {
			continue
		}
		c.nextID++
		ch.asyncID = c.nextID
		c.async[ch.asyncID] = ch
		c.room.Signal()
		ch.interim = make(chan struct{})
		c.srv.wg.Add(1) // the connection has one, so nobody waits in vain
		go c.sendInterim(ch.mid, ch.asyncID, ch.sealed, ch.interim)
	}
}

// sendInterim sends an interim reply in a frame of its own. It closes queued before it writes, which may take as long as there
// is something to write.
func (c *conn) sendInterim(mid, asyncID uint64, sealed *session, queued chan<- struct{}) {
	defer c.srv.wg.Done()
	c.mu.Lock()
	ch := c.async[asyncID]
	if ch == nil {
		c.mu.Unlock()
		close(queued)
		return
	}
	h := ch.hdr
	c.mu.Unlock()
	buf := frame.Get(frame.Headroom + smb2.HeaderSize)
	interimHeader(h, asyncID, c.grant(h)).Put(buf.B[frame.Headroom:])
	buf.B = smb2.ErrorResponse{}.Append(buf.B)
	f := outFrame{buf: buf, off: frame.Headroom}
	if sealed != nil {
		sealed.seal(buf)
		f.off -= smb2.TransformHeaderSize
	}
	idle, _ := c.enqueue(f)
	close(queued)
	if idle {
		c.write()
	}
}

func interimHeader(h smb2.Header, asyncID uint64, credits uint16) smb2.Header {
	return smb2.Header{
		CreditCharge: h.CreditCharge,
		Status:       smb2.StatusPending,
		Command:      h.Command,
		Credits:      credits,
		Flags:        h.Flags&(smb2.FlagRelated|smb2.FlagReplayOperation|smb2.FlagPriorityMask) | smb2.FlagServerToRedir | smb2.FlagAsync,
		MessageID:    h.MessageID,
		AsyncID:      asyncID,
		SessionID:    h.SessionID,
	}
}

// settle notes that the element at work is being answered and returns its
// AsyncId, once the interim reply, if there is one, is on its way.
func (ch *chain) settle() uint64 {
	ch.c.mu.Lock()
	ch.done = true
	ch.takeAwaited()
	id, interim := ch.asyncID, ch.interim
	ch.c.mu.Unlock()
	if interim != nil {
		<-interim
	}
	return id
}

// cancelSession makes the requests of a session that wait return why.
func (c *conn) cancelSession(id uint64, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.async {
		if ch.owner == id {
			ch.cancelLocked(why)
		}
	}
}

// cancelWith has ch end with its session. The caller holds c.mu.
func (ch *chain) cancelWith(se *session) {
	c, id := ch.c, ch.asyncID
	ch.unwatch = context.AfterFunc(se.ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.async[id] == ch {
			ch.cancelLocked(smb2.StatusUserSessionDeleted)
		}
	})
}

// leaveAsync takes ch, which may have gone asynchronous, out of those that have. The
// caller holds c.mu.
func (ch *chain) leaveAsync() {
	if ch.asyncID != 0 {
		delete(ch.c.async, ch.asyncID)
	}
	if ch.unwatch != nil {
		ch.unwatch()
		ch.unwatch = nil
	}
}

// outlive lets the request go on when its connection is lost, as long as its session
// has another: the client will ask there what became of it.
func (r *request) outlive() {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	r.ch.outlives = true
}

// goAsync sends the interim reply, once, and returns the channel that is closed
// when the request is canceled.
func (r *request) goAsync() (<-chan struct{}, error) {
	ch, c := r.ch, r.c
	c.mu.Lock()
	if c.draining && ch.canceled == nil {
		ch.canceled = errDraining // drain has looked already
	}
	if ch.wake == nil {
		ch.wake = make(chan struct{})
		if ch.canceled != nil {
			close(ch.wake)
		}
	}
	wake := ch.wake
	if ch.asyncID != 0 || ch.canceled != nil {
		c.mu.Unlock()
		return wake, nil
	}
	if c.channels == nil || len(c.async) >= c.srv.limits.AsyncPerConn {
		c.mu.Unlock()
		return nil, smb2.StatusInsufficientResources
	}
	c.nextID++
	ch.asyncID = c.nextID
	c.async[ch.asyncID] = ch
	id := ch.asyncID
	c.room.Signal()
	c.mu.Unlock()

	w := &ch.reply
	w.buf.B = smb2.ErrorResponse{}.Append(w.buf.B[:w.bodyOff()])
	ch.grant += c.grant(r.hdr)
	interimHeader(r.hdr, id, 0).Put(w.buf.B[w.off:])
	ch.elems = append(ch.elems, outElem{off: w.off})
	ch.flushEarly()
	return wake, nil
}

// flushEarly sends what there is before the element at work is answered.
func (ch *chain) flushEarly() {
	ch.flush(true)
	// What the handler set so far holds for the final reply.
	w := &ch.reply
	saved := *w
	w.begin(ch)
	saved.buf, saved.off = w.buf, w.off
	*w = saved
}
