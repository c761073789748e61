package smb

import (
	"context"
	"errors"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Sessions that the server ends, and pipes with logons of their own: an administrator wants
// it, or the account isn't what it was.

// EndSessions ends the sessions for which end returns true, and returns how many they
// were. Their files are closed, also those that a client could otherwise come back for,
// soon after it returns. Clients usually log on again by themselves, so a user is kept
// out only once his account is disabled or removed. Who logged on for RPC, over a pipe of
// another's session, counts as a session: end is called with that session and the Caller of
// the logon, and what ends is the pipe. end is called with no lock held.
// [MS-SMB2] 3.3.4.12
func (s *Server) EndSessions(end func(SessionInfo) bool) int {
	n := 0
	for _, se := range s.allSessions() {
		if info, ok := se.info(); ok && end(info) && s.endSession(se) {
			s.log.Info("smb: session ended by an administrator", "user", info.Caller.String(), "peer", addrString(info.Peer))
			n++
		}
	}
	return n + s.endPipes(end)
}

// endSession ends a session without its client having asked; false: it ended before.
// It doesn't wait for requests, of which the one that this is for may be one.
func (s *Server) endSession(se *session) bool {
	if !s.beginEnding() {
		return false
	}
	r := se.detach()
	if r == nil {
		s.wg.Done()
		return false
	}
	go func() {
		defer s.wg.Done()
		r.close(smb2.StatusUserSessionDeleted, false)
	}()
	return true
}

// beginEnding counts what ends something as under way; false: the server is being closed,
// and ends all.
func (s *Server) beginEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(1)
	}
	return !s.closed
}

// recheckAll has all sessions looked at, unless that is still going on.
func (s *Server) recheckAll() {
	if !s.rechecks.CompareAndSwap(false, true) {
		return
	}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer s.rechecks.Store(false)
		for _, se := range s.allSessions() {
			if s.isClosed() {
				return
			}
			se.recheck()
		}
		s.recheckPipes()
	}()
}

// recheck asks the session's mechanism whether the caller is still who he was.
func (se *session) recheck() {
	id := se.identity.Load()
	if id == nil || id.recheck == nil {
		return
	}
	switch st, err := se.srv.ask(id.ctx, id.recheck); {
	case err == nil:
	case st == StatusNetworkSessionExpired:
		se.expire(id, err)
	case se.identity.Load() == id && se.srv.endSession(se): // nobody logged on again meanwhile
		se.srv.log.Warn("smb: session ended", "user", id.caller.String(), "err", err)
		se.srv.expelUser(id.caller)
	}
}

// ask calls a recheck. It returns an error only if the caller isn't who he was, with the
// status that says so.
func (s *Server) ask(ctx context.Context, recheck func(context.Context) error) (st Status, err error) {
	s.guard("recheck", func() {
		if e := recheck(ctx); errors.As(e, &st) && st.IsError() {
			err = e
		} else {
			st = 0
		}
	})
	return st, err
}

// guard calls f, which calls others' code where no request is to blame for a panic.
func (s *Server) guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil { // of others' code, which must not end the process
			s.log.Error("smb: panic", "in", what, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// stuckAfter is how long one of many may take before the others go on without it.
const stuckAfter = 20 * time.Millisecond

// runAll returns when all of list, which close opens, are done. One that takes long, as
// when a request is stuck in a backend, doesn't keep the others waiting.
func (s *Server) runAll(list []func()) {
	var begun atomic.Int64
	work := func() {
		for i := begun.Add(1); i <= int64(len(list)); i = begun.Add(1) {
			s.guard("close", list[i-1])
		}
	}
	if len(list) <= 1 {
		work()
		return
	}
	var helpers sync.WaitGroup
	done := make(chan struct{})
	helpers.Go(func() {
		tick := time.NewTicker(stuckAfter)
		defer tick.Stop()
		for before := int64(0); before < int64(len(list)); {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			now := begun.Load()
			if now == before {
				helpers.Go(work)
			}
			before = now
		}
	})
	work()
	close(done)
	helpers.Wait()
}

// expire has the client log on again before it goes on.
func (se *session) expire(id *identity, why error) {
	now := time.Now()
	if !id.expires.IsZero() && now.After(id.expires) {
		return
	}
	expired := *id
	expired.expires = now.Add(-time.Nanosecond)
	if se.identity.CompareAndSwap(id, &expired) {
		se.srv.log.Info("smb: client has to log on again", "user", id.caller.String(), "err", why)
	}
}

// expelUser closes the opens that wait for a user who isn't to come back.
func (s *Server) expelUser(c *vfs.Caller) {
	for _, o := range s.handles.waiting() {
		if sameCaller(o.caller, c) {
			s.expel(o)
		}
	}
}

// CloseSessions implements srvsvc.SessionCloser. client is as Sessions told it, or
// without the port.
func (v rpcServer) CloseSessions(_ context.Context, client, user string) int {
	return v.s.EndSessions(func(s SessionInfo) bool {
		peer := addrString(s.Peer)
		host, _, err := net.SplitHostPort(peer)
		return (client == "" || client == peer || err == nil && client == host) &&
			(user == "" || strings.EqualFold(user, s.Caller.Name))
	})
}
