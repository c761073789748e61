package krb

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	testRealm = "EXAMPLE.COM"
	aes256    = etypeID.AES256_CTS_HMAC_SHA1_96
)

var (
	testTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	testPeer = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 50000}
	quiet    = slog.New(slog.NewTextHandler(io.Discard, nil))
)

// newTestKey makes a key of a type that has it in every byte.
func newTestKey(etype int32, fill byte) key {
	v := make([]byte, enctypes[etype].keyLen)
	for i := range v {
		v[i] = fill
	}
	return key{etype, v}
}

func testEntry(name []string, kvno uint32, k key) keytabEntry {
	return keytabEntry{principal: Principal{name, testRealm}, kvno: kvno, key: k}
}

// appendKeytab encodes a keytab file.
func appendKeytab(entries ...keytabEntry) []byte {
	counted := func(b []byte, s string) []byte { return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) }
	out := []byte{5, 2}
	for _, e := range entries {
		b := binary.BigEndian.AppendUint16(nil, uint16(len(e.principal.Name)))
		b = counted(b, e.principal.Realm)
		for _, part := range e.principal.Name {
			b = counted(b, part)
		}
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, byte(e.kvno)) // name type, time, short version
		b = binary.BigEndian.AppendUint16(b, uint16(e.key.etype))
		b = counted(b, string(e.key.value))
		b = binary.BigEndian.AppendUint32(b, e.kvno)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(b))), b...)
	}
	return out
}

// newMechanism returns one with the keys of entries, at testTime.
func newMechanism(t testing.TB, entries ...keytabEntry) *Mechanism {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keytab")
	if err := os.WriteFile(path, appendKeytab(entries...), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m.now, m.Logger = func() time.Time { return testTime }, quiet
	return m
}

// client makes AP-REQs. Its fields are what newClient sets, until a test changes them.
type client struct {
	service     []string
	realm       string
	serviceKey  key
	kvno        int
	tktKey      key
	ticket      messages.EncTicketPart
	options     asn1.BitString
	auth        types.Authenticator
	flags       uint32
	bindings    [16]byte
	checksum    bool
	framing     framing
	authPlain   []byte // instead of auth
	ticketPlain []byte // instead of ticket
}

func newClient(serviceKey key) *client {
	c := &client{
		service: []string{"cifs", "files.example.com"}, realm: testRealm, serviceKey: serviceKey, kvno: 3,
		tktKey: newTestKey(serviceKey.etype, 0x22), flags: uint32(flagMutual), checksum: true, framing: framing{oid},
	}
	name := types.PrincipalName{NameType: 1, NameString: []string{"ann"}}
	c.ticket = messages.EncTicketPart{
		Flags: types.NewKrbFlags(), Key: c.tktKey.lib(), CRealm: testRealm, CName: name,
		AuthTime: testTime.Add(-time.Hour), StartTime: testTime.Add(-time.Hour), EndTime: testTime.Add(9 * time.Hour),
	}
	c.options = types.NewKrbFlags()
	c.auth = types.Authenticator{
		AVNO: 5, CRealm: testRealm, CName: name, CTime: testTime, Cusec: 7,
		SubKey: newTestKey(serviceKey.etype, 0x33).lib(), SeqNumber: 1234,
	}
	return c
}

// token makes an AP-REQ of all that.
func (c *client) token(t testing.TB) []byte {
	t.Helper()
	plain := c.ticketPlain
	if plain == nil {
		plain = asn1tools.AddASNAppTag(must(asn1.Marshal(c.ticket)), asnAppTag.EncTicketPart)
	}
	sealed := must(c.serviceKey.encrypt(plain, usageTicket))
	sealed.KVNO = c.kvno
	if c.checksum {
		b := binary.LittleEndian.AppendUint32(nil, bindingsLen)
		b = binary.LittleEndian.AppendUint32(append(b, c.bindings[:]...), c.flags)
		c.auth.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: b}
	}
	if plain = c.authPlain; plain == nil {
		plain = must(c.auth.Marshal())
	}
	req := messages.APReq{
		PVNO: 5, MsgType: 14, APOptions: c.options,
		Ticket: messages.Ticket{
			TktVNO: 5, Realm: c.realm, EncPart: sealed,
			SName: types.PrincipalName{NameType: 2, NameString: c.service},
		},
		EncryptedAuthenticator: must(c.tktKey.encrypt(plain, usageAuthenticator)),
	}
	return c.framing.frame(idAPReq, must(req.Marshal()))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// subkey returns the client's.
func (c *client) subkey() key { return key{c.auth.SubKey.KeyType, c.auth.SubKey.KeyValue} }

// readReply reads an AP-REP.
func (c *client) readReply(t *testing.T, token []byte) messages.EncAPRepPart {
	t.Helper()
	f, msg, err := unframe(token, idAPRep)
	if err != nil || !f.mech.Equal(c.framing.mech) {
		t.Fatalf("reply % x: %v", token, err)
	}
	var rep messages.APRep
	if err := rep.Unmarshal(msg); err != nil {
		t.Fatal(err)
	}
	plain, ok := c.tktKey.decrypt(rep.EncPart, usageAPRep)
	if !ok {
		t.Fatal("AP-REP isn't for the ticket's key")
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	return part
}

// readError returns the code of a KRB-ERROR.
func readError(t *testing.T, token []byte) messages.KRBError {
	t.Helper()
	_, msg, err := unframe(token, idKRBError)
	if err != nil {
		t.Fatal(err)
	}
	var e messages.KRBError
	if err := e.Unmarshal(msg); err != nil {
		t.Fatal(err)
	}
	return e
}

// attempt is the first step of a logon.
func attempt(t *testing.T, m *Mechanism, token []byte) (a smb.Acceptor, reply []byte, done bool, err error) {
	t.Helper()
	a = m.Accept(context.Background(), testPeer)
	reply, done, err = a.Step(t.Context(), token)
	return a, reply, done, err
}
