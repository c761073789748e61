package netlogon

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// newTestAttempt is a logon of EXAMPLE\alice by NTLMv2, to the server that the AV pairs
// name.
func newTestAttempt() *ntlm.Attempt {
	return &ntlm.Attempt{User: "alice", Domain: "EXAMPLE", SentUser: "alice", SentDomain: "EXAMPLE", Workstation: "PC",
		ServerChallenge: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, LMResponse: make([]byte, 24), NTResponse: v2Response("EXAMPLE", "FILES")}
}

func v2Response(domain, computer string) []byte {
	b := make([]byte, ntlmV2Pairs)
	b[16], b[17] = 1, 1
	for id, s := range map[uint16]string{avNbDomainName: domain, avNbComputerName: computer} {
		v := utf16le.Append(nil, s)
		b = binary.LittleEndian.AppendUint16(b, id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(v)))
		b = append(b, v...)
	}
	return append(b, 0, 0, 0, 0)
}

func TestLogon(t *testing.T) {
	dc := newFakeDC()
	a := newAccounts(t, dc)
	at := newTestAttempt()
	at.NTResponse = append(at.NTResponse, bytes.Repeat([]byte("x"), 5000)...) // more than one fragment
	on, err := a.Authenticate(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	want := vfs.Caller{Name: "alice", Domain: "EXAMPLE", SID: testSID + "-1103",
		Groups: []vfs.SID{testSID + "-513", testSID + "-1109", testSID + "-1111", "S-1-18-1"}}
	if on.Caller.String() != want.String() || on.Caller.SID != want.SID || !slices.Equal(on.Caller.Groups, want.Groups) {
		t.Errorf("%+v", on.Caller)
	}
	if on.SessionBaseKey != [16]byte{1, 2, 3} {
		t.Errorf("key %x", on.SessionBaseKey)
	}
	got := dc.logons[0]
	if got.user != "alice" || got.domain != "EXAMPLE" || got.workstation != "PC" || got.challenge != at.ServerChallenge ||
		!bytes.Equal(got.nt, at.NTResponse) || !bytes.Equal(got.lm, at.LMResponse) {
		t.Errorf("the controller saw %+v", got)
	}
	if dc.levels[0] != levelNetworkTransitive {
		t.Errorf("level %d", dc.levels[0])
	}
}

// TestNTLMv1 goes to the controller only if it is allowed, with the challenge that the
// client's response goes over.
func TestNTLMv1(t *testing.T) {
	dc := newFakeDC()
	dc.flags &^= negTransitive
	a := newAccounts(t, dc)
	at := newTestAttempt()
	at.NTResponse, at.ExtendedSessionSecurity = make([]byte, 24), true
	if _, err := a.Authenticate(t.Context(), at); !errors.Is(err, ntlm.ErrNTLMv1) || dc.sessions != 0 {
		t.Errorf("%v, %d sessions", err, dc.sessions)
	}
	at.NTLMv1 = true
	if _, err := a.Authenticate(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(append(at.ServerChallenge[:], at.LMResponse[:8]...))
	if got := dc.logons[0].challenge; got != [8]byte(sum[:8]) {
		t.Errorf("challenge %x", got)
	}
	if dc.levels[0] != levelNetwork {
		t.Errorf("level %d", dc.levels[0])
	}
}

// TestNotAsked has attempts that no controller hears of.
func TestNotAsked(t *testing.T) {
	dc := newFakeDC()
	a := newAccounts(t, dc)
	for name, c := range map[string]struct {
		change func(*ntlm.Attempt)
		want   error
	}{
		"local user":      {func(a *ntlm.Attempt) { a.Domain = "files" }, ntlm.ErrNoSuchUser},
		"no password":     {func(a *ntlm.Attempt) { a.NTResponse, a.LMResponse = nil, nil }, ntlm.ErrWrongPassword},
		"LM":              {func(a *ntlm.Attempt) { a.NTResponse, a.NTLMv1 = nil, true }, ntlm.ErrLM},
		"other server":    {func(a *ntlm.Attempt) { a.NTResponse = v2Response("EXAMPLE", "OTHER") }, ntlm.ErrTarget},
		"other domain":    {func(a *ntlm.Attempt) { a.NTResponse = v2Response("OTHER", "FILES") }, ntlm.ErrTarget},
		"endless name":    {func(a *ntlm.Attempt) { a.SentUser = strings.Repeat("x", 40000) }, ntlm.ErrMalformed},
		"endless respons": {func(a *ntlm.Attempt) { a.NTResponse = append(a.NTResponse, make([]byte, 70000)...) }, ntlm.ErrMalformed},
	} {
		at := newTestAttempt()
		c.change(at)
		if _, err := a.Authenticate(t.Context(), at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dc.sessions != 0 {
		t.Error("the controller was asked")
	}
}

// toldStatus is what the server would tell its client.
func toldStatus(err error) smb2.Status {
	st := smb2.StatusLogonFailure
	errors.As(err, &st)
	return st
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		status smb2.Status
		domain string
		loose  bool
		want   smb2.Status
		is     error
	}{
		{smb2.StatusWrongPassword, "EXAMPLE", false, smb2.StatusLogonFailure, ntlm.ErrWrongPassword},
		{smb2.StatusLogonFailure, "EXAMPLE", false, smb2.StatusLogonFailure, nil},
		{smb2.StatusNoSuchUser, "EXAMPLE", false, smb2.StatusLogonFailure, ntlm.ErrNoSuchUser},
		{smb2.StatusNoSuchUser, "example.COM", false, smb2.StatusLogonFailure, ntlm.ErrNoSuchUser},
		{smb2.StatusNoSuchUser, "", false, smb2.StatusLogonFailure, ntlm.ErrNoSuchUser},
		{smb2.StatusNoSuchUser, "EXAMPLE", true, smb2.StatusLogonFailure, nil},
		{smb2.StatusNoSuchUser, "OTHER", false, smb2.StatusLogonFailure, nil},
		{smb2.StatusAccountDisabled, "EXAMPLE", false, smb2.StatusAccountDisabled, ntlm.ErrDisabled},
		{smb2.StatusAccountLockedOut, "EXAMPLE", false, smb2.StatusAccountLockedOut, nil},
		{smb2.StatusAccountExpired, "EXAMPLE", false, smb2.StatusAccountExpired, nil},
		{smb2.StatusPasswordExpired, "EXAMPLE", false, smb2.StatusPasswordExpired, nil},
		{smb2.StatusPasswordMustChange, "EXAMPLE", false, smb2.StatusPasswordMustChange, nil},
		{smb2.StatusInvalidLogonHours, "EXAMPLE", false, smb2.StatusInvalidLogonHours, nil},
		{smb2.StatusNoLogonServers, "OTHER", false, smb2.StatusNoLogonServers, nil},
		{smb2.StatusAccessDenied, "EXAMPLE", false, smb2.StatusNoLogonServers, nil},
		{0xC0FFEE00, "EXAMPLE", false, smb2.StatusLogonFailure, nil},
	} {
		t.Run(fmt.Sprintf("%v/%s/%v", c.status, c.domain, c.loose), func(t *testing.T) {
			dc := newFakeDC()
			dc.status, dc.loose = c.status, c.loose
			at := newTestAttempt()
			at.Domain, at.SentDomain = c.domain, c.domain
			on, err := newAccounts(t, dc).Authenticate(t.Context(), at)
			if on != nil || err == nil || toldStatus(err) != c.want {
				t.Errorf("%v, %v", on, err)
			}
			if c.is != nil && !errors.Is(err, c.is) || c.is == nil && errors.Is(err, ntlm.ErrNoSuchUser) {
				t.Error(err)
			}
		})
	}
}

// misdeed is what a controller does that doesn't keep to what keeps the channel safe.
type misdeed struct {
	change func(*fakeDC)
	want   string // in the error
}

func misdeeds() map[string]misdeed {
	bad := aliceInfo()
	bad.userFlags = userIsGuest
	noSID := aliceInfo()
	noSID.domainSID = ""
	many := aliceInfo()
	many.groups = make([]group, maxGroups+1)
	return map[string]misdeed{
		"no AES":            {func(f *fakeDC) { f.flags &^= negAES }, "AES"},
		"no secure RPC":     {func(f *fakeDC) { f.flags &^= negSecureRPC }, "AES"},
		"other flags later": {func(f *fakeDC) { f.confirmed = negOffer &^ negTransitive }, "changed"},
		"zero challenge":    {func(f *fakeDC) { f.weak = true }, "not random"},
		"no proof":          {func(f *fakeDC) { f.badProof = true }, "doesn't know"},
		"unsealed":          {func(f *fakeDC) { f.unsealed = true }, "not signed"},
		"other password":    {func(f *fakeDC) { f.secret = ntlm.HashOf("x") }, "account FILES$; reset"},
		"no account":        {func(f *fakeDC) { f.authStatus = statusNoTrustSAMAccount }, "no machine account FILES$"},
		"other name":        {func(f *fakeDC) { f.authStatus = statusInvalidComputerName }, "Controller.Name"},
		"guest":             {func(f *fakeDC) { f.info = samInfoBytes(bad) }, "without saying whom"},
		"nobody":            {func(f *fakeDC) { f.info = samInfoBytes(noSID) }, "without saying whom"},
		"too many groups":   {func(f *fakeDC) { f.info = samInfoBytes(many) }, "bad stub"},
		"endless answer":    {func(f *fakeDC) { f.info = make([]byte, maxReply) }, "malformed"},
		"cut answer":        {func(f *fakeDC) { f.info = []byte{1} }, "bad stub"},
	}
}

func TestHostileController(t *testing.T) {
	for name, c := range misdeeds() {
		t.Run(name, func(t *testing.T) {
			dc := newFakeDC()
			c.change(dc)
			on, err := newAccounts(t, dc).Authenticate(t.Context(), newTestAttempt())
			if on != nil || err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ntlm.ErrNoSuchUser) {
				t.Errorf("%v, %v", on, err)
			}
			if len(dc.logons) > 0 && dc.info == nil {
				t.Error("the controller saw the logon")
			}
		})
	}
}

func samInfoBytes(s samInfo) []byte {
	var e ndr.Encoder
	encodeSamInfo4(&e, s)
	return e.Bytes()
}

// TestReconnect has the controller start anew between two logons.
func TestReconnect(t *testing.T) {
	dc := newFakeDC()
	a := newAccounts(t, dc)
	for range 3 {
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
			t.Fatal(err)
		}
		dc.restart()
	}
	if dc.sessions != 3 {
		t.Errorf("%d sessions", dc.sessions)
	}
	dc.change(func() { dc.down = true })
	_, err := a.Authenticate(t.Context(), newTestAttempt())
	if toldStatus(err) != smb2.StatusNoLogonServers || !strings.Contains(err.Error(), "dc1") {
		t.Error(err)
	}
}

// TestForgottenKey has a controller that keeps the connections but not the key: the
// logon goes over a new channel.
func TestForgottenKey(t *testing.T) {
	dc := newFakeDC()
	a := newAccounts(t, dc)
	if err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	dc.change(func() { dc.key = nil })
	a.channel.idle[0].close() // so that the next logon needs a connection
	if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
		t.Fatal(err)
	}
	if dc.sessions != 2 {
		t.Errorf("%d sessions", dc.sessions)
	}
}

func TestFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, hangs, up := newFakeDC(), newFakeDC(), newFakeDC()
		down.down, hangs.hang = true, true
		a := newAccounts(t, down, hangs, up)
		begin := time.Now()
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d > defaultTimeout/2+time.Second {
			t.Errorf("took %v", d)
		}
		// The controller hangs from now on: the logon ends in time, and the
		// next doesn't go to it.
		up.change(func() { up.hang = true })
		begin = time.Now()
		_, err := a.Authenticate(t.Context(), newTestAttempt())
		if d := time.Since(begin); toldStatus(err) != smb2.StatusNoLogonServers || d > defaultTimeout+time.Second {
			t.Errorf("%v after %v", err, d)
		}
		hangs.change(func() { hangs.hang = false })
		time.Sleep(failurePause) // all of them didn't answer
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
			t.Error(err)
		}
		a.Close()
		for _, dc := range []*fakeDC{down, hangs, up} {
			dc.restart()
		}
	})
}

// TestSilent has a controller that goes silent while there are more logons than it has connections:
// another one answers them all, also those that waited for a connection.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newFakeDC(), newFakeDC()
		a := newAccounts(t, first, second)
		if err := a.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		first.change(func() { first.hang = true })
		errs := make(chan error)
		begin := time.Now()
		for i := range 3 * maxConns {
			go func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				_, err := a.Authenticate(t.Context(), newTestAttempt())
				errs <- err
			}()
		}
		for range 3 * maxConns {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if d := time.Since(begin); d > defaultTimeout/2+time.Second {
			t.Errorf("took %v", d)
		}
		if first.sessions != 1 || second.sessions != 1 {
			t.Errorf("%d and %d sessions", first.sessions, second.sessions)
		}
		a.Close()
		first.restart()
		second.restart()
	})
}

// TestSlow has a controller that takes most of the time for an answer, as one does that has the user
// agree first, and one that has so much to do that some wait that long, but for each other.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dc := newFakeDC()
		a := newAccounts(t, dc)
		dc.delay = defaultTimeout * 2 / 3
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
			t.Error(err)
		}
		time.Sleep(defaultTimeout)

		before := dc.sessions
		dc.change(func() { dc.delay = time.Second })
		errs := make(chan error)
		for range 10 * maxConns {
			go func() {
				_, err := a.Authenticate(t.Context(), newTestAttempt())
				errs <- err
			}()
		}
		for range 10 * maxConns {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if dc.sessions != before {
			t.Errorf("%d channels for logons that waited for each other", dc.sessions-before)
		}
		a.Close()
		dc.restart()
		time.Sleep(time.Minute) // let the fake finish
	})
}

// TestNobodyThere has no controller: one try is made for many logons.
func TestNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dc := newFakeDC()
		dc.hang = true
		a := newAccounts(t, dc)
		begin := time.Now()
		errs := make(chan error)
		for range 50 {
			go func() {
				_, err := a.Authenticate(t.Context(), newTestAttempt())
				errs <- err
			}()
		}
		for range 50 {
			if err := <-errs; toldStatus(err) != smb2.StatusNoLogonServers {
				t.Error(err)
			}
		}
		if d := time.Since(begin); d > defaultTimeout+time.Second {
			t.Errorf("took %v", d)
		}
		// A client that goes away is waited for no longer.
		time.Sleep(2 * failurePause)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Authenticate(ctx, newTestAttempt()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(defaultTimeout)
		a.Close()
		dc.restart()
	})
}

func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dc := newFakeDC()
		dc.delay = 100 * time.Millisecond
		a := newAccounts(t, dc)
		errs := make(chan error)
		begin := time.Now()
		for range 40 {
			go func() {
				_, err := a.Authenticate(t.Context(), newTestAttempt())
				errs <- err
			}()
		}
		for range 40 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if d := time.Since(begin); d != 40/maxConns*dc.delay {
			t.Errorf("took %v", d)
		}
		if dc.sessions != 1 || dc.most != maxConns {
			t.Errorf("%d sessions, %d connections", dc.sessions, dc.most)
		}
		a.Close()
		synctest.Wait()
		if len(dc.conns) != 0 {
			t.Errorf("%d connections are left", len(dc.conns))
		}
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); toldStatus(err) != smb2.StatusNoLogonServers {
			t.Error(err)
		}
	})
}

func TestConfig(t *testing.T) {
	good := Config{Domain: "EXAMPLE", Computer: "FILES", Secret: Password("x"), Controllers: []Controller{{Name: "dc"}}}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"no domain":       func(c *Config) { c.Domain = "" },
		"DNS name":        func(c *Config) { c.Domain = "example.com" },
		"dollar":          func(c *Config) { c.Computer = "FILES$" },
		"long":            func(c *Config) { c.Computer = strings.Repeat("X", 16) },
		"not ASCII":       func(c *Config) { c.Computer = "DÄTEI" },
		"no secret":       func(c *Config) { c.Secret = nil },
		"controller \"\"": func(c *Config) { c.Controllers = []Controller{{Addr: "10.0.0.1"}} },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Error(name)
		}
	}
	a, err := New(Config{Domain: "EXAMPLE", Computer: "FILES", Secret: Password("x")})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "DNSDomain") {
		t.Error(err)
	}
}

// TestDomain checks that the domain's SID is learned from its users, and from no others.
func TestDomain(t *testing.T) {
	dc := newFakeDC()
	a := newAccounts(t, dc)
	logon := func(domain string, sid vfs.SID) smb.Domain {
		info := aliceInfo()
		info.domain, info.domainSID = domain, sid
		dc.change(func() { dc.info = samInfoBytes(info) })
		if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
			t.Fatal(err)
		}
		return a.Domain()
	}
	want := smb.Domain{Name: "EXAMPLE", DNSName: "example.com"}
	if got := a.Domain(); got != want {
		t.Errorf("before a logon: %+v", got)
	}
	if got := logon("TRUSTED", "S-1-5-21-9-9-9"); got != want {
		t.Errorf("after that of another domain's user: %+v", got)
	}
	want.SID = testSID
	if got := logon("Example", testSID); got != want {
		t.Errorf("%+v", got)
	}
}

func TestMechanism(t *testing.T) {
	m := newAccounts(t, newFakeDC()).Mechanism()
	if m.Domain != "EXAMPLE" || m.Host != "FILES" || m.DNSDomain != "example.com" || m.DNSHost != "files.example.com" || m.Accounts == nil {
		t.Errorf("%+v", m)
	}
}

// Who hangs up while a controller is asked costs others nothing.
func TestClientHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dc := newFakeDC()
		dc.delay = 100 * time.Millisecond
		a := newAccounts(t, dc)
		if err := a.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel) // it hangs up
			a.Authenticate(ctx, newTestAttempt())
			cancel()
			if _, err := a.Authenticate(t.Context(), newTestAttempt()); err != nil {
				t.Error(err)
			}
		}
		if dc.sessions != 1 {
			t.Errorf("%d channels were set up for 10 clients that hung up", dc.sessions)
		}
		a.Close()
		dc.restart()
		time.Sleep(time.Minute) // let the fake finish
	})
}
