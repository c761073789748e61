package krb

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/iana/addrtype"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// expirer is what the server asks an acceptor for besides smb.Acceptor.
type expirer interface{ Expires() time.Time }

func TestLogon(t *testing.T) {
	for etype, e := range enctypes {
		t.Run(e.name, func(t *testing.T) {
			k := newTestKey(etype, 0x11)
			m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k), testEntry([]string{"host", "x"}, 1, newTestKey(aes256, 1)))
			m.RC4 = true
			c := newClient(k)
			a, reply, done, err := attempt(t, m, c.token(t))
			if err != nil || !done {
				t.Fatal(done, err)
			}
			if got := a.Caller().String(); got != `EXAMPLE.COM\ann` {
				t.Errorf("caller is %s", got)
			}
			if u, ok := a.(interface{ Unguessable() bool }); !ok || !u.Unguessable() {
				t.Error("guesses of passwords may refuse tickets")
			}
			if !a.(expirer).Expires().Equal(c.ticket.EndTime) {
				t.Errorf("ends %v", a.(expirer).Expires())
			}
			part := c.readReply(t, reply)
			if !part.CTime.Equal(testTime) || part.Cusec != 7 || part.SequenceNumber <= 0 {
				t.Errorf("reply is %v %v %v", part.CTime, part.Cusec, part.SequenceNumber)
			}
			want := key{part.Subkey.KeyType, part.Subkey.KeyValue}
			if etype == etypeID.RC4_HMAC {
				want = c.subkey()
			}
			if !bytes.Equal(a.SessionKey(), want.value) || len(want.value) != e.keyLen {
				t.Error("not the session key")
			}
			// The client's MIC, and ours, which the client must not take for its own.
			own, err := a.MIC([]byte("list"))
			if err != nil || a.VerifyMIC([]byte("list"), own) == nil {
				t.Errorf("our own MIC verifies, or %v", err)
			}
			var mic []byte
			if want.rc4() {
				mic, err = rc4MIC(want, 1234, false, []byte("list"))
			} else {
				mic, err = aesMIC(want, micOwnKey, 1234, usageInitiatorSign, []byte("list"))
			}
			if err != nil || a.VerifyMIC([]byte("list"), mic) != nil {
				t.Errorf("the client's MIC doesn't verify: %v", err)
			}
			if a.VerifyMIC([]byte("other"), mic) == nil || a.VerifyMIC([]byte("list"), mic[:len(mic)-1]) == nil || a.VerifyMIC([]byte("list"), nil) == nil {
				t.Error("a wrong MIC verifies")
			}
		})
	}
}

// TestKeys is which key the session gets, RFC 4121 section 2.
func TestKeys(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	c.flags = 0
	a, reply, done, err := attempt(t, m, c.token(t))
	if err != nil || !done || reply != nil || !bytes.Equal(a.SessionKey(), c.subkey().value) {
		t.Errorf("without mutual authentication: done %v, %v, % x", done, err, reply)
	}
	c.auth.SubKey = types.EncryptionKey{}
	a, _, done, err = attempt(t, m, c.token(t))
	if err != nil || !done || !bytes.Equal(a.SessionKey(), c.tktKey.value) {
		t.Errorf("without a subkey: done %v, %v", done, err)
	}
	c.checksum = false
	c.auth.Cksum = types.Checksum{}
	if _, reply, done, err = attempt(t, m, c.token(t)); err != nil || !done || reply != nil {
		t.Errorf("without a checksum: done %v, %v", done, err)
	}
}

func TestRaw(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	for _, f := range []framing{{oid}, {oidMS}, {}} {
		c.framing = f
		token := c.token(t)
		if m.IsRaw(token) != (f.mech != nil) {
			t.Errorf("%v: IsRaw is %v", f.mech, m.IsRaw(token))
		}
		_, reply, _, err := attempt(t, m, token)
		if err != nil {
			t.Fatal(f.mech, err)
		}
		c.readReply(t, reply)
	}
	if m.IsRaw([]byte("NTLMSSP\x00")) {
		t.Error("NTLM is Kerberos")
	}
}

// TestDCE is the exchange of three legs.
func TestDCE(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	third := func(c *client, seq int64) []byte {
		plain := must(asn1.Marshal(apRepPart{CTime: testTime, Seq: seq}))
		sealed := must(c.tktKey.encrypt(asn1tools.AddASNAppTag(plain, asnAppTag.EncAPRepPart), usageAPRep))
		return asn1tools.AddASNAppTag(must(asn1.Marshal(messages.APRep{PVNO: 5, MsgType: 15, EncPart: sealed})), asnAppTag.APREP)
	}
	for _, off := range []int64{0, 1} {
		c := newClient(k)
		c.framing, c.flags = framing{}, uint32(flagMutual|flagDCE)
		a, reply, done, err := attempt(t, m, c.token(t))
		if err != nil || done || a.Caller() != nil || a.SessionKey() != nil {
			t.Fatal(done, err)
		}
		part := c.readReply(t, reply)
		reply, done, err = a.Step(t.Context(), third(c, part.SequenceNumber+off))
		if done != (off == 0) || (err == nil) != (off == 0) || reply != nil || (a.Caller() != nil) != done {
			t.Errorf("third leg with %d too much: done %v, %v", off, done, err)
		}
		if _, done, err := a.Step(t.Context(), third(c, part.SequenceNumber)); done || err == nil {
			t.Error("a fourth leg is taken")
		}
	}
	c := newClient(k)
	c.flags = uint32(flagDCE)
	if _, _, _, err := attempt(t, m, c.token(t)); err == nil {
		t.Error("DCE without mutual authentication is taken")
	}
}

// refusals are logons that fail. Code is what the client is told; 0: nothing.
var refusals = []struct {
	name   string
	change func(*Mechanism, *client)
	want   error
	code   int32
	text   string // in the log line
}{
	{"clock ahead", func(_ *Mechanism, c *client) { c.auth.CTime = testTime.Add(10 * time.Minute) }, ErrSkew, errorcode.KRB_AP_ERR_SKEW, "10m0s ahead of"},
	{"clock behind", func(_ *Mechanism, c *client) { c.auth.CTime = testTime.Add(-6 * time.Minute) }, ErrSkew, errorcode.KRB_AP_ERR_SKEW, "6m0s behind"},
	{"small skew", func(m *Mechanism, c *client) {
		m.MaxSkew = time.Second
		c.auth.CTime = testTime.Add(2 * time.Second)
	}, ErrSkew, errorcode.KRB_AP_ERR_SKEW, "may be by 1s"},
	{"expired", func(_ *Mechanism, c *client) { c.ticket.EndTime = testTime.Add(-time.Hour) }, ErrExpired, errorcode.KRB_AP_ERR_TKT_EXPIRED, "ended 1h0m0s ago"},
	{"not yet", func(_ *Mechanism, c *client) { c.ticket.StartTime = testTime.Add(time.Hour) }, ErrNotYet, errorcode.KRB_AP_ERR_TKT_NYV, "begins in 1h0m0s"},
	{"not yet, without a start", func(_ *Mechanism, c *client) {
		c.ticket.StartTime = time.Time{}
		c.ticket.AuthTime = testTime.Add(time.Hour)
	}, ErrNotYet, errorcode.KRB_AP_ERR_TKT_NYV, ""},
	{"invalid", func(_ *Mechanism, c *client) { types.SetFlag(&c.ticket.Flags, flags.Invalid) }, ErrNotYet, errorcode.KRB_AP_ERR_TKT_NYV, "postdated"},
	{"wrong key", func(_ *Mechanism, c *client) { c.serviceKey = newTestKey(aes256, 0x12); c.kvno = 4 }, ErrWrongKey, errorcode.KRB_AP_ERR_MODIFIED,
		"kvno 4 and etype 18 (aes256-cts-hmac-sha1-96), of which the keytab has kvno 3: export the keytab again"},
	{"no key", func(_ *Mechanism, c *client) { c.serviceKey = newTestKey(etypeID.AES128_CTS_HMAC_SHA1_96, 0x11) }, ErrNoKey, errorcode.KRB_AP_ERR_NOKEY,
		"kvno 3 and etype 17 (aes128-cts-hmac-sha1-96): export the keytab again"},
	{"other realm", func(_ *Mechanism, c *client) { c.realm = "EXAMPLE.NET" }, ErrNoKey, errorcode.KRB_AP_ERR_NOKEY, "files.example.com@EXAMPLE.NET"},
	{"RC4", func(_ *Mechanism, c *client) { c.serviceKey = newTestKey(etypeID.RC4_HMAC, 0x11) }, ErrWeak, errorcode.KRB_AP_ERR_NOKEY, "Mechanism.RC4"},
	{"RC4 session key", func(_ *Mechanism, c *client) {
		c.tktKey = newTestKey(etypeID.RC4_HMAC, 1)
		c.ticket.Key = c.tktKey.lib()
	}, ErrWeak, errorcode.KRB_AP_ERR_NOKEY, "session key"},
	{"RC4 subkey", func(_ *Mechanism, c *client) { c.auth.SubKey = newTestKey(etypeID.RC4_HMAC, 1).lib() }, ErrWeak, errorcode.KRB_AP_ERR_NOKEY, "client's key"},
	{"short subkey", func(_ *Mechanism, c *client) { c.auth.SubKey.KeyValue = c.auth.SubKey.KeyValue[:5] }, ErrWeak, errorcode.KRB_AP_ERR_NOKEY, ""},
	{"short session key", func(_ *Mechanism, c *client) { c.ticket.Key.KeyValue = c.ticket.Key.KeyValue[:5] }, ErrWeak, errorcode.KRB_AP_ERR_NOKEY, ""},
	{"other service", func(_ *Mechanism, c *client) { c.service[0] = "http" }, ErrService, 0, `"http/files.example.com@EXAMPLE.COM"`},
	{"other host", func(m *Mechanism, c *client) { m.Services = []string{"cifs/a", "CIFS/Files.Example.com@EXAMPLE.NET"} }, ErrService, 0, "Mechanism.Services"},
	{"user to user", func(_ *Mechanism, c *client) { types.SetFlag(&c.options, flags.APOptionUseSessionKey) }, ErrNoKey, errorcode.KRB_AP_ERR_NOKEY, "user-to-user"},
	{"other client", func(_ *Mechanism, c *client) { c.auth.CName.NameString = []string{"bob"} }, ErrMismatch, 0, `"ann@EXAMPLE.COM"`},
	{"other client's realm", func(_ *Mechanism, c *client) { c.auth.CRealm = "EXAMPLE.NET" }, ErrMismatch, 0, ""},
	{"not the ticket's key", func(_ *Mechanism, c *client) { c.tktKey = newTestKey(aes256, 9) }, ErrMismatch, errorcode.KRB_AP_ERR_MODIFIED, ""},
	{"addresses", func(_ *Mechanism, c *client) {
		c.ticket.CAddr = types.HostAddresses{{AddrType: addrtype.IPv4, Address: []byte{192, 0, 2, 8}}}
	}, ErrAddress, 0, "kinit -A"},
	{"checksum", func(_ *Mechanism, c *client) {
		c.checksum = false
		c.auth.Cksum = types.Checksum{CksumType: 16, Checksum: make([]byte, 12)}
	}, ErrMalformed, 0, ""},
	{"instance", func(_ *Mechanism, c *client) { c.setClient(testRealm, "ann", "admin") }, ErrUnmapped, 0, "has an instance"},
	{"foreign", func(_ *Mechanism, c *client) { c.setClient("EXAMPLE.NET", "ann") }, ErrUnmapped, 0, "another realm"},
	{"way not checked", func(_ *Mechanism, c *client) {
		c.setClient("EXAMPLE.NET", "ann")
		c.ticket.Transited = messages.TransitedEncoding{TRType: 1, Contents: []byte("EVIL.NET")}
	}, ErrUnmapped, 0, "by which realms"},
	{"backslash", func(_ *Mechanism, c *client) { c.setClient(testRealm, `EXAMPLE\ann`) }, ErrUnmapped, 0, "none that a user could have"},
	{"no PAC", func(m *Mechanism, _ *client) { m.RequirePAC = true }, ErrNoPAC, 0, "RequirePAC"},
	{"unmapped", func(m *Mechanism, _ *client) {
		m.Map = func(context.Context, Principal, Principal) (*vfs.Caller, error) {
			return nil, errors.New("who is that?")
		}
	}, ErrUnmapped, 0, "who is that?"},
	{"mapped to nobody", func(m *Mechanism, _ *client) {
		m.Map = func(context.Context, Principal, Principal) (*vfs.Caller, error) { return nil, nil }
	}, ErrUnmapped, 0, ""},
	{"no keytab", func(m *Mechanism, _ *client) { m.Keytabs = []string{m.Keytabs[0] + ".gone"}; m.keys = keytabs{} }, os.ErrNotExist, 0, "keytab.gone"},
	{"zero value", func(m *Mechanism, _ *client) { m.Keytabs = nil }, nil, 0, "no keytab"},
}

func (c *client) setClient(realm string, name ...string) {
	c.ticket.CRealm, c.auth.CRealm = realm, realm
	c.ticket.CName.NameString, c.auth.CName.NameString = name, name
}

func TestRefusals(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
			var log bytes.Buffer
			m.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c := newClient(k)
			tc.change(m, c)
			a, reply, done, err := attempt(t, m, c.token(t))
			if tc.code != 0 {
				if err != nil {
					t.Fatal(err)
				}
				e := readError(t, reply)
				if e.ErrorCode != tc.code || !e.STime.Equal(testTime) || (len(e.EData) > 0) != (tc.code == errorcode.KRB_AP_ERR_SKEW) {
					t.Errorf("KRB-ERROR is %d at %v, want %d", e.ErrorCode, e.STime, tc.code)
				}
				// Once more, and again: then it is over.
				if _, _, err = a.Step(t.Context(), c.token(t)); err != nil {
					t.Fatal(err)
				}
				reply, done, err = a.Step(t.Context(), c.token(t))
			}
			if err == nil || done || reply != nil || a.Caller() != nil || a.SessionKey() != nil {
				t.Fatalf("done %v, %v, reply % x", done, err, reply)
			}
			if tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error is %v", err)
			}
			if tc.code != 0 && !strings.Contains(log.String(), strings.ReplaceAll(tc.want.Error(), `"`, `\"`)) {
				t.Errorf("logged %s", log.String())
			}
			if _, _, err := a.Step(t.Context(), newClient(k).token(t)); !errors.Is(err, ErrSequence) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// TestCorrected is a client that takes the server's time from the error.
func TestCorrected(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	c.auth.CTime = testTime.Add(time.Hour)
	a, reply, done, err := attempt(t, m, c.token(t))
	if err != nil || done {
		t.Fatal(done, err)
	}
	c.auth.CTime = readError(t, reply).STime
	if _, done, err := a.Step(t.Context(), c.token(t)); err != nil || !done || a.Caller().Name != "ann" {
		t.Error(done, err)
	}
}

func TestReplay(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	token := newClient(k).token(t)
	if _, _, done, err := attempt(t, m, token); !done || err != nil {
		t.Fatal(done, err)
	}
	_, reply, done, err := attempt(t, m, token)
	if done || err != nil || readError(t, reply).ErrorCode != errorcode.KRB_AP_ERR_REPEAT {
		t.Errorf("a replay: done %v, %v", done, err)
	}
	// Another authenticator of the same moment is none.
	if _, _, done, err := attempt(t, m, newClient(k).token(t)); !done || err != nil {
		t.Error(done, err)
	}
	if raw, ok := m.Aliases(), m.OID(); len(raw) != 1 || raw[0].Equal(ok) {
		t.Error("two names are the same")
	}
}

func TestReplayCache(t *testing.T) {
	r := replayCache{size: 2}
	at := func(n int) time.Time { return testTime.Add(time.Duration(n) * time.Second) }
	for i, step := range []struct {
		id  byte
		now int
		v   verdict
	}{{1, 0, fresh}, {1, 1, replayed}, {2, 1, fresh}, {2, 2, replayed}, {3, 3, overfull}, {1, 4, replayed}, {3, 11, fresh}, {1, 11, overfull}, {1, 12, fresh}} {
		if v := r.note([16]byte{step.id}, clientID{step.id}, at(step.now), at(step.now+10)); v != step.v {
			t.Errorf("step %d: %v, want %v", i, v, step.v)
		}
	}
	if len(r.seen) != 2 || len(r.order) != 2 || len(r.by) != 2 {
		t.Errorf("keeps %d, %d and %d", len(r.seen), len(r.order), len(r.by))
	}
	// Nobody takes the place of others.
	r = replayCache{size: 32}
	for i, want := range []verdict{fresh, fresh, overfull} {
		if v := r.note([16]byte{byte(i)}, clientID{1}, at(0), at(10)); v != want {
			t.Errorf("logon %d of one client: %v, want %v", i, v, want)
		}
	}
	if v := r.note([16]byte{9}, clientID{2}, at(0), at(10)); v != fresh {
		t.Errorf("logon of another: %v", v)
	}
}

func TestLateTicket(t *testing.T) { // within the skew
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	c.ticket.EndTime = testTime.Add(-time.Minute)
	a, _, done, err := attempt(t, m, c.token(t))
	if !done || err != nil || !a.(expirer).Expires().Equal(testTime.Add(4*time.Minute)) {
		t.Error(done, err)
	}
}

// TestFindKey is which keys a ticket is tried with.
func TestFindKey(t *testing.T) {
	k, other := newTestKey(aes256, 0x11), newTestKey(aes256, 0x99)
	for name, tc := range map[string]struct {
		entries []keytabEntry
		kvno    int
		ok      bool
	}{
		"exact":                {[]keytabEntry{testEntry([]string{"cifs", "files.example.com"}, 3, k)}, 3, true},
		"other case":           {[]keytabEntry{testEntry([]string{"CIFS", "FILES.example.com"}, 3, k)}, 3, true},
		"no version":           {[]keytabEntry{testEntry([]string{"cifs", "files.example.com"}, 3, k)}, 0, true},
		"8 bits":               {[]keytabEntry{testEntry([]string{"cifs", "files.example.com"}, 259, k)}, 3, true},
		"an older one":         {[]keytabEntry{testEntry([]string{"cifs", "files.example.com"}, 4, other), testEntry([]string{"cifs", "files.example.com"}, 2, k)}, 3, true},
		"the machine's":        {[]keytabEntry{testEntry([]string{"FILES$"}, 3, k)}, 3, true},
		"host":                 {[]keytabEntry{testEntry([]string{"cifs", "files.example.com"}, 3, other), testEntry([]string{"host", "files"}, 3, k)}, 3, true},
		"another service's":    {[]keytabEntry{testEntry([]string{"http", "files.example.com"}, 3, k), testEntry([]string{"host", "x"}, 3, other)}, 3, false},
		"an alias of the host": {[]keytabEntry{testEntry([]string{"cifs", "www.example.com"}, 3, k)}, 3, true},
	} {
		c := newClient(k)
		c.kvno = tc.kvno
		_, _, done, err := attempt(t, newMechanism(t, tc.entries...), c.token(t))
		if done != tc.ok || err != nil {
			t.Errorf("%s: done %v, %v", name, done, err)
		}
	}
}

func TestBindings(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	m.ChannelBindings = func(context.Context, net.Addr) []byte { return []byte("tls-server-end-point:hash") }
	for _, tc := range []struct {
		level Check
		data  string
		ok    bool
	}{
		{CheckRequire, "tls-server-end-point:hash", true}, {CheckRequire, "tls-server-end-point:other", false},
		{CheckOff, "tls-server-end-point:other", false}, {CheckOff, "", true}, {CheckAudit, "", true}, {CheckRequire, "", false},
	} {
		c := newClient(k)
		if tc.data != "" {
			c.bindings = bindingsHash([]byte(tc.data))
		}
		m.RequireBindings = tc.level
		if _, _, done, err := attempt(t, m, c.token(t)); done != tc.ok || !tc.ok && !errors.Is(err, ErrBindings) {
			t.Errorf("%+v: done %v, %v", tc, done, err)
		}
	}
}
