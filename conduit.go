package smb

import (
	"sync"
	"time"
)

// conduitSize is how much a pipe takes at most.
const conduitSize = 1 << 20

// conduits are a server's. There are few: who gets none does without.
type conduits struct {
	mu     sync.Mutex
	idle   []*conduit
	used   int
	failed time.Time // when the system gave none
	closed bool
}

const (
	maxConduits  = 32
	idleConduits = 4
	// conduitPause is how long the system isn't asked again after it gave none.
	conduitPause = time.Minute
)

// some reports whether get would most likely return one.
func (p *conduits) some() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed || p.used == maxConduits:
		return false
	case len(p.idle) > 0:
		return true
	}
	return p.failed.IsZero() || time.Since(p.failed) > conduitPause
}

func (p *conduits) get() *conduit {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.used == maxConduits {
		return nil
	}
	var got *conduit
	if n := len(p.idle); n > 0 {
		got, p.idle = p.idle[n-1], p.idle[:n-1]
	} else {
		got = openConduit()
	}
	if got == nil {
		p.failed = time.Now()
		return nil
	}
	p.used++
	return got
}

func (p *conduits) put(x *conduit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	if p.closed || len(p.idle) == idleConduits || !x.empty() {
		x.close() // with what is in it, which nobody else may get
		return
	}
	p.idle = append(p.idle, x)
}

func (p *conduits) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, x := range p.idle {
		x.close()
	}
	p.idle = nil
}
