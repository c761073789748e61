package smb

import "time"

// janitor ends connections that take too long to log on, or that lie idle
// beyond IdleTimeout, tells clients of requests that take long, and has accounts looked
// at again.
func (s *Server) janitor() {
	defer s.wg.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	rechecked := time.Now()
	for {
		select {
		case <-s.done:
			return
		case now := <-tick.C:
			s.clock.Add(1)
			s.sweep(now)
			if every := s.limits.RecheckInterval; every > 0 && now.Sub(rechecked) >= every {
				rechecked = now
				s.recheckAll()
			}
		}
	}
}

func (s *Server) sweep(now time.Time) {
	var late, idle []*conn
	s.mu.RLock()
	for e := s.waiting.Front(); e != nil && s.limits.AuthTimeout > 0; e = e.Next() {
		c := e.Value.(*conn)
		if now.Sub(c.born) < s.limits.AuthTimeout {
			break // the others are younger
		}
		late = append(late, c)
	}
	if s.limits.IdleTimeout > 0 {
		for c := range s.conns {
			if c.idleSince(now) >= s.limits.IdleTimeout {
				idle = append(idle, c)
			}
		}
	}
	for c := range s.conns {
		c.comfort(s.clock.Load())
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
	for _, c := range idle {
		c.abort(dropError{"idle"})
	}
}

// idleSince returns how long nothing happened on c; zero while a file is open.
func (c *conn) idleSince(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running.Load() > 0 {
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
