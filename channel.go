package smb

import (
	"slices"
	"sync/atomic"

	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
)

// channel is a session's use of one connection, [MS-SMB2] 3.3.1.14. A session has
// one from its logon; further connections of its client are bound to it.
type channel struct {
	se *session
	c  *conn

	// signer is nil until the logon succeeded, and for guests.
	signer atomic.Pointer[signing.Signer]
}

// maxChannels is how many connections a session may have, as on Windows.
const maxChannels = 32

// channel returns what the session called id has on c; nil: nothing.
func (c *conn) channel(id uint64) *channel {
	if x := c.lastChannel.Load(); x != nil && x.se.id == id {
		return x
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.channels[id]
	c.lastChannel.Store(x)
	return x
}

// addChannel gives the session a use of c. The signer has to be there when the first
// request comes; it is nil before a logon.
func (se *session) addChannel(c *conn, signer *signing.Signer) (*channel, error) {
	x := &channel{se: se, c: c}
	x.signer.Store(signer)
	se.mu.Lock()
	closed, full := se.closed, len(se.channels) >= maxChannels
	if !closed && !full {
		se.channels = append(se.channels, x)
	}
	se.mu.Unlock()
	switch {
	case closed:
		return nil, smb2.StatusUserSessionDeleted
	case full:
		return nil, smb2.StatusInsufficientResources
	}
	c.mu.Lock()
	full = c.channels == nil || len(c.channels) >= c.srv.limits.SessionsPerConn
	twice := c.channels[se.id] != nil // two bindings at the same time
	if !full && !twice {
		c.channels[se.id] = x
	}
	c.mu.Unlock()
	if full || twice {
		if se.dropChannel(x) { // the others went meanwhile
			se.close(smb2.StatusUserSessionDeleted)
		}
		if twice {
			return nil, smb2.StatusRequestNotAccepted
		}
		return nil, smb2.StatusInsufficientResources
	}
	se.mu.Lock()
	closed = se.closed
	se.mu.Unlock()
	if closed { // it may not have seen the connection's side
		x.forget()
		return nil, smb2.StatusUserSessionDeleted
	}
	return x, nil
}

// dropChannel undoes addChannel on the session's side. It reports whether the
// session has no channel left.
func (se *session) dropChannel(x *channel) (last bool) {
	se.mu.Lock()
	defer se.mu.Unlock()
	se.channels = slices.DeleteFunc(se.channels, func(y *channel) bool { return y == x })
	return len(se.channels) == 0
}

// forget takes x out of its connection.
func (x *channel) forget() {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	if x.c.channels[x.se.id] == x {
		delete(x.c.channels, x.se.id)
		x.c.lastChannel.Store(nil)
	}
}

// conns returns the session's connections, the oldest first.
func (se *session) conns() []*conn {
	se.mu.RLock()
	defer se.mu.RUnlock()
	list := make([]*conn, len(se.channels))
	for i, x := range se.channels {
		list[i] = x.c
	}
	return list
}

// addClient notes that c is a connection of its client.
func (s *Server) addClient(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[c]; !ok {
		return // torn down meanwhile
	}
	guid := c.params.clientGUID
	s.clients[guid] = append(s.clients[guid], c)
}

// dropClient undoes addClient. The caller holds s.mu.
func (s *Server) dropClient(c *conn) {
	guid := c.params.clientGUID
	list := slices.DeleteFunc(s.clients[guid], func(x *conn) bool { return x == c })
	if len(list) == 0 {
		delete(s.clients, guid)
		return
	}
	s.clients[guid] = list
}

// clientConns returns the connections of a client, the oldest first.
func (s *Server) clientConns(guid smb2.GUID) []*conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.clients[guid])
}

// channelOf returns a channel on c of a session of the same user as id's.
func (c *conn) channelOf(id *identity) *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.channels {
		if other := x.se.identity.Load(); other != nil && sameCaller(other.caller, id.caller) {
			return x
		}
	}
	return nil
}
