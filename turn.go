package smb

// turn keeps requests on one handle in the order of their arrival, although they are
// worked off at the same time: each waits for its turn before it does what must be
// done in order.
type turn struct {
	before <-chan struct{} // closed when the one before has passed; nil: there is none
	passed chan struct{}
}

// nextTurn gives a request that arrives the turn after the one before.
func (o *open) nextTurn() *turn {
	t := &turn{passed: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	t.before, o.lastTurn = o.lastTurn, t.passed
	return t
}

// wait waits until all that arrived before have passed. A request without a turn has
// nobody to wait for.
func (t *turn) wait() {
	if t != nil && t.before != nil {
		<-t.before
		t.before = nil
	}
}

// pass lets the next one have its turn. It may be called more than once, by the worker
// of the request.
func (t *turn) pass() {
	if t == nil || t.passed == nil {
		return
	}
	t.wait()
	close(t.passed)
	t.passed = nil
}
