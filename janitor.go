package smb

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// janitor ends connections that take too long to log on, or that lie idle
// beyond IdleTimeout, and logons that are not finished, tells clients of requests that take long, and has accounts looked
// at again.
func (s *Server) janitor() {
	defer s.wg.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	rechecked, idled, abandoned := time.Now(), time.Now(), time.Now()
	for {
		select {
		case <-s.done:
			return
		case now := <-tick.C:
			s.clock.Add(1)
			s.sweep(now)
			s.atWork.comfort(s.clock.Load())
			if after := s.limits.AuthTimeout; after > 0 && now.Sub(abandoned) >= after/4 {
				abandoned = now
				s.endUnfinished(now)
			}
			if after := s.limits.IdleTimeout; after > 0 && now.Sub(idled) >= after/16 {
				idled = now
				s.endIdle(now)
			}
			if every := s.limits.RecheckInterval; every > 0 && now.Sub(rechecked) >= every {
				rechecked = now
				s.recheckAll()
			}
		}
	}
}

func (s *Server) sweep(now time.Time) {
	var late []*conn
	s.mu.RLock()
	for e := s.waiting.Front(); e != nil && s.limits.AuthTimeout > 0; e = e.Next() {
		c := e.Value.(*conn)
		if now.Sub(c.born) < s.limits.AuthTimeout {
			break // the others are younger
		}
		late = append(late, c)
	}
	s.mu.RUnlock()
	if n := s.refused.Swap(0); n > 0 {
		s.log.Warn("smb: connections refused: Limits.Connections or ConnectionsPerIP is reached", "count", n)
	}
	if n := s.evicted.Swap(0); n > 0 {
		s.log.Warn("smb: connections without a logon made room for others: Limits.Unauthenticated is reached", "count", n)
	}
	for _, c := range late {
		c.abort(dropError{"no logon in time"})
	}
}

// endUnfinished ends sessions that nobody has logged on to in time. Those of a connection that
// has no other end with it. It is done rarely, as endIdle is.
func (s *Server) endUnfinished(now time.Time) {
	var late []*session
	s.mu.RLock()
	for _, se := range s.sessions {
		if se.identity.Load() == nil && now.Sub(se.born) >= s.limits.AuthTimeout {
			late = append(late, se)
		}
	}
	s.mu.RUnlock()
	for _, se := range late {
		se.abandon()
	}
}

// endIdle ends the connections that lie idle. To look at all takes a while, so it is done
// rarely.
func (s *Server) endIdle(now time.Time) {
	var idle []*conn
	s.mu.RLock()
	for c := range s.conns {
		if c.idleSince(now) >= s.limits.IdleTimeout {
			idle = append(idle, c)
		}
	}
	s.mu.RUnlock()
	for _, c := range idle {
		c.abort(dropError{"idle"})
	}
}

// working is the connections that had a request at work since the janitor looked: of
// thousands that lie idle it need not know.
type working struct {
	mu    sync.Mutex
	conns map[*conn]struct{}
}

// add and remove are called with conn.mu held.
func (w *working) add(c *conn) {
	w.mu.Lock()
	w.conns[c] = struct{}{}
	w.mu.Unlock()
}

func (w *working) remove(c *conn) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
}

// comfort has clients told of requests that take long.
func (w *working) comfort(now int64) {
	w.mu.Lock()
	list := slices.Collect(maps.Keys(w.conns))
	w.mu.Unlock()
	for _, c := range list {
		c.comfort(now)
	}
}

// idleSince returns how long nothing happened on c; zero while a file is open.
func (c *conn) idleSince(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running > 0 {
		return 0
	}
	for _, x := range c.channels {
		se := x.se
		se.mu.RLock()
		n := len(se.opens)
		se.mu.RUnlock()
		if n > 0 {
			return 0
		}
	}
	return now.Sub(c.used)
}
