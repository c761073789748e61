package smb

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// inline is about requests that the read goroutine works off itself. To hand one to a worker while processors are idle wakes
// a thread that finds nothing to do and sleeps again: a third of what a server spends on a client that asks for one small thing after
// the other. Where processors are busy there is nobody to wake, and a worker's stack is in the cache.
//
// A request that takes long nevertheless, in the backend or because the client doesn't take the answer, must not keep the next one, a
// CANCEL or the end of the connection from being seen: a stand-in reads on then, and the read goroutine has become a worker.
type inline struct {
	mu      sync.Mutex
	work    []inlineWork
	most    int // how many there may be
	used    bool
	watched bool // by Server.watchInline
	ended   bool
}

type inlineWork struct {
	c    *conn
	late bool // it was there when watchInline looked
}

const (
	// inlineTime is how often it is looked whether a request takes long.
	inlineTime = 2 * time.Millisecond
	// inlineLooks is how often it is looked in vain before nobody looks any more.
	inlineLooks = 50
	// inlineAfter is how many requests in a row have come alone before the next one is taken for the like. What a client sends
	// that has several under way is better done side by side.
	inlineAfter = 8
	// inlineSize is the longest frame or reply: to move a larger one takes as long as to wake somebody, and
	// the next one can come meanwhile.
	inlineSize = 64<<10 + smallFrame
)

// errRelieved says that a stand-in reads the connection.
var errRelieved = errors.New("smb: another goroutine reads")

func (n *inline) init() { n.most = max(1, runtime.GOMAXPROCS(0)/2) }

// tryInline works ch off, if it's one for the read goroutine. Alone says that there is no other request of the connection to work on.
// If it didn't, done is false. The error is errRelieved if the caller mustn't read any more.
func (c *conn) tryInline(ch *chain, reply int, alone bool) (done bool, err error) {
	if !alone || len(ch.in.B) > inlineSize || c.tr.more() { // a longer frame may be followed by one that is read already
		c.serial = 0
		return false, nil
	}
	c.serial++
	if c.serial <= inlineAfter || reply > inlineSize || !ch.quick() || !c.srv.beginInline(c) {
		return false, nil
	}
	ch.run()
	if !c.srv.endInline(c) {
		return true, errRelieved
	}
	return true, nil
}

// quick reports whether the first element is one that mostly doesn't wait. What is read from a pipe may be answered by the
// next request only.
func (ch *chain) quick() bool {
	cmd := int(ch.hdr.Command)
	return cmd < len(commands) && commands[cmd].quick && (ch.early == nil || ch.early.pipe == nil)
}

// beginInline reports whether c's read goroutine may work on a request.
func (s *Server) beginInline(c *conn) bool {
	n := &s.inline
	n.mu.Lock()
	defer n.mu.Unlock()
	if busy := int(s.workers.Load() - s.idle.Load()); n.ended || len(n.work)+busy >= n.most {
		return false
	}
	n.work = append(n.work, inlineWork{c: c})
	n.used = true
	if !n.watched {
		n.watched = true
		s.wg.Add(1) // c has one, so nobody waits in vain
		go s.watchInline()
	}
	return true
}

// endInline reports whether c's read goroutine, which has done the request, is still that.
func (s *Server) endInline(c *conn) bool {
	n := &s.inline
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.work, func(w inlineWork) bool { return w.c == c })
	if i < 0 {
		return false
	}
	n.work = slices.Delete(n.work, i, i+1)
	return true
}

// watchInline sends stand-ins where a request takes long, as long as there are such requests.
func (s *Server) watchInline() {
	defer s.wg.Done()
	tick := time.NewTicker(inlineTime)
	defer tick.Stop()
	n := &s.inline
	for quiet := 0; ; quiet++ {
		closed := false
		select {
		case <-tick.C:
		case <-s.done:
			closed = true
		}
		n.mu.Lock()
		if n.used {
			quiet = 0
		}
		n.used = len(n.work) > 0
		n.work = slices.DeleteFunc(n.work, func(w inlineWork) bool {
			if w.late || closed {
				s.wg.Add(1)
				go w.c.serve()
				return true
			}
			return false
		})
		for i := range n.work {
			n.work[i].late = true
		}
		n.ended = closed
		n.watched = !closed && quiet < inlineLooks
		over := !n.watched
		n.mu.Unlock()
		if over {
			return
		}
	}
}
