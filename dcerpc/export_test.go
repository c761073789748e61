package dcerpc

// Room returns for how many replies c has room.
func (c *Conn) Room() int { return c.read + cap(c.out) }

// Held returns how many octets the pipes of s hold, as they are counted.
func (s *Server) Held() int {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	return s.memory.used
}
