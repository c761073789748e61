package dcerpc

import "sync"

// What pipes hold is counted in whole pages, and less than one not at all: small calls, one
// after the other, change nothing.
const page = 4 << 10

// Guesses at what takes memory besides octets that came or wait.
const (
	groupCost   = 12 << 10 // an association, with what an interface keeps for it
	contextCost = 64       // a presentation context
	authCost    = 16 << 10 // a security context
	replyCost   = 128      // a PDU that waits, with its header
	handleCost  = 1 << 10  // a context handle
)

// memory is what the pipes of a server hold.
type memory struct {
	mu   sync.Mutex
	used int
	by   map[string]int // user
}

// share is what one user may hold of it.
type share struct {
	of   *memory
	user string
	max  int // of all users together; 0: no limit, and nothing is counted
}

// take counts n octets more, if the user may hold them. He may hold no more than he leaves
// to others, so that nobody takes all there is from them.
func (s share) take(n int) bool {
	if s.max == 0 {
		return true
	}
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if left := s.max - m.used - n; m.by[s.user]+n > left {
		return false
	}
	if m.by == nil {
		m.by = make(map[string]int)
	}
	m.used += n
	m.by[s.user] += n
	return true
}

// give undoes take.
func (s share) give(n int) {
	if s.max == 0 || n == 0 {
		return
	}
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
	if m.by[s.user] -= n; m.by[s.user] == 0 {
		delete(m.by, s.user)
	}
}

// size returns about how many octets c holds.
func (c *Conn) size() int {
	n := cap(c.in) + c.queued + len(c.out)*replyCost + len(c.contexts)*contextCost + len(c.auths)*authCost
	if c.call != nil {
		n += cap(c.call.stub)
	}
	if c.group != nil {
		n += groupCost
	}
	return n
}

// charge counts what c holds, and coming octets more. It returns false if that is more than
// before and than there may be.
func (c *Conn) charge(coming int) bool {
	n := (c.size() + coming) &^ (page - 1)
	switch more := n - c.charged; {
	case more > 0 && !c.share.take(more):
		return false
	case more < 0:
		c.share.give(-more)
	}
	c.charged = n
	return true
}

// chargeReply is charge for a response with a stub of n octets.
func (c *Conn) chargeReply(n int) bool { return c.charge(n + (n/c.maxXmit+1)*replyCost) }

// overdrawn ends the connection of a client that makes it hold too much, of which nothing
// is kept.
func (c *Conn) overdrawn() {
	c.in, c.out, c.queued, c.call, c.contexts, c.auths = nil, nil, 0, nil, nil, nil
	c.err = c.breach(c.callID, 0, FaultNoMemory, 0)
	c.charge(0)
}
