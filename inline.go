package smb

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// inline is about requests that the read goroutine works off itself. To hand one to a worker while processors are idle wakes
// a thread that finds nothing to do and sleeps again: a third of what a server spends on a client that asks for one small thing after
// the other. Where processors are busy there is nobody to wake, and a worker's stack is in the cache.
//
// That thread also is the one that looks for what comes from the network meanwhile: without it others wait until the
// request is done, or the runtime itself looks, up to 10 ms. So this is only for short requests while there is one client
// that asks for something, and a connection on which one took long, since the storage is slow, say, has most of the next ones done by workers.
//
// Workers that wait for a change, say, as Windows' Explorer always has one do, or for a client that takes nothing, are no reason against it.
//
// A request that takes very long, in the backend or because the client doesn't take the answer, must not keep the next one, a
// CANCEL or the end of the connection from being seen: a stand-in reads on then, and the read goroutine has become a worker.
type inline struct {
	last atomic.Pointer[conn] // whose request came last

	mu      sync.Mutex
	conn    *conn  // whose read goroutine works on a request; nil: none does
	number  uint64 // of that request
	late    bool   // it was there when watchInline looked
	used    bool   // since then
	watched bool   // by Server.watchInline
	ended   bool
}

const (
	// inlineTime is how often it is looked whether a request takes long.
	inlineTime = 2 * time.Millisecond
	// inlineLooks is how often it is looked in vain before nobody looks any more.
	inlineLooks = 50
	// inlineAfter is how many requests in a row have come alone before the next one is taken for the like. What a client sends
	// that has several under way is better done side by side.
	inlineAfter = 8
	// inlineLong is what others may have to wait for. After a request that took longer, inlineRest more have to
	// come alone.
	inlineLong = 500 * time.Microsecond
	inlineRest = 200
	// inlineSize is the longest frame or reply: to move a larger one takes as long as to wake somebody, and
	// the next one can come meanwhile.
	inlineSize = 64<<10 + smallFrame
)

// errRelieved says that a stand-in reads the connection.
var errRelieved = errors.New("smb: another goroutine reads")

// tryInline works ch off, if it's one for the read goroutine. Alone says that there is no other request of the connection to work on.
// If it didn't, done is false. The error is errRelieved if the caller mustn't read any more.
func (c *conn) tryInline(ch *chain, reply int, alone bool) (done bool, err error) {
	n := &c.srv.inline
	only := n.last.Load() == c
	if !only {
		n.last.Store(c)
	}
	if !only || !alone || len(ch.in.B) > inlineSize || c.tr.more() { // a longer frame may be followed by one that is read already
		c.serial = min(c.serial, 0)
		return false, nil
	}
	c.serial++
	if c.serial <= inlineAfter || reply > inlineSize || !ch.quick() {
		return false, nil
	}
	number := c.srv.beginInline(c)
	if number == 0 {
		return false, nil
	}
	began := time.Now()
	ch.run()
	if !n.end(number) {
		return true, errRelieved
	}
	if time.Since(began) > inlineLong {
		c.serial = -inlineRest
	}
	return true, nil
}

// quick reports whether the first element is one that mostly takes no time. What is read from a pipe may be answered by the
// next request only.
func (ch *chain) quick() bool {
	cmd := int(ch.hdr.Command)
	return cmd < len(commands) && commands[cmd].quick && (ch.early == nil || ch.early.pipe == nil)
}

// beginInline returns a number, other than zero, if c's read goroutine may work on a request.
func (s *Server) beginInline(c *conn) uint64 {
	n := &s.inline
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil || n.ended || s.workers.Load() > s.idle.Load()+s.dormant.Load() {
		return 0
	}
	n.conn, n.late, n.used = c, false, true
	n.number++
	if !n.watched {
		n.watched = true
		s.wg.Add(1) // c has one, so nobody waits in vain
		go s.watchInline()
	}
	return n.number
}

// end reports whether the read goroutine, which has done the request of that number, is still that.
func (n *inline) end(number uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == nil || n.number != number {
		return false
	}
	n.conn = nil
	return true
}

// leave ends that c's read goroutine works on a request, if it does.
func (n *inline) leave(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == c {
		n.conn = nil
	}
}

// watchInline sends a stand-in where a request takes long, as long as there are requests of the kind.
func (s *Server) watchInline() {
	defer s.wg.Done()
	tick := time.NewTicker(inlineTime)
	defer tick.Stop()
	n := &s.inline
	for quiet := 0; ; quiet++ {
		ended := false
		select {
		case <-tick.C:
		case <-s.done:
			ended = true
		}
		n.mu.Lock()
		if n.used {
			quiet = 0
		}
		if n.conn != nil && (n.late || ended) {
			n.conn.serial = -inlineRest // its read goroutine is at work
			s.wg.Add(1)
			go n.conn.serve()
			n.conn = nil
		}
		n.late = n.conn != nil
		n.used = n.late
		n.ended = ended
		n.watched = !ended && quiet < inlineLooks
		watched := n.watched
		n.mu.Unlock()
		if !watched {
			return
		}
	}
}
