package smb

import (
	"iter"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/vfs"
)

// SessionInfo describes a session, for a status display. Caller is shared and must not be
// changed.
type SessionInfo struct {
	ID        uint64
	Caller    *vfs.Caller
	Peer      net.Addr // of its oldest connection
	Dialect   Dialect
	Signed    bool
	Encrypted bool // every request; a share may ask for it by itself
	Started   time.Time
	Used      time.Time // last request
	Shares    []string  // connected, in no order
	Opens     int
	Channels  int // connections
}

// OpenInfo describes an open file or directory. Caller is shared and must not be changed.
type OpenInfo struct {
	ID        uint64
	SessionID uint64 // zero: it waits for its client to come back
	Caller    *vfs.Caller
	Share     string
	Path      string // with slashes, relative to the share
	Access    vfs.Access
	Directory bool
	Locks     int // byte-range locks that this open holds
	Opened    time.Time

	Caching    oplock.Granted // the oplock or lease that it has now
	Durable    bool           // it outlives a lost connection
	Persistent bool           // it also outlives the server's process
	Resilient  bool
	Channels   int // connections of its session; zero: it waits for its client to come back
}

// Sessions iterates over the sessions that there are when it begins, and tells of each as
// it is when its turn comes. No lock is held meanwhile.
func (s *Server) Sessions() iter.Seq[SessionInfo] {
	return func(yield func(SessionInfo) bool) {
		for _, se := range s.allSessions() {
			if info, ok := se.info(); ok && !yield(info) {
				return
			}
		}
	}
}

// Opens iterates likewise over the open files and directories, those too that wait for
// their client to come back.
func (s *Server) Opens() iter.Seq[OpenInfo] {
	return func(yield func(OpenInfo) bool) {
		for _, se := range s.allSessions() {
			for _, o := range se.allOpens() {
				if !yield(o.info()) {
					return
				}
			}
		}
		for _, o := range s.handles.waiting() {
			if !yield(o.info()) {
				return
			}
		}
	}
}

func (s *Server) allSessions() []*session {
	s.init()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.sessions))
}
