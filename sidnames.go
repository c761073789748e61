package smb

import (
	"context"
	"os/user"
	"runtime"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/dcerpc/lsarpc"
	"github.com/gosmbd/smb/vfs"
)

// SIDs to names and names to SIDs, in one place. What is looked at, in this order: what
// means the same everywhere, the server itself, whom the account stores know, who is logged
// on (a user of a domain that no store lists), and the users and groups of the machine, by
// the SIDs that Samba has for them.

// maxUnixLookups bounds how often one call asks the machine, which reads a file each time.
const maxUnixLookups = 256

// translation is a call that translates.
type translation struct {
	s      *Server
	dir    *directory
	joined Domain
	unix   int // how often the machine may be asked yet

	// Who is logged on: made when somebody isn't found elsewhere.
	callersBySID  map[vfs.SID]*vfs.Caller
	callersByName map[string]*vfs.Caller // by principalKey
	callersAlone  map[string]*vfs.Caller // by the name without its domain
}

func (s *Server) newTranslation(ctx context.Context) (*translation, error) {
	d, err := s.directory(ctx, false)
	if err != nil {
		return nil, err
	}
	return &translation{s: s, dir: d, joined: s.joined(), unix: maxUnixLookups}, nil
}

// domains are those that can be named themselves.
func (t *translation) domains() []sidDomain {
	list := []sidDomain{
		builtinDomain, {"S-1-5", ntAuthority}, {t.s.sid, t.s.accountDomain()},
		unixUserDomain, unixGroupDomain, {"S-1-16", labels},
	}
	if t.joined.SID != "" {
		list = append(list, sidDomain{t.joined.SID, t.joined.Name})
	}
	return list
}

// of returns the translation of somebody with a SID and a name.
func (t *translation) of(kind vfs.PrincipalKind, sid vfs.SID, domain, name string) lsarpc.Name {
	n := lsarpc.Name{Kind: kind, Name: name, SID: sid, Domain: domain}
	n.DomainSID, _, _ = splitSID(sid)
	for _, d := range t.domains() {
		if d.sid == n.DomainSID && d.name != ntAuthority {
			n.Domain = d.name
			return n
		}
	}
	if n.Domain == "" && kind != vfs.PrincipalWellKnown {
		n.Domain = t.s.accountDomain()
	}
	return n
}

// domainName is the translation of a domain itself.
func domainName(d sidDomain) lsarpc.Name {
	return lsarpc.Name{Kind: vfs.PrincipalDomain, Name: d.name, SID: d.sid, Domain: d.name, DomainSID: d.sid}
}

// nameOf translates a SID.
func (t *translation) nameOf(sid vfs.SID) lsarpc.Name {
	for _, w := range wellKnown {
		if w.sid == sid {
			return t.of(w.kind, sid, w.domain, w.name)
		}
	}
	for _, d := range t.domains() {
		if d.sid == sid {
			return domainName(d)
		}
	}
	for i := range t.dir.builtin.Accounts {
		if a := &t.dir.builtin.Accounts[i]; a.SID == sid {
			return t.of(a.Kind, sid, a.Domain, a.Name)
		}
	}
	if p := t.dir.bySID[sid]; p != nil {
		return t.of(p.Kind, sid, p.Domain, p.Name)
	}
	for _, p := range everywhere {
		if ridSID(t.s.sid, p.RID) == sid {
			return t.of(p.Kind, sid, "", p.Name)
		}
	}
	t.loadCallers()
	if c := t.callersBySID[sid]; c != nil {
		return t.of(vfs.PrincipalUser, sid, c.Domain, c.Name)
	}
	if id, group, ok := sid.UnixID(); ok {
		if name, ok := t.unixName(id, group); ok {
			return t.of(unixKind(group), sid, "", name)
		}
	}
	return t.unknown(sid)
}

// unknown is the translation of a SID that has none, with its domain if that is known.
func (t *translation) unknown(sid vfs.SID) lsarpc.Name {
	n := lsarpc.Name{Kind: vfs.PrincipalUnknown, SID: sid}
	domain, _, _ := splitSID(sid)
	for _, d := range t.domains() {
		if d.sid == domain {
			n.Domain, n.DomainSID = d.name, d.sid
		}
	}
	return n
}

// sidOf translates a name: NAME, DOMAIN\NAME, NAME@DOMAIN or DOMAIN.
func (t *translation) sidOf(text string) lsarpc.Name {
	if text == "" {
		return domainName(builtinDomain) // as Windows has it
	}
	domain, name, qualified := strings.Cut(text, `\`)
	if !qualified {
		domain, name = "", text
		if n, d, ok := strings.Cut(text, "@"); ok {
			if whole, ok := t.find("", text, false); ok {
				return whole // an account may be called so
			}
			domain, name, qualified = d, n, true
		}
	}
	for _, d := range t.domains() {
		if !qualified && strings.EqualFold(name, d.name) || qualified && name == "" && strings.EqualFold(domain, d.name) {
			return domainName(d)
		}
	}
	if n, ok := t.find(domain, name, qualified); ok {
		return n
	}
	n := lsarpc.Name{Kind: vfs.PrincipalUnknown}
	for _, d := range t.domains() {
		if qualified && strings.EqualFold(domain, d.name) {
			n.Domain, n.DomainSID = d.name, d.sid
		}
	}
	return n
}

// find looks for somebody by name; an unqualified one may be in any domain.
func (t *translation) find(domain, name string, qualified bool) (lsarpc.Name, bool) {
	in := func(d string) bool { return !qualified || strings.EqualFold(d, domain) }
	for _, w := range wellKnown {
		if strings.EqualFold(w.name, name) && in(w.domain) {
			return t.of(w.kind, w.sid, w.domain, w.name), true
		}
	}
	for i := range t.dir.builtin.Accounts {
		if a := &t.dir.builtin.Accounts[i]; strings.EqualFold(a.Name, name) && in(a.Domain) {
			return t.of(a.Kind, a.SID, a.Domain, a.Name), true
		}
	}
	key := t.s.principalKey(domain, name)
	p := t.dir.byName[key]
	if p == nil && !qualified {
		p = t.dir.alone[strings.ToLower(name)]
	}
	if p != nil {
		return t.of(p.Kind, p.SID, p.Domain, p.Name), true
	}
	for _, p := range everywhere {
		if strings.EqualFold(p.Name, name) && key == t.s.principalKey("", name) {
			return t.of(p.Kind, ridSID(t.s.sid, p.RID), "", p.Name), true
		}
	}
	t.loadCallers()
	c := t.callersByName[key]
	if c == nil && !qualified {
		c = t.callersAlone[strings.ToLower(name)]
	}
	if c != nil {
		return t.of(vfs.PrincipalUser, c.SID, c.Domain, c.Name), true
	}
	switch {
	case strings.EqualFold(domain, unixUserDomain.name):
		return t.unixSID(name, false)
	case strings.EqualFold(domain, unixGroupDomain.name):
		return t.unixSID(name, true)
	}
	return lsarpc.Name{}, false
}

// loadCallers makes the index of who is logged on.
func (t *translation) loadCallers() {
	if t.callersBySID != nil {
		return
	}
	t.callersBySID = make(map[vfs.SID]*vfs.Caller)
	t.callersByName, t.callersAlone = make(map[string]*vfs.Caller), make(map[string]*vfs.Caller)
	for _, se := range t.s.allSessions() {
		id := se.identity.Load()
		if id == nil || id.caller.Guest || id.caller.Anonymous {
			continue
		}
		t.callersBySID[id.caller.SID] = id.caller
		t.callersByName[t.s.principalKey(id.caller.Domain, id.caller.Name)] = id.caller
		name := strings.ToLower(id.caller.Name)
		if other := t.callersAlone[name]; other == nil || id.caller.String() < other.String() {
			t.callersAlone[name] = id.caller
		}
	}
}

func unixKind(group bool) vfs.PrincipalKind {
	if group {
		return vfs.PrincipalGroup
	}
	return vfs.PrincipalUser
}

// mayAskUnix reports whether the machine has users with numbers, and may be asked once
// more.
func (t *translation) mayAskUnix() bool {
	t.unix--
	return runtime.GOOS != "windows" && t.unix >= 0
}

// unixName returns what the machine calls the user, or group, with that number.
func (t *translation) unixName(id uint32, group bool) (string, bool) {
	if !t.mayAskUnix() {
		return "", false
	}
	text := strconv.FormatUint(uint64(id), 10)
	if group {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", false
		}
		return g.Name, true
	}
	u, err := user.LookupId(text)
	if err != nil {
		return "", false
	}
	return u.Username, true
}

// unixSID translates the name of a user, or group, of the machine.
func (t *translation) unixSID(name string, group bool) (lsarpc.Name, bool) {
	if !t.mayAskUnix() {
		return lsarpc.Name{}, false
	}
	var text string
	if group {
		g, err := user.LookupGroup(name)
		if err != nil {
			return lsarpc.Name{}, false
		}
		text = g.Gid
	} else {
		u, err := user.Lookup(name)
		if err != nil {
			return lsarpc.Name{}, false
		}
		text = u.Uid
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return lsarpc.Name{}, false
	}
	sid := vfs.UnixUserSID(uint32(id))
	if group {
		sid = vfs.UnixGroupSID(uint32(id))
	}
	return t.of(unixKind(group), sid, "", name), true
}
