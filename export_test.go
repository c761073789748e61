package smb

import "github.com/gosmbd/smb/smb2"

// Counters is what must be zero once all clients are gone.
type Counters struct {
	Conns, Sessions, Mounts, Waiting, PerIP int
	Opens                                   int64
	Watches, Unasked                        int64 // of CHANGE_NOTIFY
	MemoryHeld                              bool
}

// Counters returns what the server holds.
func (s *Server) Counters() Counters {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counters{
		Conns: len(s.conns), Sessions: len(s.sessions), Mounts: len(s.mounts),
		Waiting: s.waiting.Len(), PerIP: len(s.perIP), Opens: s.opens.Load(),
	}
	c.Watches, c.Unasked = s.watching.Held()
	if c.MemoryHeld = !s.memory.sem.TryAcquire(s.memory.max); !c.MemoryHeld {
		s.memory.sem.Release(s.memory.max)
	}
	return c
}

// MatchPattern is matchPattern as QUERY_DIRECTORY uses it.
func MatchPattern(pattern, name string) bool { return matchPattern(foldPath(pattern), foldPath(name)) }

// ResolveDots is resolveDots.
func ResolveDots(name string) (string, error) { return resolveDots(name) }

// ParseName is parseName.
func ParseName(name string) (string, bool, error) {
	clean, s, trailing, err := parsePath(name)
	if err == nil && s.name != "" {
		err = smb2.StatusObjectNameInvalid // as without named streams
	}
	return clean, trailing, err
}
