package smb

import "sync"

// conduitSize is how much a pipe takes at most.
const conduitSize = 1 << 20

// conduits are a server's. There are few: who gets none does without.
type conduits struct {
	mu     sync.Mutex
	idle   []*conduit
	used   int
	closed bool
}

const (
	maxConduits  = 32
	idleConduits = 4
)

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
	if got != nil {
		p.used++
	}
	return got
}

func (p *conduits) put(x *conduit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	if x.n > 0 || p.closed || len(p.idle) == idleConduits {
		x.close() // with what is in it
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
