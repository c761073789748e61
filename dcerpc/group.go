package dcerpc

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Server is what all pipes of a server share: association groups, [MS-RPCE] 3.3.1.5.7,
// of which there are as many at most as open pipes, what pipes hold, and counters. The zero value is ready for
// use; its methods may be called concurrently.
type Server struct {
	mu     sync.Mutex
	groups map[uint32]*group

	memory memory

	callsIn, packetsIn, packetsOut atomic.Uint32
}

// Statistics are what a server counts, C706 appendix Q. The counters wrap.
type Statistics struct {
	CallsIn, CallsOut, PacketsIn, PacketsOut uint32
}

// Statistics returns the counters. No calls go out.
func (s *Server) Statistics() Statistics {
	return Statistics{CallsIn: s.callsIn.Load(), PacketsIn: s.packetsIn.Load(), PacketsOut: s.packetsOut.Load()}
}

// group is an association group: associations that share their context handles.
type group struct {
	id      uint32
	owner   string // who may join
	handles Handles
	of      *Server

	members int // guarded by of.mu
}

// join returns the group called id, or a new one if id is 0; nil: there is none of
// that owner's. The handles of a new one count in sh. leave follows.
func (s *Server) join(id uint32, owner string, sh share) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != 0 {
		old := s.groups[id]
		if old == nil || old.owner != owner {
			return nil
		}
		old.members++
		return old
	}
	if s.groups == nil {
		s.groups = make(map[uint32]*group)
	}
	for id == 0 || s.groups[id] != nil {
		id = rand.Uint32()
	}
	n := &group{id: id, owner: owner, handles: Handles{share: sh}, of: s, members: 1}
	s.groups[id] = n
	return n
}

// leave undoes join. With the last association the context handles are run down,
// [MS-RPCE] 3.3.3.7.1.
func (g *group) leave() {
	g.of.mu.Lock()
	g.members--
	last := g.members == 0
	if last {
		delete(g.of.groups, g.id)
	}
	g.of.mu.Unlock()
	if last {
		g.handles.Close()
	}
}
