package ntlm

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/ntlmclient"
	"github.com/gosmbd/smb/internal/spnego"
	"github.com/gosmbd/smb/internal/utf16le"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	table = Static{
		"Alice":             {Password: "s3cret", SID: "S-1-5-21-1-2-3-1000"},
		"bob@example.org":   {Hash: HashOf("hunter2")},
		"jürgen":            {Password: "pässwörd"},
		"closed":            {Password: "s3cret", Disabled: true},
		"blank":             {},
		"blankhash":         {Hash: HashOf("")},
		"twin":              {Password: "a"},
		"TWIN":              {Password: "b"},
		"tennis@club@earth": {Password: "s3cret"},
	}
)

// logon has a client log on to m, without SPNEGO. edit may change its last
// message.
func logon(t *testing.T, m *Mechanism, c *ntlmclient.Client, edit func([]byte) []byte) (smb.Acceptor, []byte, error) {
	t.Helper()
	if m.Logger == nil {
		m.Logger = quiet
	}
	a := m.Accept(t.Context(), nil)
	ch, done, err := a.Step(t.Context(), c.Negotiate())
	if err != nil || done {
		t.Fatalf("negotiate: done %v, %v", done, err)
	}
	msg, key, err := c.Authenticate(ch)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		msg = edit(msg)
	}
	_, done, err = a.Step(t.Context(), msg)
	if done != (err == nil) {
		t.Errorf("done %v with error %v", done, err)
	}
	if err != nil && (a.Caller() != nil || a.SessionKey() != nil) {
		t.Error("a refused logon has a caller or a key")
	}
	return a, key, err
}

func TestLogon(t *testing.T) {
	none, hunter := "", [16]byte(HashOf("hunter2"))
	for name, tc := range map[string]struct {
		client ntlmclient.Client
		want   string
	}{
		"plain":               {ntlmclient.Client{User: "alice", Domain: "WORKGROUP", Password: "s3cret"}, "Alice"},
		"no domain":           {ntlmclient.Client{User: "ALICE", Password: "s3cret"}, "Alice"},
		"domain not hashed":   {ntlmclient.Client{User: "alice", Domain: "PC", HashDomain: &none, Password: "s3cret"}, "Alice"},
		"backslash":           {ntlmclient.Client{User: `PC\alice`, Password: "s3cret"}, "Alice"},
		"dot":                 {ntlmclient.Client{User: `.\alice`, Password: "s3cret"}, "Alice"},
		"dot domain":          {ntlmclient.Client{User: `alice`, Domain: ".", Password: "s3cret"}, "Alice"},
		"at":                  {ntlmclient.Client{User: `alice@pc.local`, Password: "s3cret"}, "Alice"},
		"e-mail as name":      {ntlmclient.Client{User: `bob@example.org`, Hash: &hunter}, "bob@example.org"},
		"two at":              {ntlmclient.Client{User: `tennis@club@earth`, Password: "s3cret"}, "tennis@club@earth"},
		"umlauts":             {ntlmclient.Client{User: `JÜRGEN`, Domain: "größe", Password: "pässwörd"}, "jürgen"},
		"exact case":          {ntlmclient.Client{User: `TWIN`, Password: "b"}, "TWIN"},
		"no MIC":              {ntlmclient.Client{User: "alice", Password: "s3cret", NoMIC: true}, "Alice"},
		"no key exchange":     {ntlmclient.Client{User: "alice", Password: "s3cret", Flags: 0xA2088237}, "Alice"},
		"no signing":          {ntlmclient.Client{User: "alice", Password: "s3cret", Flags: 0xE2088207}, "Alice"},
		"56 bits":             {ntlmclient.Client{User: "alice", Password: "s3cret", Flags: 0xC2088237}, "Alice"},
		"OEM character set":   {ntlmclient.Client{User: "alice", Password: "s3cret", Flags: 0xE2088236}, "Alice"},
		"workstation, target": {ntlmclient.Client{User: "alice", Password: "s3cret", Workstation: "PC", TargetName: "cifs/x"}, "Alice"},
	} {
		t.Run(name, func(t *testing.T) {
			a, key, err := logon(t, New(table), &tc.client, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Caller().Name; got != tc.want || a.Caller().Guest || a.Caller().Anonymous {
				t.Errorf("caller is %q, want %q", got, tc.want)
			}
			if !bytes.Equal(key, a.SessionKey()) || len(key) != 16 {
				t.Errorf("client has key % x, server % x", key, a.SessionKey())
			}
			if tc.client.Flags&0x30 == 0 && tc.client.Flags != 0 {
				return
			}
			mic, err := a.MIC([]byte("list"))
			if err != nil || !tc.client.VerifyMIC([]byte("list"), mic) {
				t.Errorf("server's MIC % x does not verify, %v", mic, err)
			}
			if err := a.VerifyMIC([]byte("list"), tc.client.MIC([]byte("list"))); err != nil {
				t.Errorf("client's MIC: %v", err)
			}
			if err := a.VerifyMIC([]byte("tsil"), tc.client.MIC([]byte("list"))); err == nil {
				t.Error("a MIC of another message verifies")
			}
		})
	}
}

func TestLogonRefused(t *testing.T) {
	alice := ntlmclient.Client{User: "alice", Password: "s3cret"}
	set := func(at int, v ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], v); return b }
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 1; return b }
	}
	for name, tc := range map[string]struct {
		client ntlmclient.Client
		edit   func([]byte) []byte
		want   error
	}{
		"wrong password":  {ntlmclient.Client{User: "alice", Password: "S3cret"}, nil, ErrWrongPassword},
		"unknown user":    {ntlmclient.Client{User: "mallory", Password: "s3cret"}, nil, ErrNoSuchUser},
		"ambiguous name":  {ntlmclient.Client{User: "Twin", Password: "a"}, nil, ErrNoSuchUser},
		"disabled":        {ntlmclient.Client{User: "closed", Password: "s3cret"}, nil, ErrDisabled},
		"disabled, wrong": {ntlmclient.Client{User: "closed", Password: "x"}, nil, ErrWrongPassword},
		"no secret":       {ntlmclient.Client{User: "blank", Hash: new([16]byte)}, nil, ErrNoSecret},
		"empty password":  {ntlmclient.Client{User: "blankhash"}, nil, ErrNoSecret},
		"anonymous":       {ntlmclient.Client{}, nil, ErrAnonymous},
		"MIC":             {alice, flip(72), ErrMIC},
		"MIC covers names": {ntlmclient.Client{User: "alice", Password: "s3cret", Workstation: "ZQ"},
			func(b []byte) []byte { return bytes.Replace(b, []byte("Z\x00Q\x00"), []byte("Z\x00X\x00"), 1) }, ErrMIC},
		"version changed":         {alice, flip(64), ErrMIC},
		"flags changed":           {alice, flip(60 + 3), ErrMIC},
		"MIC flag stripped":       {alice, func(b []byte) []byte { return bytes.Replace(b, []byte{6, 0, 4, 0, 2}, []byte{6, 0, 4, 0, 0}, 1) }, ErrWrongPassword},
		"offset beyond the end":   {alice, set(24, 0xff, 0xff, 0xff, 0xff), ErrMalformed},
		"offset in the header":    {alice, set(24, 0, 0, 0, 0), ErrMalformed},
		"length beyond the end":   {alice, set(20, 0xff, 0xff), ErrMalformed},
		"odd user name":           {alice, set(36, 3), ErrMalformed},
		"no NT response":          {alice, set(20, 0, 0), ErrNTLMv1},
		"short NT response":       {alice, set(20, 8, 0), ErrMalformed},
		"short session key":       {alice, set(52, 8, 0), ErrMalformed},
		"no session key":          {alice, set(52, 0, 0), ErrMalformed},
		"other message type":      {alice, set(8, 1), ErrMalformed},
		"truncated":               {alice, func(b []byte) []byte { return b[:63] }, ErrMalformed},
		"empty":                   {alice, func([]byte) []byte { return nil }, ErrMalformed},
		"name, but no responses":  {alice, func(b []byte) []byte { clear(b[12:28]); return b }, ErrWrongPassword},
		"name too long":           {ntlmclient.Client{User: strings.Repeat("a", 300), Password: "x"}, nil, ErrMalformed},
		"empty name, with secret": {ntlmclient.Client{User: "", Password: "x"}, nil, ErrNoSuchUser},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := logon(t, New(table), &tc.client, tc.edit)
			if !errors.Is(err, tc.want) {
				t.Errorf("error is %v, want %v", err, tc.want)
			}
			var le *LogonError
			if errors.As(err, &le) && le.LogonUser() != strings.ToLower(tc.client.User) {
				t.Errorf("LogonUser is %q", le.LogonUser())
			}
		})
	}
}

// TestNobody shows that the zero Mechanism lets nobody in, and one whose
// Accounts is careless neither.
func TestNobody(t *testing.T) {
	careless := accountsFunc(func(*Attempt) (*Logon, error) { return nil, nil })
	nameless := accountsFunc(func(*Attempt) (*Logon, error) { return &Logon{SessionBaseKey: [16]byte{1}}, nil })
	keyless := accountsFunc(func(*Attempt) (*Logon, error) {
		l := &Logon{}
		l.Caller.Name = "root"
		return l, nil
	})
	for _, m := range []*Mechanism{{}, New(careless), New(nameless), New(keyless)} {
		for _, c := range []ntlmclient.Client{{}, {User: "root", Password: ""}, {User: "guest", Password: "x"}} {
			if c.User != "" {
				h := [16]byte(HashOf(c.Password))
				c.Hash = &h
			}
			if _, _, err := logon(t, m, &c, nil); err == nil {
				t.Errorf("%q got in", c.User)
			}
		}
	}
}

type accountsFunc func(*Attempt) (*Logon, error)

func (f accountsFunc) Authenticate(_ context.Context, a *Attempt) (*Logon, error) { return f(a) }

func TestGuestAndAnonymous(t *testing.T) {
	m := New(table)
	m.Guest, m.Anonymous = true, true
	a, _, err := logon(t, m, &ntlmclient.Client{User: "nobody", Password: "x"}, nil)
	if err != nil || !a.Caller().Guest || a.SessionKey() != nil {
		t.Errorf("guest: %v, %v", a.Caller(), err)
	}
	if _, err := a.MIC(nil); !errors.Is(err, spnego.ErrNoMIC) {
		t.Errorf("guest's MIC: %v", err)
	}
	if _, _, err := logon(t, m, &ntlmclient.Client{User: "alice", Password: "x"}, nil); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong password gives %v", err)
	}
	bare := func(b []byte) []byte { clear(b[12:28]); return b } // a name without responses
	if a, _, err = logon(t, m, &ntlmclient.Client{User: "nobody", Password: "x"}, bare); err != nil || !a.Caller().Guest {
		t.Errorf("guest without a password: %v", err)
	}
	if _, _, err := logon(t, m, &ntlmclient.Client{User: "alice", Password: "s3cret"}, bare); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a user without a password: %v", err)
	}
	for _, user := range []string{"closed", "blank"} {
		if _, _, err := logon(t, m, &ntlmclient.Client{User: user, Password: "s3cret"}, nil); err == nil {
			t.Errorf("%s got in as guest", user)
		}
	}
	a, _, err = logon(t, m, &ntlmclient.Client{}, nil)
	if err != nil || !a.Caller().Anonymous || a.Caller().Guest || a.SessionKey() != nil {
		t.Errorf("anonymous: %v, %v", a.Caller(), err)
	}
	a, _, err = logon(t, m, &ntlmclient.Client{}, func(b []byte) []byte { b[12] = 0; return b }) // LM of no bytes
	if err != nil || !a.Caller().Anonymous {
		t.Errorf("anonymous without LM response: %v, %v", a.Caller(), err)
	}
}

func TestSequence(t *testing.T) {
	m, c := New(table), &ntlmclient.Client{User: "alice", Password: "s3cret"}
	a := m.Accept(t.Context(), nil)
	ch, _, _ := a.Step(t.Context(), c.Negotiate())
	msg, _, err := c.Authenticate(ch)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Accept(t.Context(), nil).Step(t.Context(), msg); err == nil {
		t.Error("an AUTHENTICATE_MESSAGE came first")
	}
	b := m.Accept(t.Context(), nil)
	if _, _, err := b.Step(t.Context(), c.Negotiate()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Step(t.Context(), msg); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a replayed message gives %v", err)
	}
	if _, _, err := b.Step(t.Context(), msg); !errors.Is(err, errSequence) {
		t.Errorf("a second try gives %v", err)
	}
	if _, _, err := a.Step(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if _, done, err := a.Step(t.Context(), msg); done || !errors.Is(err, errSequence) {
		t.Errorf("a message after the last gives %v", err)
	}
}

// rewrite replaces both responses in a message of ntlmclient by ones of 24
// bytes, and cuts the flags that NTLMv1 has no use for.
func rewrite(c *ntlmclient.Client, f flags, lm, nt []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		head, data := bytes.Clone(b[:64]), []byte{}
		for i, item := range [][]byte{lm, nt, utf16le.Append(nil, c.Domain), utf16le.Append(nil, c.User), nil, nil} {
			copy(head[12+8*i:], appendFields(nil, len(item), 64+len(data)))
			data = append(data, item...)
		}
		binary.LittleEndian.PutUint32(head[60:], uint32(f))
		return append(head, data...)
	}
}

func TestNTLMv1(t *testing.T) {
	nonce := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	nt := HashOf("s3cret")
	lm := append([]byte("clientch"), make([]byte, 16)...)
	plain, err1 := responseV1(nt, nonce, nil, false)
	extended, err2 := responseV1(nt, nonce, lm, true)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	proof := proofV2(ntowfv2(nt, "alice", "DOM"), nonce, []byte("clientch"))
	lmv2 := append(proof[:], "clientch"...)
	for name, tc := range map[string]struct {
		flags  flags
		lm, nt []byte
	}{
		"NTLMv1":   {0x00008201, plain[:], plain[:]},
		"extended": {0x00088201, lm, extended[:]},
		"LMv2":     {0x00088201, lmv2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := &ntlmclient.Client{User: "alice", Domain: "DOM", Password: "x"}
			user := Static{"alice": {Password: "s3cret"}}
			m := New(user)
			m.nonce = func() ([8]byte, error) { return nonce, nil }
			if _, _, err := logon(t, m, c, rewrite(c, tc.flags, tc.lm, tc.nt)); !errors.Is(err, ErrNTLMv1) {
				t.Errorf("by default: %v", err)
			}
			m.NTLMv1 = true
			a, _, err := logon(t, m, c, rewrite(c, tc.flags, tc.lm, tc.nt))
			if err != nil || len(a.SessionKey()) != 16 {
				t.Errorf("opted in: %v", err)
			}
			bad := func(b []byte) []byte { b = rewrite(c, tc.flags, tc.lm, tc.nt)(b); b[65] ^= 1; b[89] ^= 1; return b }
			if _, _, err := logon(t, m, c, bad); err == nil {
				t.Error("a wrong response got in")
			}
			m.NTLMv1 = false
			user["alice"] = User{Password: "s3cret", NTLMv1: true}
			if _, _, err := logon(t, m, c, rewrite(c, tc.flags, tc.lm, tc.nt)); err != nil {
				t.Errorf("for one user: %v", err)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	good := ntlmclient.Client{User: "alice", Password: "s3cret", TargetName: "CIFS/files.example.org:445"}
	other := ntlmclient.Client{User: "alice", Password: "s3cret", TargetName: "cifs/elsewhere"}
	noMIC := ntlmclient.Client{User: "alice", Password: "s3cret", NoMIC: true}
	for i, tc := range []struct {
		mic, target Check
		client      ntlmclient.Client
		want        error
		logged      bool
	}{
		{CheckOff, CheckOff, other, nil, false},
		{CheckOff, CheckAudit, good, nil, false},
		{CheckOff, CheckAudit, other, nil, true},
		{CheckOff, CheckRequire, good, nil, false},
		{CheckOff, CheckRequire, other, ErrTarget, false},
		{CheckOff, CheckRequire, noMIC, ErrTarget, false},
		{CheckAudit, CheckOff, noMIC, nil, true},
		{CheckRequire, CheckOff, noMIC, ErrMIC, false},
		{CheckRequire, CheckOff, good, nil, false},
	} {
		var log bytes.Buffer
		m := &Mechanism{Accounts: table, RequireMIC: tc.mic, RequireTarget: tc.target,
			Host: "FILES", DNSHost: "files.example.org", Logger: slog.New(slog.NewJSONHandler(&log, nil))}
		if _, _, err := logon(t, m, &tc.client, nil); !errors.Is(err, tc.want) {
			t.Errorf("%d: error is %v, want %v", i, err, tc.want)
		}
		if (log.Len() > 0) != tc.logged {
			t.Errorf("%d: log is %q", i, log.String())
		}
	}
}

func TestChallenge(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	m := &Mechanism{Domain: "DOM", Host: "HOST", DNSDomain: "example.org", DNSHost: "host.example.org"}
	m.now = func() time.Time { return when }
	c := &ntlmclient.Client{}
	b, _, err := m.Accept(t.Context(), nil).Step(t.Context(), c.Negotiate())
	if err != nil {
		t.Fatal(err)
	}
	ch, err := ntlmclient.ParseChallenge(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint32(0xE28A8235); ch.Flags != want {
		t.Errorf("flags %#x, want %#x", ch.Flags, want)
	}
	for id, want := range map[uint16]string{avNbDomainName: "DOM", avNbComputerName: "HOST",
		avDNSDomainName: "example.org", avDNSComputerName: "host.example.org"} {
		if got, _ := utf16le.Decode(ch.AV[id]); got != want {
			t.Errorf("AV pair %d is %q, want %q", id, got, want)
		}
	}
	if got := fileTime(binary.LittleEndian.Uint64(ch.AV[avTimestamp])); !got.Equal(when) {
		t.Errorf("time is %v, want %v", got, when)
	}
	for _, f := range []flags{0, flagSign | flagNTLM} {
		c := &ntlmclient.Client{Flags: uint32(f | 4)}
		if _, _, err := m.Accept(t.Context(), nil).Step(t.Context(), c.Negotiate()); err == nil {
			t.Errorf("flags %#x without a character set are accepted", f)
		}
	}
	if _, _, err := m.Accept(t.Context(), nil).Step(t.Context(), (&ntlmclient.Client{}).Negotiate()[:16]); err != nil {
		t.Errorf("a message of 16 bytes: %v", err)
	}
	m.nonce = func() ([8]byte, error) { return [8]byte{}, errors.New("no entropy") }
	if _, _, err := m.Accept(t.Context(), nil).Step(t.Context(), c.Negotiate()); err == nil {
		t.Error("a failing random source is ignored")
	}
}

// TestSPNEGO logs on through the whole of SPNEGO, as smbclient does.
func TestSPNEGO(t *testing.T) {
	other := asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	for name, tc := range map[string]struct {
		mechs   []asn1.ObjectIdentifier
		sendMIC bool
		breakIt bool
		want    error
	}{
		"first, MIC":          {[]asn1.ObjectIdentifier{oid}, true, false, nil},
		"first, no MIC":       {[]asn1.ObjectIdentifier{oid}, false, false, nil},
		"first, bad MIC":      {[]asn1.ObjectIdentifier{oid}, true, true, errSignature},
		"not first, MIC":      {[]asn1.ObjectIdentifier{other, oid}, true, false, nil},
		"not first, no MIC":   {[]asn1.ObjectIdentifier{other, oid}, false, false, spnego.ErrMissingMIC},
		"nothing in common":   {[]asn1.ObjectIdentifier{other}, false, false, spnego.ErrNoMech},
		"no mechanism listed": {nil, false, false, spnego.ErrNoMech},
	} {
		t.Run(name, func(t *testing.T) {
			m := New(table)
			c := &ntlmclient.Client{User: "alice", Password: "s3cret"}
			a := spnego.NewAcceptor([]spnego.Mech{{OID: oid, Start: func() spnego.Inner { return m.Accept(t.Context(), nil) }}})
			err := dialogue(t, a, c, tc.mechs, tc.sendMIC, tc.breakIt)
			if !errors.Is(err, tc.want) {
				t.Errorf("error is %v, want %v", err, tc.want)
			}
		})
	}
}

func dialogue(t *testing.T, a *spnego.Acceptor, c *ntlmclient.Client, mechs []asn1.ObjectIdentifier, sendMIC, breakIt bool) error {
	t.Helper()
	init := spnego.NegTokenInit{Mechs: mechs, MechToken: []byte("optimism")}
	first := len(mechs) > 0 && mechs[0].Equal(oid)
	if first {
		init.MechToken = c.Negotiate()
	}
	reply, _, err := a.Step(t.Context(), init.Append(nil))
	if err != nil {
		return err
	}
	_, resp, _ := spnego.Parse(reply)
	if !resp.SupportedMech.Equal(oid) {
		t.Errorf("mechanism is %v", resp.SupportedMech)
	}
	if !first {
		if resp.State != spnego.RequestMIC {
			t.Errorf("state is %d, want request-mic", resp.State)
		}
		if reply, _, err = a.Step(t.Context(), spnego.NegTokenResp{ResponseToken: c.Negotiate()}.Append(nil)); err != nil {
			return err
		}
		_, resp, _ = spnego.Parse(reply)
	}
	msg, _, err := c.Authenticate(resp.ResponseToken)
	if err != nil {
		t.Fatal(err)
	}
	last := spnego.NegTokenResp{State: spnego.AcceptIncomplete, ResponseToken: msg}
	if sendMIC {
		last.MechListMIC = c.MIC(spnego.MechList(mechs))
	}
	if breakIt {
		last.MechListMIC[5] ^= 1
	}
	reply, done, err := a.Step(t.Context(), last.Append(nil))
	if err != nil {
		return err
	}
	_, resp, _ = spnego.Parse(reply)
	if !done || resp.State != spnego.AcceptCompleted {
		t.Errorf("done %v, state %d", done, resp.State)
	}
	if sendMIC != (resp.MechListMIC != nil) || sendMIC && !c.VerifyMIC(spnego.MechList(mechs), resp.MechListMIC) {
		t.Errorf("server's mechListMIC is % x", resp.MechListMIC)
	}
	return nil
}

// TestNoSecretsShown prints what holds secrets in every way there is.
func TestNoSecretsShown(t *testing.T) {
	h := HashOf("s3cret")
	u := User{Password: "s3cret", Hash: h}
	a := &Attempt{SentUser: "alice", NTResponse: []byte("s3cret"), LMResponse: []byte("s3cret")}
	l := &Logon{SessionBaseKey: h}
	var out bytes.Buffer
	for _, v := range []any{h, &h, u, &u, Static{"a": u}, []Hash{h}, a, *a, l, *l, []*Attempt{a}, []Logon{*l}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	for _, secret := range []string{"s3cret", "733363726574", "czNjcmV0", "115 51", "115,51", fmt.Sprintf("%x", h[:]), fmt.Sprint(h[:3])[1:8]} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown in %s", secret, out.String())
		}
	}
}
