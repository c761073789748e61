package smb

import (
	"context"
	"slices"
	"sync"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// pipeLogons are the logons for RPC that succeeded, each until its pipe is closed: a
// security context can't be taken from a client otherwise.
type pipeLogons struct {
	mu   sync.Mutex
	list map[*open][]pipeLogon
}

// pipeLogon is one of them. It is immutable.
type pipeLogon struct {
	caller  *vfs.Caller
	recheck func(context.Context) error // nil: he stays who he is
}

func (p *pipeLogons) add(o *open, l *rpcLogon) {
	x := pipeLogon{caller: l.caller}
	if r, ok := l.logon.result().(Rechecker); ok {
		x.recheck = r.Recheck
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list == nil {
		p.list = make(map[*open][]pipeLogon)
	}
	p.list[o] = append(p.list[o], x)
}

// drop forgets the logons of a pipe that is closed.
func (p *pipeLogons) drop(o *open) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.list, o)
}

// all returns a copy.
func (p *pipeLogons) all() map[*open][]pipeLogon {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[*open][]pipeLogon, len(p.list))
	for o, list := range p.list {
		all[o] = slices.Clone(list)
	}
	return all
}

// endPipes is EndSessions for logons on pipes.
func (s *Server) endPipes(end func(SessionInfo) bool) int {
	n := 0
	for o, logons := range s.pipeLogons.all() {
		info, ok := o.session().info()
		for _, l := range logons {
			info.Caller = l.caller
			if ok && end(info) && s.endPipe(o) {
				s.log.Info("smb: logon on a pipe ended by an administrator", "user", l.caller.String(), "peer", addrString(info.Peer))
				n++
			}
		}
	}
	return n
}

// recheckPipes asks the mechanisms whether those who logged on on pipes are still who they
// were.
func (s *Server) recheckPipes() {
	for o, logons := range s.pipeLogons.all() {
		for _, l := range logons {
			if s.isClosed() {
				return
			}
			if l.recheck == nil {
				continue
			}
			ctx := vfs.WithCaller(o.session().context(), l.caller)
			if _, err := s.ask(ctx, l.recheck); err != nil && s.endPipe(o) {
				s.log.Warn("smb: logon on a pipe ended", "user", l.caller.String(), "err", err)
			}
		}
	}
}

// endPipe closes a pipe without its client having asked; false: it was closed before. It
// doesn't wait for requests, of which the one that this is for may be one.
func (s *Server) endPipe(o *open) bool {
	if !s.beginEnding() {
		return false
	}
	if !o.session().takeOpen(o) {
		s.wg.Done()
		return false
	}
	o.cancelWaits(smb2.StatusFileClosed)
	go func() {
		defer s.wg.Done()
		o.close()
	}()
	return true
}
