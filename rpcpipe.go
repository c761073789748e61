package smb

import (
	"maps"
	"slices"
	"strings"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/epmapper"
	"github.com/gosmbd/smb/dcerpc/mgmt"
)

// maxPipes is about how many pipes a session may have open, as many as with Samba.
const maxPipes = 2048

// hasManyPipes reports whether se may open no more pipes.
func (se *session) hasManyPipes() bool {
	se.mu.RLock()
	defer se.mu.RUnlock()
	if len(se.opens) < maxPipes {
		return false
	}
	n := 0
	for _, o := range se.opens {
		if o.pipe != nil {
			n++
		}
	}
	return n >= maxPipes
}

// pipeMemory is how much pipes may hold, apart from what Memory has for requests under way:
// a quarter of it, but enough for the largest call.
func (l *Limits) pipeMemory() int { return max(l.Memory/4, 4<<20) }

// aliases are names that Windows gives further pipes to the interfaces of others, which
// are of one process there.
var aliases = map[string][]string{"lsass": {"lsarpc", "samr"}, "netlogon": {"lsarpc"}}

// pipe returns the interfaces that the pipe called name offers; nil: there is none.
func (s *Server) pipe(name string) []dcerpc.Interface {
	ifaces := s.services(name)
	if name == epmapper.PipeName {
		ifaces = []dcerpc.Interface{epmapper.Interface(s.endpoints)}
	}
	if ifaces == nil {
		return nil
	}
	return append(ifaces, mgmt.Interface(&s.rpc, ifaces, s.principal))
}

// services returns what the pipe called name is for.
func (s *Server) services(name string) []dcerpc.Interface {
	if of := pipes[name]; of != nil {
		return of(s)
	}
	var ifaces []dcerpc.Interface
	for _, other := range aliases[name] {
		if of := pipes[other]; of != nil {
			ifaces = append(ifaces, of(s)...)
		}
	}
	return ifaces
}

// endpoints lists the interfaces of all pipes, for the endpoint mapper.
func (s *Server) endpoints() []epmapper.Endpoint {
	var list []epmapper.Endpoint
	names := slices.AppendSeq(slices.Collect(maps.Keys(pipes)), maps.Keys(aliases))
	slices.Sort(names)
	for _, name := range names {
		for _, f := range s.services(name) {
			list = append(list, epmapper.Endpoint{UUID: f.UUID, Major: f.Major, Minor: f.Minor, Host: s.name, Pipe: name})
		}
	}
	return list
}

// principal is the name that the server goes by with a security provider, "" if that
// isn't served.
func (s *Server) principal(provider uint8) string {
	switch {
	case provider == dcerpc.AuthSPNEGO && len(s.Mechanisms) > 0:
	case slices.ContainsFunc(s.Mechanisms, func(m Mechanism) bool {
		return slices.ContainsFunc(providers[provider], m.OID().Equal)
	}):
	default:
		return ""
	}
	return "host/" + strings.ToLower(s.name)
}
