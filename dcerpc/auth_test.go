package dcerpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/transcript"
	"github.com/gosmbd/smb/vfs"
)

// logon is a security provider for tests: the client sends "hello" and its name, which
// must not be "nobody".
type logon struct {
	keys
	name string
	legs int
}

func (l *logon) Step(_ context.Context, token []byte) ([]byte, bool, error) {
	l.legs++
	switch {
	case l.legs == 1 && string(token) == "hello":
		return []byte("who are you?"), false, nil
	case l.legs == 2 && string(token) != "nobody":
		l.name = string(token)
		return nil, true, nil
	}
	return nil, false, errors.New("no")
}

func (l *logon) Caller() *vfs.Caller         { return &vfs.Caller{Name: l.name} }
func (l *logon) Protector() dcerpc.Protector { return &l.keys }

// keys protects messages, with a count of each direction in the signature.
type keys struct {
	in, out byte
	all     bool
}

const signatureSize = 8

func (k *keys) SignatureSize(bool) int { return signatureSize }
func (k *keys) SignsAll() bool         { return k.all }

func sum(seq byte, parts ...[]byte) []byte {
	h := fnv.New32a()
	for _, p := range parts {
		h.Write(p)
	}
	return append(h.Sum(nil), 'S', 'I', 'G', seq)
}

func flip(b []byte) {
	for i := range b {
		b[i] ^= 0x55
	}
}

func (k *keys) Sign(parts ...[]byte) ([]byte, error) {
	k.out++
	return sum(k.out, parts...), nil
}

func (k *keys) Verify(sig []byte, parts ...[]byte) error {
	k.in++
	if !bytes.Equal(sig, sum(k.in, parts...)) {
		return errors.New("wrong signature")
	}
	return nil
}

func (k *keys) Seal(head, body, tail []byte) ([]byte, error) {
	sig, err := k.Sign(head, body, tail)
	flip(body)
	return sig, err
}

func (k *keys) Unseal(sig, head, body, tail []byte) error {
	flip(body)
	return k.Verify(sig, head, body, tail)
}

// peer is a client with a security context.
type peer struct {
	keys
	level   uint8
	id      uint8
	headers bool
}

// trailer appends a sec_trailer with a token to a PDU.
func (p *peer) trailer(pdu, token []byte) []byte {
	pad := -len(pdu) & 3
	pdu = append(append(bytes.Clone(pdu), make([]byte, pad)...), 10, p.level, byte(pad), 0, p.id, 0, 0, 0)
	pdu = append(pdu, token...)
	le := binary.LittleEndian
	le.PutUint16(pdu[8:], uint16(len(pdu)))
	le.PutUint16(pdu[10:], uint16(len(token)))
	return pdu
}

// protect adds what makes a request the peer's.
func (p *peer) protect(request []byte) []byte {
	pdu := p.trailer(request, make([]byte, signatureSize))
	at := len(pdu) - signatureSize
	head, body, tail := pdu[:24], pdu[24:at-8], pdu[at-8:at]
	if !p.headers {
		head, tail = nil, nil
	}
	var sig []byte
	if p.level == dcerpc.LevelPrivacy {
		sig, _ = p.Seal(head, body, tail)
	} else {
		sig, _ = p.Sign(head, body, tail)
	}
	copy(pdu[at:], sig)
	return pdu
}

// unprotect returns the stub of a response.
func (p *peer) unprotect(t *testing.T, pdu []byte) []byte {
	t.Helper()
	if len(pdu) < 40 || pdu[10] != signatureSize {
		t.Fatalf("not protected: %x", pdu)
	}
	at := len(pdu) - signatureSize - 8
	head, body, tail := pdu[:24], pdu[24:at], pdu[at:at+8]
	if len(body)&15 != 0 || tail[0] != 10 || tail[1] != p.level || tail[4] != p.id {
		t.Errorf("trailer %x of %d octets", tail, len(body))
	}
	if !p.headers {
		head, tail = nil, nil
	}
	sig := pdu[len(pdu)-signatureSize:]
	var err error
	if p.level == dcerpc.LevelPrivacy {
		err = p.Unseal(sig, head, body, tail)
	} else {
		err = p.Verify(sig, head, body, tail)
	}
	if err != nil {
		t.Errorf("response: %v", err)
	}
	return body[:len(body)-int(pdu[at+2])]
}

// whoami answers with the name of the caller, and then the stub.
var whoami = func() dcerpc.Interface {
	i := echo
	i.Call = func(ctx context.Context, c *dcerpc.Call) error {
		if who := vfs.CallerFrom(ctx); who != nil {
			c.Out.Raw([]byte(who.Name + ":"))
		}
		return echo.Call(ctx, c)
	}
	return i
}()

func secureConfig() dcerpc.Config {
	return dcerpc.Config{Accept: func(_ context.Context, provider uint8) dcerpc.Logon {
		if provider != dcerpc.AuthNTLM {
			return nil
		}
		return &logon{}
	}}
}

// secured returns a connection on which p is logged on as name.
func secured(t testing.TB, conf dcerpc.Config, p *peer, name string, ifaces ...dcerpc.Interface) *dcerpc.Conn {
	t.Helper()
	c := conf.NewConn("", ifaces...)
	b := bindPDU(11, 4280)
	if p.headers {
		b[3] |= 4
	}
	r := write(t, c, p.trailer(b, []byte("hello")))
	if len(r) < 24 || r[2] != 12 || r[3]&4 != b[3]&4 || !bytes.HasSuffix(r, []byte("who are you?")) {
		t.Fatalf("bind: %x", r)
	}
	if r := write(t, c, p.trailer(pdu(16, 3, 1, []byte{0, 0, 0, 0}), []byte(name))); len(r) != 0 {
		t.Fatalf("auth3: %x", r)
	}
	return c
}

func TestProtection(t *testing.T) {
	for _, level := range []uint8{dcerpc.LevelPacket, dcerpc.LevelIntegrity, dcerpc.LevelPrivacy} {
		for _, headers := range []bool{false, true} {
			p := &peer{level: level, id: 7, headers: headers}
			c := secured(t, secureConfig(), p, "ann", whoami)
			for i, stub := range []string{"one", "", "a stub of seventeen"} {
				r := p.unprotect(t, write(t, c, p.protect(requestPDU(3, uint32(2+i), 0, []byte(stub)))))
				if string(r) != "ann:"+stub {
					t.Errorf("level %d: %q", level, r)
				}
			}
			r := write(t, c, p.protect(requestPDU(1, 9, 0, []byte("fragment "))))
			if len(r) != 0 {
				t.Errorf("%x", r)
			}
			r = p.unprotect(t, write(t, c, p.protect(requestPDU(2, 9, 0, []byte("and fragment")))))
			if string(r) != "ann:fragment and fragment" {
				t.Errorf("level %d: %q", level, r)
			}
		}
	}
}

// TestProtectedFragments gets a response of several fragments, each of which is
// protected and as long as agreed.
func TestProtectedFragments(t *testing.T) {
	p := &peer{level: dcerpc.LevelPrivacy, headers: true}
	c := secured(t, secureConfig(), p, "ann", echo)
	const size = 30_000
	all := write(t, c, p.protect(requestPDU(3, 2, 17, binary.LittleEndian.AppendUint32(nil, size))))
	got := 0
	for len(all) > 0 {
		n := int(binary.LittleEndian.Uint16(all[8:]))
		if n > 4280 || n > len(all) {
			t.Fatal(n)
		}
		got += len(p.unprotect(t, all[:n]))
		all = all[n:]
	}
	if got != size {
		t.Error(got)
	}
}

// TestForgery sends what the keys don't stand for. It is the end of the connection.
func TestForgery(t *testing.T) {
	other := &peer{level: dcerpc.LevelIntegrity, id: 8}
	for name, f := range map[string]struct {
		forge func(p *peer) []byte
		want  dcerpc.Fault
	}{
		"changed": {func(p *peer) []byte {
			b := p.protect(requestPDU(3, 2, 0, []byte("stub")))
			b[24] ^= 1
			return b
		}, dcerpc.FaultSecurity},
		"changed header": {func(p *peer) []byte {
			b := p.protect(requestPDU(3, 2, 0, []byte("stub")))
			b[22] ^= 1
			return b
		}, dcerpc.FaultSecurity},
		"left out": {func(p *peer) []byte {
			p.protect(requestPDU(3, 2, 0, nil))
			return p.protect(requestPDU(3, 3, 0, nil))
		}, dcerpc.FaultSecurity},
		"unprotected":    {func(p *peer) []byte { return requestPDU(3, 2, 0, nil) }, dcerpc.FaultProto},
		"other context":  {func(p *peer) []byte { return other.protect(requestPDU(3, 2, 0, nil)) }, dcerpc.FaultAccessDenied},
		"less protected": {func(p *peer) []byte { p.level = dcerpc.LevelConnect; return p.protect(requestPDU(3, 2, 0, nil)) }, dcerpc.FaultAccessDenied},
		"padding": {func(p *peer) []byte {
			b := p.trailer(requestPDU(3, 2, 0, nil), make([]byte, signatureSize))
			b[26] = 0xff
			return b
		}, dcerpc.FaultProto},
		"second logon": {func(p *peer) []byte {
			return p.trailer(bindPDU(14, 4280), []byte("hello"))
		}, dcerpc.FaultAccessDenied},
	} {
		p := &peer{level: dcerpc.LevelIntegrity, id: 7, headers: true}
		c := secured(t, secureConfig(), p, "ann", whoami)
		_, err := c.Write(context.Background(), f.forge(p))
		if r := transcript.Drain(t, c); !errors.Is(err, dcerpc.ErrBroken) || faultOf(r) != f.want {
			t.Errorf("%s: %v, %x", name, err, r)
		}
	}
}

// TestFailedLogon fails in the leg that has no answer: the first request tells.
func TestFailedLogon(t *testing.T) {
	var judged error
	conf := secureConfig()
	conf.Judge = func(_ context.Context, _ dcerpc.Logon, err error) error {
		judged = err
		return err
	}
	p := &peer{level: dcerpc.LevelConnect}
	c := secured(t, conf, p, "nobody", whoami)
	if judged == nil {
		t.Error("Judge was not told")
	}
	_, err := c.Write(context.Background(), requestPDU(3, 2, 0, nil))
	if r := transcript.Drain(t, c); !errors.Is(err, dcerpc.ErrBroken) || faultOf(r) != dcerpc.FaultAccessDenied {
		t.Errorf("%v, %x", err, r)
	}

	// What Judge says holds.
	conf.Judge = func(context.Context, dcerpc.Logon, error) error { return errors.New("too many") }
	c = secured(t, conf, p, "ann", whoami)
	if _, err := c.Write(context.Background(), requestPDU(3, 2, 0, nil)); !errors.Is(err, dcerpc.ErrBroken) {
		t.Error(err)
	}
}

// briefLogon is a logon of an hour.
type briefLogon struct{ logon }

func (*briefLogon) Expires() time.Time { return time.Now().Add(time.Hour) }

// TestExpiry calls as long as the logon lasts, and once more.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conf := dcerpc.Config{Accept: func(context.Context, uint8) dcerpc.Logon { return &briefLogon{} }}
		p := &peer{level: dcerpc.LevelPrivacy}
		c := secured(t, conf, p, "ann", whoami)
		for range 2 {
			if r := p.unprotect(t, write(t, c, p.protect(requestPDU(3, 2, 0, nil)))); string(r) != "ann:" {
				t.Errorf("%q", r)
			}
			time.Sleep(time.Hour / 2)
		}
		time.Sleep(time.Second)
		_, err := c.Write(context.Background(), p.protect(requestPDU(3, 3, 0, nil)))
		if r := transcript.Drain(t, c); !errors.Is(err, dcerpc.ErrBroken) || faultOf(r) != dcerpc.FaultSecurity {
			t.Errorf("%v, %x", err, r)
		}
	})
}

// TestConnectLevel has requests without a trailer be the caller's, if there is one only.
func TestConnectLevel(t *testing.T) {
	open := whoami
	open.AllowConnect = true
	p := &peer{level: dcerpc.LevelConnect}
	c := secured(t, secureConfig(), p, "ann", open)
	if r := write(t, c, requestPDU(3, 2, 0, []byte("x"))); !bytes.HasSuffix(r, []byte("ann:x")) {
		t.Errorf("%q", r)
	}
	if r := write(t, c, p.protect(requestPDU(3, 3, 0, []byte("12345678")))); !bytes.HasSuffix(r, []byte("ann:12345678")) || r[10] != 0 {
		t.Errorf("%q", r)
	}
}

// TestConnectLevelRefused calls in a logon that nobody proved to have the keys of, where
// that isn't allowed. Other calls go on.
func TestConnectLevelRefused(t *testing.T) {
	p := &peer{level: dcerpc.LevelConnect}
	c := secured(t, secureConfig(), p, "ann", whoami)
	for name, request := range map[string][]byte{
		"without a trailer": requestPDU(3, 2, 0, nil),
		"with a trailer":    p.protect(requestPDU(3, 2, 0, []byte("12345678"))),
	} {
		if r := write(t, c, request); faultOf(r) != dcerpc.FaultAccessDenied {
			t.Errorf("%s: %q", name, r)
		}
	}
	q := &peer{level: dcerpc.LevelPacket, id: 1}
	for _, token := range []string{"hello", "ann"} {
		write(t, c, q.trailer(bindPDU(14, 4280), []byte(token)))
	}
	if r := q.unprotect(t, write(t, c, q.protect(requestPDU(3, 4, 0, []byte("x"))))); string(r) != "ann:x" {
		t.Errorf("protected: %q", r)
	}
}

// TestManyContexts has two callers on a connection, and more than there is room for.
func TestManyContexts(t *testing.T) {
	c := secureConfig().NewConn("", whoami)
	write(t, c, bindPDU(11, 4280))
	alter := func(p *peer, token string) ([]byte, error) {
		_, err := c.Write(context.Background(), p.trailer(bindPDU(14, 4280), []byte(token)))
		return transcript.Drain(t, c), err
	}
	ann, bob := &peer{level: dcerpc.LevelPrivacy, id: 1}, &peer{level: dcerpc.LevelIntegrity, id: 2}
	for _, step := range []struct {
		p     *peer
		token string
	}{{ann, "hello"}, {bob, "hello"}, {bob, "bob"}, {ann, "ann"}} {
		if r, err := alter(step.p, step.token); err != nil || r[2] != 15 {
			t.Fatalf("%v %x", err, r)
		}
	}
	for i, p := range []*peer{ann, bob, bob, ann} {
		r := p.unprotect(t, write(t, c, p.protect(requestPDU(3, uint32(2+i), 0, []byte("x")))))
		if want := map[*peer]string{ann: "ann:x", bob: "bob:x"}[p]; string(r) != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
	if r := write(t, c, requestPDU(3, 9, 0, []byte("nobody's"))); !bytes.HasSuffix(r, []byte("\x00nobody's")) {
		t.Errorf("%q", r)
	}
	for id := range uint8(100) {
		r, err := alter(&peer{level: dcerpc.LevelConnect, id: 100 + id}, "hello")
		if err != nil && faultOf(r) == dcerpc.FaultProto {
			return
		}
	}
	t.Error("no limit")
}

// TestVerificationTrailer adds what says how the request was meant.
func TestVerificationTrailer(t *testing.T) {
	const signature = "\x8a\xe3\x13\x71\x02\xf4\x36\x71"
	ndr32 := dcerpc.MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
	context2 := "\x02\x40\x28\x00" + string(echo.UUID[:]) + "\x03\x00\x00\x00" + string(ndr32[:]) + "\x02\x00\x00\x00"
	const header2 = "\x03\x40\x10\x00\x00\x00\x00\x00\x10\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
	for name, f := range map[string]struct {
		trailer string
		want    dcerpc.Fault
	}{
		"context":            {signature + context2, 0},
		"header":             {signature + header2, 0},
		"both":               {signature + "\x02\x00" + context2[2:] + header2, 0},
		"bits":               {signature + "\x01\x40\x04\x00\x00\x00\x00\x00", 0},
		"signs headers":      {signature + "\x01\x40\x04\x00\x01\x00\x00\x00", dcerpc.FaultAccessDenied},
		"other context":      {signature + context2[:5] + "x" + context2[6:], dcerpc.FaultAccessDenied},
		"other operation":    {signature + header2[:18] + "\x01\x00", dcerpc.FaultAccessDenied},
		"unknown":            {signature + "\x09\x40\x00\x00", 0},
		"unknown and a must": {signature + "\x09\xc0\x00\x00", dcerpc.FaultAccessDenied},
		"endless":            {signature + "\x09\x00\x00\x00", dcerpc.FaultBadStub},
		"short":              {signature + "\x01\x40\x08\x00", dcerpc.FaultBadStub},
	} {
		c := bound(t, 4280)
		r := write(t, c, requestPDU(3, 2, 0, []byte("stub"+f.trailer)))
		if faultOf(r) != f.want || f.want == 0 && !bytes.HasSuffix(r, []byte("\x00stub")) {
			t.Errorf("%s: %q", name, r)
		}
	}
	c := bound(t, 4280)
	if r := write(t, c, requestPDU(3, 2, 0, []byte("x"+signature))); !bytes.HasSuffix(r, []byte(signature)) {
		t.Errorf("unaligned: %q", r)
	}
}

// FuzzSecured sends PDUs that are all properly signed, so that what is inside is looked at.
func FuzzSecured(f *testing.F) {
	f.Add(uint8(6), uint8(3), []byte("stub"), []byte("\x8a\xe3\x13\x71\x02\xf4\x36\x71\x02\x40\x28\x00"))
	f.Add(uint8(5), uint8(1), []byte("first"), []byte("last"))
	f.Add(uint8(4), uint8(0x83), make([]byte, 17), []byte{})
	f.Fuzz(func(t *testing.T, level, flags uint8, one, two []byte) {
		p := &peer{level: 4 + level%3, headers: flags&0x40 == 0}
		c := secured(t, secureConfig(), p, "ann", echo)
		for i, stub := range [][]byte{one, two, one} {
			c.Write(context.Background(), p.protect(requestPDU(flags>>i, uint32(2+i/2), uint16(i), stub[:min(len(stub), 5000)])))
			if _, total := c.Len(); total > 3<<20 {
				t.Fatal(total)
			}
		}
		if len(one) > 16 {
			c.Write(context.Background(), p.trailer(append(bindPDU(14, 4280), one...), two[:min(len(two), 1000)]))
			c.Write(context.Background(), one)
		}
		transcript.Drain(t, c)
	})
}
