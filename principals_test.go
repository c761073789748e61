package smb_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc/dssetup"
	"github.com/gosmbd/smb/dcerpc/lsarpc"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// people is an account store of a test; a principal without a name stands for an error.
type people struct {
	mu   sync.Mutex
	list []vfs.Principal
	err  error
}

func (p *people) Principals(context.Context) iter.Seq2[vfs.Principal, error] {
	p.mu.Lock()
	list, err := slices.Clone(p.list), p.err
	p.mu.Unlock()
	return func(yield func(vfs.Principal, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
		if err != nil {
			yield(vfs.Principal{}, err)
		}
	}
}

func (p *people) set(err error, list ...vfs.Principal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list, p.err = list, err
}

const machineSID vfs.SID = "S-1-5-21-11-22-33"

// newPeopleRig starts a server whose share tells who connects to it.
func newPeopleRig(t *testing.T, p *people) (r *rig, last func() *vfs.Caller) {
	var mu sync.Mutex
	var caller *vfs.Caller
	r = newRig(t, func(s *smb.Server) {
		s.SID, s.Principals, s.Logger = machineSID, p, quiet()
		s.Shares.(smb.Shares)["s"].Allow = func(_ context.Context, c *vfs.Caller) (vfs.Access, error) {
			mu.Lock()
			defer mu.Unlock()
			caller = c
			return vfs.AccessFull, nil
		}
	})
	return r, func() *vfs.Caller {
		mu.Lock()
		defer mu.Unlock()
		return caller
	}
}

// nameOf translates one SID.
func nameOf(t *testing.T, s *smb.Server, sid vfs.SID) string {
	t.Helper()
	names, err := s.Accounts().NamesOf(t.Context(), []vfs.SID{sid})
	if err != nil {
		t.Fatal(err)
	}
	if k := names[0].Kind; k == 0 || k == vfs.PrincipalUnknown {
		return ""
	}
	return names[0].Domain + `\` + names[0].Name
}

// sidOf translates one name.
func sidOf(t *testing.T, s *smb.Server, name string) vfs.SID {
	t.Helper()
	sids, err := s.Accounts().SIDsOf(t.Context(), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	return sids[0].SID
}

// TestOneSIDForAll checks that a logon, samr and lsarpc mean the same user by the same SID.
func TestOneSIDForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &people{list: []vfs.Principal{{Name: "ann", RID: 1001, Groups: []vfs.SID{machineSID + "-2000", vfs.SIDAdministrators}}, {Kind: vfs.PrincipalGroup, Name: "staff", RID: 2000}}}
		r, last := newPeopleRig(t, p)
		r.as("ann", password)
		if got := last().SID; got != machineSID+"-1001" {
			t.Fatalf("ann logged on as %s", got)
		}
		if got := nameOf(t, r.srv, machineSID+"-1001"); got != `SERVER\ann` {
			t.Errorf("her SID is that of %q", got)
		}
		for _, name := range []string{"ann", "ANN", `SERVER\ann`, `server\Ann`, "ann@server"} {
			if got := sidOf(t, r.srv, name); got != machineSID+"-1001" {
				t.Errorf("%q is %q", name, got)
			}
		}
		account, builtin, err := r.srv.Accounts().Domains(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[string][]vfs.SID)
		for _, a := range append(account.Accounts, builtin.Accounts...) {
			found[a.Name] = a.Members
			if a.Name == "ann" && (a.RID != 1001 || a.SID != machineSID+"-1001") {
				t.Errorf("samr lists ann as %d, %s", a.RID, a.SID)
			}
		}
		for name, want := range map[string]int{"ann": 0, "Guest": 0, "staff": 1, "None": 1, "Administrators": 1, "Users": 1, "Power Users": 0} {
			if members, ok := found[name]; !ok || len(members) != want {
				t.Errorf("%s: listed %v, members %v", name, ok, members)
			}
		}
	})
}

// TestUnlistedCaller checks that a user whom no store lists has a name as long as he is
// logged on, and a SID that doesn't change.
func TestUnlistedCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, last := newPeopleRig(t, &people{})
		c := r.as("bob", password+"!")
		sid := last().SID
		if got := nameOf(t, r.srv, sid); got != `SERVER\bob` || sidOf(t, r.srv, "bob") != sid {
			t.Errorf("%s is %q, bob %q", sid, got, sidOf(t, r.srv, "bob"))
		}
		c.Logoff()
		synctest.Wait()
		if got := nameOf(t, r.srv, sid); got != "" {
			t.Errorf("%s is %q after logoff", sid, got)
		}
		r.as("bob", password+"!")
		if last().SID != sid {
			t.Errorf("bob came back as %s, was %s", last().SID, sid)
		}
	})
}

// TestAccountMadeJustNow checks that a user who was added a moment ago gets the SID that he
// will have always, and that others are looked for in what is known of a moment ago.
func TestAccountMadeJustNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &people{list: []vfs.Principal{{Name: "ann", RID: 1001}}}
		r, last := newPeopleRig(t, p)
		r.as("ann", password)
		p.set(nil, vfs.Principal{Name: "ann", RID: 1001}, vfs.Principal{Name: "bob", RID: 1002})
		r.as("bob", password+"!")
		if got := last().SID; got != machineSID+"-1002" {
			t.Errorf("bob logged on as %s", got)
		}
		p.set(nil)
		if got := nameOf(t, r.srv, machineSID+"-1002"); got != `SERVER\bob` {
			t.Errorf("bob was forgotten at once: %q", got)
		}
		time.Sleep(3 * time.Second)
		if got := nameOf(t, r.srv, machineSID+"-1001"); got != `SERVER\ann` { // logged on
			t.Errorf("ann is %q", got)
		}
		if got := nameOf(t, r.srv, machineSID+"-1003"); got != "" {
			t.Errorf("nobody is %q", got)
		}
	})
}

// versioned is people that notice when they change.
type versioned struct {
	people
	version string // empty: can't tell
	listed  int
}

func (v *versioned) Principals(ctx context.Context) iter.Seq2[vfs.Principal, error] {
	v.listed++
	return v.people.Principals(ctx)
}

func (v *versioned) PrincipalsVersion(context.Context) (string, bool) {
	return v.version, v.version != ""
}

// TestVersionedStore checks that a store is listed again when it changed, and only then.
func TestVersionedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &versioned{version: "1"}
		v.set(nil, vfs.Principal{Name: "ann", RID: 1001})
		s := &smb.Server{SID: machineSID, Principals: v, Logger: quiet()}
		defer s.Close()
		identify := func(name string, want vfs.SID, listed int) {
			t.Helper()
			c, err := s.Identify(t.Context(), &vfs.Caller{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.SID; want != "" && got != want || want == "" && strings.HasPrefix(string(got), string(machineSID)) {
				t.Errorf("%s has the SID %s", name, got)
			}
			if v.listed != listed {
				t.Errorf("listed %d times, want %d", v.listed, listed)
			}
		}
		identify("stranger", "", 1)
		identify("stranger", "", 1)
		time.Sleep(time.Minute)
		identify("stranger", "", 1)
		identify("ann", machineSID+"-1001", 1)
		v.set(nil, vfs.Principal{Name: "stranger", RID: 1002})
		v.version = "2"
		identify("stranger", machineSID+"-1002", 2)
		identify("ann", "", 2)
		v.version = ""
		identify("ann", "", 3)
		identify("ann", "", 4)
		v.version = "2" // but what was listed last may be of another
		identify("ann", "", 5)
		identify("ann", "", 5)
	})
}

// TestStoreFails checks that nobody logs on under another SID because the store can't tell.
func TestStoreFails(t *testing.T) {
	p := &people{err: errors.New("out of order")}
	r, last := newPeopleRig(t, p)
	c := r.dialect(smb.Dialect311, smbtest.NegotiateOptions{})
	if _, st := c.SessionSetup("ann", password); st == ok {
		t.Error("logged on while the account store failed")
	}
	if _, err := r.srv.Accounts().NamesOf(t.Context(), []vfs.SID{"S-1-1-0"}); err == nil {
		t.Error("no error from the account store")
	}
	p.set(errors.ErrUnsupported)
	r.as("ann", password)
	if last().SID == "" {
		t.Error("no SID from a store that can't tell")
	}
}

// TestDomainsAreNotMixed checks that a user of another domain isn't taken for the one of
// that name here.
func TestDomainsAreNotMixed(t *testing.T) {
	p := &people{list: []vfs.Principal{{Name: "ann", RID: 1001}, {Name: "bob", Domain: "CORP", SID: "S-1-5-21-7-7-7-1002"}}}
	r, last := newPeopleRig(t, p)
	r.srv.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{"ann": {Password: password, Domain: "CORP"}, "bob": {Password: password, Domain: "CORP"}})}
	r.as("ann", password)
	if got := last().SID; got == machineSID+"-1001" {
		t.Error(`CORP\ann has the SID of the server's own ann`)
	}
	r.as("bob", password)
	if got := last().SID; got != "S-1-5-21-7-7-7-1002" {
		t.Errorf(`CORP\bob logged on as %s`, got)
	}
	if got := nameOf(t, r.srv, "S-1-5-21-7-7-7-1002"); got != `CORP\bob` {
		t.Errorf("named %q", got)
	}
	if got := sidOf(t, r.srv, `corp\BOB`); got != "S-1-5-21-7-7-7-1002" {
		t.Errorf("found as %q", got)
	}
}

// TestWellKnownNames translates all that have the same name everywhere, there and back.
func TestWellKnownNames(t *testing.T) {
	r, _ := newPeopleRig(t, &people{})
	for _, sid := range smb.WellKnownSIDs() {
		names, err := r.srv.Accounts().NamesOf(t.Context(), []vfs.SID{sid})
		if err != nil || !names[0].SID.Valid() || !names[0].DomainSID.Valid() {
			t.Fatalf("%s: %+v, %v", sid, names[0], err)
		}
		name := names[0].Name
		if got := sidOf(t, r.srv, name); got != sid {
			t.Errorf("%s is %q, which is %q", sid, name, got)
		}
		if names[0].Domain != "" && names[0].Kind != vfs.PrincipalDomain {
			name = names[0].Domain + `\` + name
		}
		if got := sidOf(t, r.srv, name); got != sid {
			t.Errorf("%s is %q, which is %q", sid, name, got)
		}
	}
}

// TestNameForms translates names as clients may write them, and SIDs that there are none of.
func TestNameForms(t *testing.T) {
	r, _ := newPeopleRig(t, &people{})
	for name, want := range map[string]vfs.SID{
		"": "S-1-5-32", `BUILTIN\`: "S-1-5-32", `builtin\users`: vfs.SIDUsers, "server": machineSID, `NT AUTHORITY\BOGUS`: "",
		`SERVER\Everyone`: "", "everyone@nowhere": "", `\Everyone`: vfs.SIDEveryone, `nowhere\`: "", "nobody-at-all": "", `BUILTIN\SYSTEM`: "",
		`SERVER\Guest`: machineSID + "-501", `Unix User\`: "S-1-22-1",
	} {
		if got := sidOf(t, r.srv, name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	names, err := r.srv.Accounts().NamesOf(t.Context(), []vfs.SID{machineSID + "-4711", "S-1-5-21-1-2-3-4", "S-1-22-1-4000000000"})
	if err != nil || names[0].DomainSID != machineSID || names[1].DomainSID != "" || names[2].Domain != "Unix User" {
		t.Errorf("unknown SIDs: %+v, %v", names, err)
	}
	if runtime.GOOS == "linux" {
		if got := nameOf(t, r.srv, vfs.UnixUserSID(0)); got != `Unix User\root` || sidOf(t, r.srv, got) != vfs.UnixUserSID(0) {
			t.Errorf("user 0 is %q, who is %q", got, sidOf(t, r.srv, got))
		}
		if got := nameOf(t, r.srv, vfs.UnixGroupSID(0)); sidOf(t, r.srv, got) != vfs.UnixGroupSID(0) {
			t.Errorf("group 0 is %q, which is %q", got, sidOf(t, r.srv, got))
		}
	}
}

// TestServerSID checks what the server is as a domain.
func TestServerSID(t *testing.T) {
	sid := func(name string) vfs.SID {
		s := &smb.Server{Name: name, Logger: quiet()}
		defer s.Close()
		return s.Accounts().Policy(t.Context()).SID
	}
	if a, b, c := sid("one"), sid("ONE"), sid("two"); a != b || a == c || !a.Valid() {
		t.Errorf("SIDs of servers: %s, %s, %s", a, b, c)
	}
	for _, bad := range []vfs.SID{"S-1-5-21-1-2", "S-1-5-21-1-2-3-4", "S-1-5-32", "nonsense"} {
		s := &smb.Server{SID: bad, Logger: quiet()}
		_, conn := net.Pipe()
		if err := s.ServeConn(t.Context(), conn); err == nil || errors.Is(err, smb.ErrServerClosed) {
			t.Errorf("served as %q: %v", bad, err)
		}
		s.Close()
	}
}

// TestJoined checks what a server tells of the domain that it is in.
func TestJoined(t *testing.T) {
	const sid vfs.SID = "S-1-5-21-7-8-9"
	var domain smb.Domain
	r, _ := newPeopleRig(t, &people{})
	r.srv.Domain = func() smb.Domain { return domain }
	for _, tc := range []struct {
		is   smb.Domain
		want lsarpc.Policy
		role dssetup.Role
	}{
		{},
		{smb.Domain{DNSName: "corp.example", SID: sid}, lsarpc.Policy{}, dssetup.Role{}}, // without a name there is none
		{smb.Domain{Name: "CORP", DNSName: "corp.example", SID: sid},
			lsarpc.Policy{Domain: "CORP", DNSDomain: "corp.example", Forest: "corp.example", DomainSID: sid},
			dssetup.Role{Domain: "CORP", DNSDomain: "corp.example", Forest: "corp.example", Member: true}},
		{smb.Domain{Name: "CORP", Forest: "example", SID: "nonsense"},
			lsarpc.Policy{Domain: "CORP", Forest: "example"}, dssetup.Role{Domain: "CORP", Forest: "example", Member: true}},
	} {
		domain = tc.is
		tc.want.Name, tc.want.SID = "SERVER", machineSID
		a := r.srv.Accounts()
		if got := a.Policy(t.Context()); got != tc.want {
			t.Errorf("%+v: %+v", tc.is, got)
		}
		if got := a.Role(t.Context()); got != tc.role {
			t.Errorf("%+v: %+v", tc.is, got)
		}
		if got, want := sidOf(t, r.srv, "corp"), tc.want.DomainSID; got != want {
			t.Errorf("%+v: the domain has the SID %q", tc.is, got)
		}
		names, err := a.NamesOf(t.Context(), []vfs.SID{sid + "-1234"})
		if err != nil || tc.want.DomainSID != "" && names[0].Domain != "CORP" || names[0].Kind != vfs.PrincipalUnknown {
			t.Errorf("%+v: %+v %v", tc.is, names, err)
		}
	}
}

// TestPipesOfAccounts opens the pipes over SMB, as a user.
func TestPipesOfAccounts(t *testing.T) {
	r, _ := newPeopleRig(t, &people{})
	c := r.as("ann", password)
	r.tree(c, "IPC$")
	for _, name := range []string{"samr", "LSARPC"} {
		r.create(c, smbtest.CreateReq(name, smb2.Open))
	}
}

// TestNamesOfEverywhere checks that a user who is called like an account that every machine
// has isn't taken for it.
func TestNamesOfEverywhere(t *testing.T) {
	p := &people{list: []vfs.Principal{{Name: "Guest"}}}
	r, last := newPeopleRig(t, p)
	r.srv.Mechanisms = []smb.Mechanism{ntlm.New(ntlm.Static{"guest": {Password: password}, "administrator": {Password: password}})}
	for _, name := range []string{"guest", "administrator"} {
		r.as(name, password)
		if got := last().SID; got == machineSID+"-500" || got == machineSID+"-501" {
			t.Errorf("%s logged on as %s", name, got)
		}
	}
	p.set(nil, vfs.Principal{Name: "Administrator", RID: 500}, vfs.Principal{Name: "ann@example.com", RID: 1001}, vfs.Principal{Name: "eve", Domain: "CORP", SID: "S-1-5-21-7-7-7-1003"})
	r.as("administrator", password)
	if got := last().SID; got != machineSID+"-500" {
		t.Errorf("administrator logged on as %s", got)
	}
	if got := sidOf(t, r.srv, "ann@example.com"); got != machineSID+"-1001" {
		t.Errorf("ann@example.com is %q", got)
	}
	if got := sidOf(t, r.srv, "Eve"); got != "S-1-5-21-7-7-7-1003" {
		t.Errorf("eve is %q", got)
	}
}
