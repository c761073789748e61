package smb

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc/samr"
	"github.com/gosmbd/smb/vfs"
)

// Who there is: what the account stores tell, put together for logons, descriptors and the
// RPC interfaces, so that all of them mean the same user by the same SID.

// directoryAge is how old what the stores told may get before they are asked again, or
// whether it is still so.
const directoryAge = 2 * time.Second

// directory is whom the account stores knew at one moment. It is immutable.
type directory struct {
	read    time.Time                 // or when it was still so
	version string                    // of the stores; empty: they can't tell
	byName  map[string]*vfs.Principal // by principalKey
	alone   map[string]*vfs.Principal // by the name without its domain, the first of each
	bySID   map[vfs.SID]*vfs.Principal
	account samr.Domain
	builtin samr.Domain
}

// principalKey is a name in a domain, without its case.
func (s *Server) principalKey(domain, name string) string {
	if strings.EqualFold(domain, s.accountDomain()) || strings.EqualFold(domain, s.name) {
		domain = ""
	}
	return strings.ToLower(domain) + `\` + strings.ToLower(name)
}

// accountDomain returns the name of the server as a domain: a NetBIOS name.
func (s *Server) accountDomain() string {
	name := strings.ToUpper(s.name)
	return name[:min(len(name), 15)]
}

// sources returns the account stores that can tell whom they know.
func (s *Server) sources() []vfs.Principals {
	if s.Principals != nil {
		return []vfs.Principals{s.Principals}
	}
	var list []vfs.Principals
	for _, m := range s.Mechanisms {
		if p, ok := m.(vfs.Principals); ok {
			list = append(list, p)
		}
	}
	return list
}

// listed yields everybody whom the stores know, with the SID made up of Server.SID and the
// number where there is none.
func (s *Server) listed(ctx context.Context) iter.Seq2[vfs.Principal, error] {
	return func(yield func(vfs.Principal, error) bool) {
		for _, source := range s.sources() {
			for p, err := range source.Principals(ctx) {
				p.Kind = cmp.Or(p.Kind, vfs.PrincipalUser)
				if p.SID == "" && p.RID != 0 {
					p.SID = ridSID(s.sid, p.RID)
				}
				if !yield(p, err) {
					return
				}
			}
		}
	}
}

// version returns a text that stays the same as long as the stores tell the same; empty if
// one of them can't tell.
func (s *Server) version(ctx context.Context) string {
	all := []byte("v")
	for _, source := range s.sources() {
		v, is := source.(vfs.VersionedPrincipals)
		if !is {
			return ""
		}
		text, ok := v.PrincipalsVersion(ctx)
		if !ok {
			return ""
		}
		all = strconv.AppendQuote(all, text)
	}
	return string(all)
}

// directory returns who there is. It may be as old as directoryAge, unless fresh is set.
func (s *Server) directory(ctx context.Context, fresh bool) (*directory, error) {
	d := s.people.Load()
	if d != nil && !fresh && time.Since(d.read) < directoryAge {
		return d, nil
	}
	now, version := time.Now(), s.version(ctx)
	if d != nil && version != "" && version == d.version {
		still := *d
		still.read = now
		s.people.Store(&still)
		return &still, nil
	}
	d, err := s.readDirectory(ctx)
	if err != nil {
		return nil, fmt.Errorf("smb: listing accounts: %w", err)
	}
	d.version = version // of before: what changed meanwhile is read again
	s.people.Store(d)
	return d, nil
}

// readDirectory asks the stores.
func (s *Server) readDirectory(ctx context.Context) (*directory, error) {
	d := &directory{
		read:   time.Now(),
		byName: make(map[string]*vfs.Principal), alone: make(map[string]*vfs.Principal), bySID: make(map[vfs.SID]*vfs.Principal),
	}
	var list []*vfs.Principal
	for p, err := range s.listed(ctx) {
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			continue
		case err != nil:
			return nil, err
		}
		key := s.principalKey(p.Domain, p.Name)
		if p.Name == "" || d.byName[key] != nil {
			continue
		}
		d.byName[key] = &p
		if name := strings.ToLower(p.Name); d.alone[name] == nil {
			d.alone[name] = &p
		}
		if p.SID == "" {
			p.SID = nameSID(p.Domain, p.Name)
		}
		if d.bySID[p.SID] == nil {
			d.bySID[p.SID] = &p
		}
		list = append(list, &p)
	}
	d.account = s.accountsOf(list)
	d.builtin = builtinOf(list, ridSID(s.sid, ridGuest))
	return d, nil
}

// identify returns caller with a SID, by which descriptors call him. One that the logon
// doesn't bring is that of the account store, or else made from the name, so that it is
// the same after a restart.
func (s *Server) identify(ctx context.Context, caller *vfs.Caller) (*vfs.Caller, error) {
	if caller.SID != "" {
		return caller, nil
	}
	c := *caller
	switch {
	case c.Anonymous:
		c.SID = vfs.SIDAnonymous
	case c.Guest:
		c.SID = vfs.SIDGuests
	default:
		p, err := s.findUser(ctx, &c)
		if err != nil {
			return nil, err
		}
		c.SID = nameSID(c.Domain, c.Name)
		if p != nil {
			c.SID = p.SID
		}
	}
	return &c, nil
}

// findUser returns what the account stores know of caller, nil if they don't know him. An
// old answer doesn't count for somebody who isn't in it: one who was added just now would
// have another SID than at his next logon.
func (s *Server) findUser(ctx context.Context, caller *vfs.Caller) (*vfs.Principal, error) {
	for _, fresh := range []bool{false, true} {
		d, err := s.directory(ctx, fresh)
		if err != nil {
			return nil, err
		}
		if p := d.byName[s.principalKey(caller.Domain, caller.Name)]; p != nil && p.Kind == vfs.PrincipalUser {
			return p, nil
		}
	}
	return nil, nil
}

// nameSID makes a SID from a name. The hash fills all four numbers, or somebody could choose
// a name that has the SID of another's.
func nameSID(domain, name string) vfs.SID {
	h := sha256.Sum256([]byte("SMB account\x00" + strings.ToLower(domain) + "\\" + strings.ToLower(name)))
	n := func(i int) uint32 { return binary.LittleEndian.Uint32(h[4*i:]) }
	// Small numbers at the end mean accounts that every machine has.
	return vfs.SID(fmt.Sprintf("S-1-5-21-%d-%d-%d-%d", n(0), n(1), n(2), n(3)|1<<31))
}

// serverSID returns the SID of the server as a domain: that which was set, or one that is
// made from its name.
func (s *Server) serverSID() (vfs.SID, error) {
	if s.SID == "" {
		h := sha256.Sum256([]byte("SMB server\x00" + strings.ToLower(s.name)))
		n := func(i int) uint32 { return binary.LittleEndian.Uint32(h[4*i:]) }
		return vfs.SID(fmt.Sprintf("S-1-5-21-%d-%d-%d", n(0), n(1), n(2))), nil
	}
	if !s.SID.Valid() || !strings.HasPrefix(string(s.SID), "S-1-5-21-") || strings.Count(string(s.SID), "-") != 6 {
		return "", fmt.Errorf("smb: Server.SID %q is not S-1-5-21-x-y-z", s.SID)
	}
	return s.SID, nil
}

// ridSID returns the SID of what has a number in a domain.
func ridSID(domain vfs.SID, rid uint32) vfs.SID { return vfs.SID(fmt.Sprintf("%s-%d", domain, rid)) }

// splitSID returns the domain of a SID and its last number.
func splitSID(sid vfs.SID) (domain vfs.SID, rid uint32, ok bool) {
	i := strings.LastIndexByte(string(sid), '-')
	if i < len("S-1-0") || !sid.Valid() {
		return "", 0, false
	}
	n, err := strconv.ParseUint(string(sid[i+1:]), 10, 32)
	return sid[:i], uint32(n), err == nil
}

// accountsOf returns the account domain of the server: whom the stores have under its SID,
// and what every machine has.
func (s *Server) accountsOf(list []*vfs.Principal) samr.Domain {
	d := samr.Domain{Name: s.accountDomain(), SID: s.sid, Comment: s.Comment}
	names, rids := make(map[string]bool), make(map[uint32]bool)
	add := func(p vfs.Principal) {
		name := strings.ToLower(p.Name)
		if names[name] || rids[p.RID] {
			return
		}
		names[name], rids[p.RID] = true, true
		d.Accounts = append(d.Accounts, samr.Account{Principal: p})
	}
	members := make(map[vfs.SID][]vfs.SID)
	for _, p := range list {
		domain, rid, ok := splitSID(p.SID)
		if !ok || domain != s.sid {
			continue
		}
		in := *p
		in.RID = rid
		add(in)
		if p.Kind != vfs.PrincipalUser {
			continue
		}
		members[ridSID(s.sid, ridUsers)] = append(members[ridSID(s.sid, ridUsers)], p.SID)
		for _, g := range p.Groups {
			members[g] = append(members[g], p.SID)
		}
	}
	for _, p := range everywhere {
		p.SID = ridSID(s.sid, p.RID)
		add(p)
	}
	for i := range d.Accounts {
		if a := &d.Accounts[i]; a.Kind != vfs.PrincipalUser {
			a.Members = members[a.SID]
		}
	}
	slices.SortFunc(d.Accounts, func(a, b samr.Account) int { return cmp.Compare(a.RID, b.RID) })
	return d
}

const (
	ridAdministrator = 500
	ridGuest         = 501
	ridUsers         = 513
)

// everywhere are the accounts that every machine has, [MS-SAMR] 3.1.4.2, and the group that
// users are in. Nobody logs on as these users, unless a store has them.
var everywhere = []vfs.Principal{
	{Kind: vfs.PrincipalUser, Name: "Administrator", RID: ridAdministrator, Disabled: true, Comment: "Built-in account for administering the server"},
	{Kind: vfs.PrincipalUser, Name: "Guest", RID: ridGuest, Disabled: true, Comment: "Built-in account for guest access to the server"},
	{Kind: vfs.PrincipalGroup, Name: "None", RID: ridUsers, Comment: "Ordinary users"},
}

// builtinOf returns the aliases that every machine has, with the members that the stores
// tell.
func builtinOf(list []*vfs.Principal, guest vfs.SID) samr.Domain {
	members := map[vfs.SID][]vfs.SID{
		vfs.SIDUsers:  {vfs.SIDAuthenticatedUsers},
		vfs.SIDGuests: {guest},
	}
	for _, p := range list {
		for _, g := range p.Groups {
			members[g] = append(members[g], p.SID)
		}
	}
	d := samr.Domain{Name: "Builtin", SID: builtinDomain.sid}
	for _, a := range builtinAliases {
		sid := ridSID(builtinDomain.sid, a.rid)
		d.Accounts = append(d.Accounts, samr.Account{
			Principal: vfs.Principal{Kind: vfs.PrincipalAlias, Name: a.name, Domain: builtinDomain.name, SID: sid, RID: a.rid, Comment: a.comment},
			Members:   members[sid],
		})
	}
	return d
}
