package smb

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/lsarpc"
	"github.com/gosmbd/smb/dcerpc/samr"
	"github.com/gosmbd/smb/dcerpc/srvsvc"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Counters is what must be zero once all clients are gone.
type Counters struct {
	Conns, Sessions, Mounts, Waiting, PerIP int
	WaitingIP                               int
	Opens                                   int64
	SessionsCounted                         int64
	Watches, Unasked                        int64 // of CHANGE_NOTIFY
	Uses                                    int   // shares that are connected to
	Conduits                                int   // at work
	Creates                                 int   // that may come again
	MemoryHeld                              bool
}

// Counters returns what the server holds.
func (s *Server) Counters() Counters {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counters{
		Conns: len(s.conns), Sessions: len(s.sessions), Mounts: len(s.mounts),
		Waiting: s.waiting.Len(), PerIP: len(s.perIP), WaitingIP: len(s.waitingIP), Opens: s.opens.count(),
		SessionsCounted: s.sessionCount.count(),
	}
	c.Watches, c.Unasked = s.watching.Held()
	s.uses.mu.Lock()
	c.Uses = len(s.uses.n)
	s.uses.mu.Unlock()
	s.conduits.mu.Lock()
	c.Conduits = s.conduits.used
	s.conduits.mu.Unlock()
	s.handles.mu.Lock()
	c.Creates = len(s.handles.creates)
	s.handles.mu.Unlock()
	c.MemoryHeld = s.memory.held() != 0
	return c
}

func (c *fairCount[K]) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(c.n)
}

// ChangeListing does to the cache of names what a change of the root by others does, told
// by the backend, and then one by the server, which added name.
func (s *Server) ChangeListing(name string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.mounts {
		m.names.forget(".")
		end := m.names.change(name)
		m.names.added(name)
		end()
	}
}

// ReportedStatistics is what administrators are told.
func (s *Server) ReportedStatistics() srvsvc.Statistics {
	return rpcServer{s}.Statistics(context.Background())
}

// MatchPattern is pattern.match as QUERY_DIRECTORY uses it.
func MatchPattern(pattern, name string) bool {
	return newPattern(foldPath(pattern)).match(foldPath(name))
}

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

// Accounts is what the RPC interfaces see of who has an account.
func (s *Server) Accounts() interface {
	samr.Server
	lsarpc.Server
	dssetup.Server
} {
	s.init()
	return rpcAccounts{s}
}

// Identify returns the caller with the SID that a logon gives him.
func (s *Server) Identify(ctx context.Context, caller *vfs.Caller) (*vfs.Caller, error) {
	s.init()
	return s.identify(ctx, caller)
}

// WellKnownSIDs returns those that have the same name on every machine.
func WellKnownSIDs() []vfs.SID {
	var list []vfs.SID
	for _, w := range wellKnown {
		list = append(list, w.sid)
	}
	for _, a := range builtinAliases {
		list = append(list, ridSID(builtinDomain.sid, a.rid))
	}
	return append(list, builtinDomain.sid, "S-1-5", unixUserDomain.sid, unixGroupDomain.sid)
}

// NeedsSession tells for each command in the dispatch table whether it needs a session.
func NeedsSession() map[smb2.Command]bool {
	needs := make(map[smb2.Command]bool)
	for cmd, c := range commands {
		needs[smb2.Command(cmd)] = c.session
	}
	return needs
}

const InlineRest = inlineRest

const (
	UploadSlow = uploadSlow
	UploadRest = uploadRest
)

// IdleConduits returns how many there are that nobody uses.
func (s *Server) IdleConduits() int {
	s.conduits.mu.Lock()
	defer s.conduits.mu.Unlock()
	return len(s.conduits.idle)
}

// NewConduit returns what moves bytes into a conduit of its own.
func NewConduit() (take func(conn uintptr, n int) (int, error), end func()) {
	p := openConduit()
	return p.take, p.close
}

// TakeConduits leaves none for others until free is called.
func (s *Server) TakeConduits() (free func()) {
	var all []*conduit
	for p := s.conduits.get(); p != nil; p = s.conduits.get() {
		all = append(all, p)
	}
	return func() {
		for _, p := range all {
			s.conduits.put(p)
		}
	}
}

// Inline reports whether a read goroutine works on a request, and whether that is watched.
func (s *Server) Inline() (working, watched bool) {
	s.inline.mu.Lock()
	defer s.inline.mu.Unlock()
	return s.inline.conn != nil, s.inline.watched
}
