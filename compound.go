package smb

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gosmbd/smb/internal/frame"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// chain is one received frame on its way through the server: a single request or
// the elements of a compound, which are worked off in order by one goroutine,
// and the frame that answers them. [MS-SMB2] 3.3.5.2.7
type chain struct {
	c       *conn
	in      *frame.Buf
	rest    []byte        // elements of in not begun yet
	sealed  *session      // whose keys the frame was encrypted with; nil: in the clear
	out     *frame.Buf    // nil: nothing to send yet
	body    fileBody      // what follows out
	cost    int           // bytes of the budgets held for in and out
	toCome  int           // of these: what the replies to elements not answered yet may hold
	elems   []outElem     // in out
	grant   uint16        // credits to give with the next frame
	charge  uint16        // of the current element
	delay   time.Duration // after which rest of the current element is to run
	after   []func()      // to be called when the answer is queued; they must not wait
	then    func() error  // the rest of the current element; nil unless it waits
	parking *parking      // what it waits for; nil: delay

	// What related elements inherit.
	session uint64
	tree    uint32
	file    smb2.FileID
	hasFile bool
	status  Status          // of the element before
	broken  bool            // there is nothing to inherit
	early   *open           // pinned when the frame arrived, for the first element
	started bool            // an element went before
	turn    *turn           // of the first element; nil: its order makes no difference
	settled chan<- struct{} // closed when the chain is answered or has to wait; nil: nobody waits for that
	upload  *upload         // what is to come of the request; nil: in is all
	beside  bool            // once it is answered: more than queueDepth of the connection weren't

	req   request
	reply reply

	keepers []context.Context // who minds the answer that delay is for, besides the connection

	// Guarded by c.mu.
	mid      uint64      // of the element at work
	hdr      smb2.Header // of the same
	owner    uint64      // the session that it belongs to
	done     bool        // it has been answered
	began    int64       // when it was begun, by Server.clock
	asyncID  uint64      // zero: answered synchronously
	canceled error
	wake     chan struct{}   // closed by cancel; nil unless the element waits
	outlives bool            // the element is to go on when the connection is lost, if the session has another
	unwatch  func() bool     // ends the watch over the session, which ends the element once its connection is lost
	interim  chan struct{}   // closed when the interim reply that the janitor sends is queued; nil if it sends none
	awaited  chan<- struct{} // becomes settled when the element, which was canceled, is answered
	sleeping *parking        // no goroutine works on it
}

// outElem is one element of the frame to send.
type outElem struct {
	off    int // of its header
	signer *signing.Signer
	final  func(msg []byte) // of reply
}

var chainPool = sync.Pool{New: func() any { return &chain{elems: make([]outElem, 0, 4)} }}

// start takes a frame apart far enough to know that it can be worked off, and
// hands it to a worker, or to tryInline. The elements begin at off. It runs on the read goroutine,
// so that ids are taken, and cancels seen, in the order of arrival.
func (c *conn) start(buf *frame.Buf, off int, sealed *session) error {
	b := buf.B[off:]
	reply, buffer := 0, 0
	leading := true // nothing but CANCEL so far
	for rest := b; len(rest) > 0; {
		h, n, err := element(rest)
		if err != nil {
			return c.badFrame(buf, err.Error())
		}
		if h.Flags&smb2.FlagServerToRedir != 0 {
			return c.badFrame(buf, "a response")
		}
		switch {
		case h.Command == smb2.CommandCancel:
			c.cancel(h, rest[:n], sealed)
			if leading { // it is seen to, and has no answer
				b = rest[n:]
			}
		case !c.take(h):
			return c.badFrame(buf, fmt.Sprintf("MessageId %d is not in the window", h.MessageID))
		case h.Command == smb2.CommandNegotiate && n < len(buf.B)-off:
			// It wouldn't be on the read goroutine, to which params belong.
			return c.badFrame(buf, "a NEGOTIATE in a compound")
		default:
			leading = false
		}
		if reply += replySize(h.Command, rest[:n]); reply > c.srv.limits.MemoryPerConn {
			return c.badFrame(buf, "a compound that asks for more than a connection may hold")
		}
		buffer = max(buffer, copyBuffer(h.Command, rest[:n]))
		rest = rest[n:]
	}
	if leading {
		c.release(buf)
		return nil
	}
	reply += buffer
	if !c.begin() {
		var err error
		if u := c.upload; u != nil {
			err = u.skip()
		}
		c.release(buf)
		c.end()
		return err
	}
	ch := chainPool.Get().(*chain)
	*ch = chain{c: c, in: buf, rest: b, sealed: sealed, elems: ch.elems[:0]}
	c.frame, c.fresh = nil, ch
	if err := ch.pay(reply); err != nil {
		c.fresh = nil
		ch.free()
		c.end()
		return err
	}
	h, _ := smb2.ParseHeader(b)
	ch.mid, ch.hdr, ch.owner = h.MessageID, h, h.SessionID
	ch.early = c.pinEarly(h, b)
	if ch.early != nil && h.Command == smb2.CommandChangeNotify {
		ch.turn = ch.early.nextTurn()
	}
	if ch.began = c.srv.clock.Load(); c.upload != nil {
		ch.began = stillComing
	}
	c.mu.Lock()
	c.active[ch.mid] = ch
	c.crowded = c.crowded || len(c.active) > burst
	alone := c.running-len(c.async) == 1
	c.mu.Unlock()
	c.fresh = nil
	if h.Command == smb2.CommandNegotiate && !c.negotiated.Load() {
		// What follows depends on it.
		return ch.run()
	}
	if u := c.upload; u != nil {
		c.upload = nil
		return c.runUpload(ch, u)
	}
	if done, err := c.tryInline(ch, reply, alone); done {
		return err
	}
	if h.Command == smb2.CommandSetInfo || h.Command == smb2.CommandRead && ch.early != nil && ch.early.pipe != nil {
		c.dispatchFirst(ch)
		return nil
	}
	c.srv.dispatch(ch)
	return nil
}

// headStart is how long a request is waited for before the next one is begun, if others'
// caching may have to be broken for it, it reads from a pipe that the next may end, or it
// was canceled.
const headStart = 2 * time.Millisecond

// dispatchFirst is dispatch, and waits until ch is answered or has to wait, but not
// long. A client that renames a file and then opens it takes it that the breaks which
// the renaming causes come before the second answer.
func (c *conn) dispatchFirst(ch *chain) {
	settled := make(chan struct{})
	ch.settled = settled
	c.srv.dispatch(ch)
	giveHeadStart(settled)
}

// giveHeadStart waits until settled is closed, but not long.
func giveHeadStart(settled <-chan struct{}) {
	late := time.NewTimer(headStart)
	defer late.Stop()
	select {
	case <-settled:
	case <-late.C:
	}
}

// aheadWait is how long a large request whose next one is read already waits for memory for its reply. Two that hold
// something may wait for each other.
const aheadWait = 5 * time.Second

// pay counts the frame and what its reply may hold against the budgets.
func (ch *chain) pay(reply int) error {
	cost, paid := 0, 0
	if n := len(ch.in.B); n > smallFrame {
		cost = frameCost(n)
		if n > firstRead {
			paid = cost // by recv
		}
	}
	if reply > smallFrame {
		cost += frameCost(frame.Headroom + smb2.HeaderSize + smb2.ReadResponseSize + reply)
	}
	// Parts of it are given back one by one, so it's what admit counts.
	most := int(ch.c.memory.max)
	cost, paid = min(cost, most), min(paid, most)
	ch.cost, ch.toCome = paid, reply
	if cost == paid {
		return nil
	}
	if ch.c.ahead {
		// The next frame may have been admitted, so to wait isn't to hold nothing.
		ctx, cancel := context.WithTimeout(ch.c.ctx, aheadWait)
		defer cancel()
		if err := ch.c.admitWithin(ctx, cost-paid); err != nil {
			return dropError{"no memory for what a large request asks for"}
		}
		ch.cost = cost
		return nil
	}
	if paid > 0 {
		ch.c.unadmit(paid)
		ch.cost = 0
	}
	if err := ch.c.admit(cost); err != nil {
		return err
	}
	ch.cost = cost
	return nil
}

// payNow counts n bytes of the reply that replySize didn't know of, if they fit the
// budgets at once.
func (ch *chain) payNow(n int) bool {
	cost := frameCost(n)
	if !ch.c.tryAdmit(cost) {
		return false
	}
	ch.cost += cost
	return true
}

// element parses the header at the start of b and returns the length of the
// element that it begins.
func element(b []byte) (smb2.Header, int, error) {
	h, err := smb2.ParseHeader(b)
	if err != nil {
		return h, 0, dropError{"malformed header"}
	}
	if h.NextCommand == 0 {
		return h, len(b), nil
	}
	if h.NextCommand%8 != 0 || h.NextCommand < smb2.HeaderSize || uint64(h.NextCommand) >= uint64(len(b)) {
		return h, 0, dropError{"malformed compound"}
	}
	return h, int(h.NextCommand), nil
}

// replySize returns how many bytes the reply to msg may hold beyond what is
// small.
func replySize(cmd smb2.Command, msg []byte) int {
	at := func(off int) int {
		if len(msg) < off+4 {
			return 0
		}
		return int(min(binary.LittleEndian.Uint32(msg[off:]), 8<<20))
	}
	switch cmd {
	case smb2.CommandRead:
		return at(smb2.HeaderSize + 4)
	case smb2.CommandQueryInfo:
		return at(smb2.HeaderSize + 4)
	case smb2.CommandQueryDirectory:
		return at(smb2.HeaderSize + 28)
	case smb2.CommandIoctl:
		return at(smb2.HeaderSize + 44)
	case smb2.CommandChangeNotify:
		return 0 // nothing is held while it waits
	}
	return 0
}

// copyBuffer returns how many bytes msg may need to copy by.
func copyBuffer(cmd smb2.Command, msg []byte) int {
	if cmd != smb2.CommandIoctl || len(msg) < smb2.HeaderSize+8 {
		return 0
	}
	switch smb2.CtlCode(binary.LittleEndian.Uint32(msg[smb2.HeaderSize+4:])) {
	case smb2.FsctlSrvCopychunk, smb2.FsctlSrvCopychunkWrite, smb2.FsctlOffloadWrite:
		return copyMaxChunkSize
	}
	return 0
}

// run works off the elements and sends the answer. An error ends the
// connection.
func (ch *chain) run() error {
	c := ch.c
	defer func() {
		if p := recover(); p != nil { // what steps doesn't catch: the sending of the answer
			c.log.Error("smb: panic", "panic", p, "stack", string(debug.Stack()))
			c.abort(dropError{"internal error"})
		}
	}()
	if ch.parking != nil {
		c.mu.Lock()
		ch.sleeping = nil
		c.mu.Unlock()
	}
	err := ch.steps()
	if err == nil && ch.then != nil && ch.parking != nil {
		ch.parking.commit()
		return nil
	}
	if err == nil && ch.then != nil {
		keepers := ch.keepers
		ch.keepers = nil
		ch.hold(time.Now().Add(ch.delay), append(keepers, c.ctx))
		return nil
	}
	c.forget(ch)
	if err != nil {
		c.abort(err)
		ch.giveUp()
		return err
	}
	ch.finish()
	return nil
}

// giveUp ends a chain that isn't answered, and has been forgotten.
func (ch *chain) giveUp() {
	c := ch.c
	if ch.upload != nil {
		ch.upload.unwatch()
	}
	ch.headStartEnds()()
	ch.free()
	c.end()
}

// later has the current element answered by what then returns, after delay. No
// goroutine waits for it. Once the connection is lost and the keepers are over, nobody minds, and it ends.
func (ch *chain) later(delay time.Duration, then func() error, keepers ...context.Context) {
	ch.delay, ch.then, ch.keepers = delay, then, keepers
}

// hold has ch go on when it is due, or ends it once all of keepers are over.
func (ch *chain) hold(due time.Time, keepers []context.Context) {
	srv := ch.c.srv
	srv.wg.Add(1) // the caller has one, so nobody waits in vain
	last := len(keepers) - 1
	ctx, end := context.WithDeadline(keepers[last], due)
	context.AfterFunc(ctx, func() {
		defer srv.wg.Done()
		end()
		switch {
		case keepers[last].Err() == nil:
			ch.run()
		case last > 0:
			ch.hold(due, keepers[:last])
		default:
			ch.c.forget(ch)
			ch.giveUp()
		}
	})
}

func (ch *chain) steps() (err error) {
	defer func() {
		if p := recover(); p != nil {
			// One request of one client must not end the process.
			ch.c.log.Error("smb: panic", "command", ch.req.hdr.Command, "panic", p, "stack", string(debug.Stack()))
			ch.req.release()
			err = dropError{"internal error"}
		}
	}()
	if then := ch.then; then != nil {
		ch.then = nil
		err := then()
		if ch.then != nil {
			return nil // it waits again
		}
		if err := ch.answer(err); err != nil {
			return err
		}
	}
	for len(ch.rest) > 0 && ch.then == nil {
		h, n, err := element(ch.rest)
		if err != nil {
			return err
		}
		msg := ch.rest[:n]
		ch.rest = ch.rest[n:]
		if h.Command == smb2.CommandCancel {
			continue // start has seen to it
		}
		if ch.out != nil && len(ch.out.B)+replySize(h.Command, msg) > ch.c.maxReply() {
			ch.flush(false)
		}
		if err := ch.step(h, msg); err != nil {
			return err
		}
	}
	return nil
}

// maxReply is about how long a frame of replies gets before those that follow have one of
// their own, [MS-SMB2] 3.3.4.1.3 leaving it to the server. TCP's length has 24 bits.
func (c *conn) maxReply() int { return c.srv.limits.MaxIO + 64<<10 }

// step works off one element and appends its reply.
func (ch *chain) step(h smb2.Header, msg []byte) error {
	c := ch.c
	if ch.started || h.MessageID != ch.mid {
		c.mu.Lock()
		delete(c.active, ch.mid)
		ch.leaveAsync()
		ch.mid, ch.hdr, ch.done, ch.asyncID = h.MessageID, h, false, 0
		ch.canceled, ch.wake, ch.interim, ch.outlives = nil, nil, nil, false
		if h.Flags&smb2.FlagRelated == 0 {
			ch.owner = h.SessionID
		}
		ch.began = c.srv.clock.Load()
		c.active[ch.mid] = ch
		c.mu.Unlock()
	}
	ch.charge = max(h.CreditCharge, 1)
	ch.req = request{ch: ch, c: c, hdr: h, msg: msg, sealed: ch.sealed != nil}
	ch.reply.begin(ch)
	err := dispatch(&ch.req, &ch.reply)
	ch.req.release()
	if u := ch.upload; u != nil {
		if err := u.finish(); err != nil {
			return err
		}
	}
	if ch.then != nil {
		return nil
	}
	return ch.answer(err)
}

// answer completes the reply of the current element.
func (ch *chain) answer(err error) error {
	if drop, ok := err.(dropError); ok {
		return drop
	}
	ch.reply.end(&ch.req, err)
	ch.toCome -= replySize(ch.req.hdr.Command, ch.req.msg)
	ch.status = ch.reply.status
	ch.started = true
	return nil
}

// forget takes the chain out of what CANCEL looks at.
func (c *conn) forget(ch *chain) {
	c.mu.Lock()
	delete(c.active, ch.mid)
	if c.crowded && len(c.active) == 0 {
		c.active, c.crowded = make(map[uint64]*chain), false // one that is emptied doesn't shrink
	}
	ch.leaveAsync()
	ch.takeAwaited()
	ch.beside = c.running-len(c.async) > queueDepth
	c.mu.Unlock()
}

// takeAwaited has who canceled the element wait until the chain sends something. Who
// waited for that before has given up: it is the same goroutine. The caller holds c.mu.
func (ch *chain) takeAwaited() {
	if ch.awaited != nil {
		ch.settled, ch.awaited = ch.awaited, nil
	}
}

// finish sends the answer and gives the chain up.
func (ch *chain) finish() {
	c := ch.c
	defer ch.headStartEnds()()
	if ch.out == nil {
		ch.free()
		c.end()
		return
	}
	f := ch.seal()
	f.cost, ch.cost = ch.cost, 0
	f.body, ch.body = ch.body, fileBody{}
	f.last = true
	after := ch.after
	beside := ch.beside && ch.settled == nil // nobody waits before the next request is begun
	ch.free()
	c.queue(f, beside, after...)
}

// headStartEnds returns what is to be called when the chain has sent something, or is
// over.
func (ch *chain) headStartEnds() func() {
	settled := ch.settled
	ch.settled = nil
	return func() {
		if settled != nil {
			close(settled)
		}
	}
}

// flush sends what has been answered so far. With soon the caller doesn't wait for the client.
func (ch *chain) flush(soon bool) {
	c, f := ch.c, ch.seal()
	if n := len(f.buf.B); n > smallFrame {
		// It may be there for longer than the chain, or than that holds anything.
		f.cost = max(min(frameCost(n), ch.cost-ch.stillNeeds()), 0)
		ch.cost -= f.cost
	}
	after := ch.after
	ch.after = nil
	if soon {
		idle, _ := c.enqueue(f)
		for _, do := range after {
			do()
		}
		if idle {
			c.srv.wg.Add(1) // the caller has one, so nobody waits in vain
			go func() {
				defer c.srv.wg.Done()
				c.write()
			}()
		}
	} else {
		c.queue(f, false, after...)
	}
	ch.headStartEnds()()
}

// stillNeeds returns how many bytes of its cost are for the frame received, and for replies to come.
func (ch *chain) stillNeeds() int {
	if ch.in == nil || len(ch.in.B) <= smallFrame {
		return ch.toCome
	}
	return frameCost(len(ch.in.B)) + ch.toCome
}

// free gives back all that the chain holds.
func (ch *chain) free() {
	c := ch.c
	ch.early.unpin()
	ch.in.Free()
	ch.out.Free()
	ch.body.end()
	if ch.cost > 0 {
		c.unadmit(ch.cost)
	}
	*ch = chain{elems: ch.elems[:0]}
	chainPool.Put(ch)
}

// dispatch hands ch to a worker.
func (s *Server) dispatch(ch *chain) {
	select {
	case s.work <- ch:
	default:
		s.wg.Add(1)
		s.workers.Add(1)
		go s.worker(ch)
	}
}

// idleWorkers is how many goroutines wait for work: enough that a busy server
// makes no new ones.
const idleWorkers = 64

func (s *Server) worker(ch *chain) {
	defer s.wg.Done()
	defer s.workers.Add(-1)
	for {
		ch.run()
		if s.idle.Add(1) > idleWorkers {
			s.idle.Add(-1)
			return
		}
		select {
		case ch = <-s.work:
			s.idle.Add(-1)
		case <-s.done:
			return
		}
	}
}

// context returns what requests of the session run under.
func (r *request) context() context.Context {
	if r.se != nil {
		return r.se.context()
	}
	return r.c.ctx
}
