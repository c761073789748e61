package netlogon

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

const (
	testPassword = "Staple-Battery9"
	testSID      = vfs.SID("S-1-5-21-1-2-3")
)

// fakeDC is a domain controller in the memory of the test. Its fields say in what it
// deviates from an honest one; set them before it is called, or by change.
type fakeDC struct {
	mu sync.Mutex

	secret     ntlm.Hash
	flags      uint32 // that it agrees to
	confirmed  uint32 // that it confirms over the channel; 0: those it agreed to
	weak       bool   // its challenge is zero
	badProof   bool
	unsealed   bool // answers without security
	hang       bool // takes calls and doesn't answer
	down       bool // refuses connections
	authStatus smb2.Status
	status     smb2.Status // of a logon
	loose      bool        // not authoritative
	info       []byte      // NETLOGON_VALIDATION_SAM_INFO4; nil: that of alice
	delay      time.Duration
	setStatus  smb2.Status // of a change of the password
	setLost    bool        // it is changed, but the answer is lost
	setForged  bool        // the answer to it is not the controller's

	key      *sessionKey // of the machine, once authenticated
	agreed   uint32
	stored   credential
	conns    map[net.Conn]bool
	sealed   int // protected connections there are, and the most there were
	most     int
	sessions int // channels set up
	logons   []attempt
	levels   []uint16
	set      []string // passwords that it was to change to
}

func newFakeDC() *fakeDC {
	return &fakeDC{secret: ntlm.HashOf(testPassword), flags: negOffer, conns: make(map[net.Conn]bool)}
}

func (f *fakeDC) change(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
}

// restart closes all connections and forgets the machine's key.
func (f *fakeDC) restart() {
	f.change(func() {
		for c := range f.conns {
			c.Close()
		}
		f.key = nil
	})
}

func (f *fakeDC) dial(_ context.Context, _, addr string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, &net.OpError{Op: "dial", Err: io.ErrClosedPipe}
	}
	ours, theirs := net.Pipe()
	f.conns[ours] = true
	_, port, _ := net.SplitHostPort(addr)
	go f.serve(ours, port == epmapperPort)
	return theirs, nil
}

// fakeConn is a connection at its server.
type fakeConn struct {
	*fakeDC
	conn   net.Conn
	mapper bool
	sealer *sealer
	client credential // challenges
	server credential
}

func (f *fakeDC) serve(conn net.Conn, mapper bool) {
	c := &fakeConn{fakeDC: f, conn: conn, mapper: mapper}
	defer f.change(func() {
		delete(f.conns, conn)
		conn.Close()
		if c.sealer != nil {
			f.sealed--
		}
	})
	var stub []byte
	for {
		var first [headerLen]byte
		if _, err := io.ReadFull(conn, first[:]); err != nil {
			return
		}
		h, err := parseHeader(first)
		if err != nil {
			return
		}
		pdu := append(first[:], make([]byte, h.length-headerLen)...)
		if _, err := io.ReadFull(conn, pdu[headerLen:]); err != nil {
			return
		}
		var answer []byte
		switch h.ptype {
		case ptypeBind:
			answer = c.bind(h)
		case ptypeRequest:
			part, err := unprotect(h, pdu, c.sealer)
			if err != nil {
				return
			}
			if stub = append(stub, part...); h.flags&flagLast == 0 {
				continue
			}
			answer = c.request(h, binary.LittleEndian.Uint16(pdu[22:]), stub)
			stub = nil
		}
		if answer == nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

func (c *fakeConn) bind(h header) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.authLen > 0 && c.key == nil {
		return finish(append(appendHeader(nil, ptypeBindNak, flagFirst|flagLast, h.callID), 0, 0, 1, 5, 0), 0)
	}
	b := appendHeader(nil, ptypeBindAck, flagFirst|flagLast, h.callID)
	b = binary.LittleEndian.AppendUint16(b, minFrag)
	b = binary.LittleEndian.AppendUint16(b, minFrag)
	b = append(b, 9, 0, 0, 0) // association
	b = append(b, 4, 0, '1', '3', '5', 0, 0, 0)
	b = append(b, 1, 0, 0, 0, 0, 0, 0, 0)
	b = ndr32.append(b)
	if h.authLen == 0 {
		return finish(b, 0)
	}
	c.sealer = &sealer{key: *c.key}
	c.sealed++
	c.most = max(c.most, c.sealed)
	token := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	return finish(append(appendSecTrailer(b, 0), token...), len(token))
}

func (c *fakeConn) request(h header, opnum uint16, stub []byte) []byte {
	c.mu.Lock()
	hang, delay := c.hang, c.delay
	c.mu.Unlock()
	if hang {
		io.Copy(io.Discard, c.conn)
		return nil
	}
	var e ndr.Encoder
	d := ndr.NewDecoder(stub)
	switch {
	case c.mapper && opnum == opMap:
		c.mapPort(&e)
	case opnum == opServerReqChallenge:
		c.challenge(d, &e)
	case opnum == opServerAuthenticate3:
		c.authenticate(d, &e)
	case opnum == opLogonGetCapabilities && c.sealer != nil:
		c.capabilities(d, &e)
	case opnum == opServerPasswordSet2 && c.sealer != nil:
		if c.setPassword(d, &e); c.setLost {
			return nil
		}
	case opnum == opLogonSamLogonEx && c.sealer != nil:
		time.Sleep(delay)
		c.samLogon(d, &e)
	default:
		return nil
	}
	s := c.sealer
	if c.unsealed {
		s = nil
	}
	return c.response(h, e.Bytes(), s)
}

// response makes all fragments of a response.
func (c *fakeConn) response(h header, stub []byte, s *sealer) (out []byte) {
	const room = 1024
	for flags := uint8(flagFirst); flags&flagLast == 0; flags &^= flagFirst {
		part := stub[:min(room, len(stub))]
		if stub = stub[len(part):]; len(stub) == 0 {
			flags |= flagLast
		}
		b := append(appendHeader(nil, ptypeResponse, flags, h.callID), 0, 0, 0, 0, 0, 0, 0, 0)
		out = append(out, protect(append(b, part...), s)...)
	}
	return out
}

func (c *fakeConn) mapPort(e *ndr.Encoder) {
	tower := appendTower(ifaceNetlogon, 49152)
	e.Handle(ndr.Handle{})
	for _, v := range []uint32{1, 1, 0, 1, 3, uint32(len(tower)), uint32(len(tower))} {
		e.U32(v)
	}
	e.Raw(tower)
	e.U32(0)
}

func (c *fakeConn) challenge(d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString()
	d.WString()
	copy(c.client[:], d.Bytes(8))
	if c.server = newChallenge(); c.weak {
		c.server = credential{}
	}
	e.Raw(c.server[:])
	e.U32(0)
}

func (c *fakeConn) authenticate(d *ndr.Decoder, e *ndr.Encoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.UniqueWString()
	account := d.WString()
	kind := d.U16()
	computer := d.WString()
	proof := [8]byte(d.Bytes(8))
	flags := d.U32()
	key := newSessionKey(c.secret, c.client, c.server)
	answer, st := key.credential(c.server), c.authStatus
	if proof != key.credential(c.client) || account != computer+"$" || kind != workstationChannel {
		st = smb2.StatusAccessDenied
	}
	if c.badProof {
		answer[0] ^= 1
	}
	if st == 0 {
		c.key, c.stored, c.agreed = &key, proof, flags&c.flags
		c.sessions++
	}
	e.Raw(answer[:])
	e.U32(flags & c.flags)
	e.U32(1113)
	e.U32(uint32(st))
}

func (c *fakeConn) capabilities(d *ndr.Decoder, e *ndr.Encoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.WString()
	d.UniqueWString()
	d.Align(4)
	proof := [8]byte(d.Bytes(8))
	stored := c.stored.add(d.U32())
	st := smb2.Status(0)
	if c.key.credential(stored) != proof {
		st = smb2.StatusAccessDenied
	}
	answer := c.key.credential(stored.add(1))
	flags := c.agreed
	if c.confirmed != 0 {
		flags = c.confirmed
	}
	e.Raw(answer[:])
	if st == 0 {
		c.stored = stored.add(1)
	}
	e.U32(0)
	e.U32(1)
	e.U32(flags)
	e.U32(uint32(st))
}

func (c *fakeConn) setPassword(d *ndr.Decoder, e *ndr.Encoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.UniqueWString()
	account := d.WString()
	kind := d.U16()
	computer := d.WString()
	d.Align(4)
	proof := [8]byte(d.Bytes(8))
	stored := c.stored.add(d.U32())
	sealed := bytes.Clone(d.Bytes(trustPasswordLen + 4))
	newCFB8(*c.key, [16]byte{}).decrypt(sealed)
	n := binary.LittleEndian.Uint32(sealed[trustPasswordLen:])
	st := c.setStatus
	if c.key.credential(stored) != proof || account != computer+"$" || kind != workstationChannel || n > trustPasswordLen || d.Remaining() > 0 {
		st = smb2.StatusAccessDenied
	} else {
		c.stored = stored.add(1)
		password, _ := utf16le.Decode(sealed[trustPasswordLen-n : trustPasswordLen])
		if c.set = append(c.set, password); st == 0 {
			c.secret = ntlm.HashOf(password)
		}
	}
	answer := c.key.credential(c.stored)
	if c.setForged {
		answer[0] ^= 1
	}
	e.Raw(answer[:])
	e.U32(0)
	e.U32(uint32(st))
}

func (c *fakeConn) samLogon(d *ndr.Decoder, e *ndr.Encoder) {
	level, at := decodeSamLogonEx(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logons = append(c.logons, at)
	c.levels = append(c.levels, level)
	e.U16(validationSamInfo4)
	info := c.info
	if info == nil {
		var sub ndr.Encoder
		encodeSamInfo4(&sub, aliceInfo())
		info = sub.Bytes()
	}
	e.Ptr(c.status == 0)
	if c.status == 0 {
		e.Raw(info)
	}
	authoritative := uint8(1)
	if c.loose {
		authoritative = 0
	}
	e.U8(authoritative)
	e.U32(0)
	e.U32(uint32(c.status))
}

// decodeSamLogonEx reads what appendSamLogonEx writes.
func decodeSamLogonEx(d *ndr.Decoder) (level uint16, a attempt) {
	d.UniqueWString()
	d.UniqueWString()
	level = d.U16()
	if d.U16() != level || !d.Ptr() {
		d.Fail()
	}
	domain := d.UnicodeString()
	if d.U32() != parameterControl {
		d.Fail()
	}
	d.Bytes(8)
	user, workstation := d.UnicodeString(), d.UnicodeString()
	copy(a.challenge[:], d.Bytes(8))
	d.Align(4)
	d.U32()
	hasNT := d.Ptr()
	d.U32()
	hasLM := d.Ptr()
	a.domain, a.user, a.workstation = d.UnicodeStringBody(domain), d.UnicodeStringBody(user), d.UnicodeStringBody(workstation)
	body := func(present bool) []byte {
		if !present {
			return nil
		}
		d.Align(4)
		d.U32()
		d.U32()
		return d.Bytes(d.Count(d.U32(), 1))
	}
	a.nt, a.lm = body(hasNT), body(hasLM)
	if d.U16() != validationSamInfo4 || d.U32() != 0 {
		d.Fail()
	}
	return level, a
}

func aliceInfo() samInfo {
	return samInfo{
		name: "alice", domain: "EXAMPLE", domainSID: testSID, user: 1103, primaryGroup: 513,
		groups: []group{{513, 7}, {1109, 7}, {1110, 0}},
		extra:  []extraSID{{testSID + "-1111", 0x20000007}, {"S-1-5-32-544", 7}, {"S-1-18-1", 7}},
		key:    [16]byte{1, 2, 3}, kickOff: never,
	}
}

// encodeSamInfo4 writes what decodeSamInfo4 reads.
func encodeSamInfo4(e *ndr.Encoder, s samInfo) {
	e.Raw(make([]byte, 16))
	e.U32(uint32(s.kickOff))
	e.U32(uint32(s.kickOff >> 32))
	e.Raw(make([]byte, 24))
	for _, x := range []string{s.name, "Alice", "", "", "", ""} {
		e.UnicodeString(x)
	}
	e.U32(0)
	e.U32(s.user)
	e.U32(s.primaryGroup)
	e.U32(uint32(len(s.groups)))
	e.Ptr(s.groups != nil)
	e.U32(s.userFlags)
	e.Raw(s.key[:])
	e.UnicodeString("DC")
	e.UnicodeString(s.domain)
	e.Ptr(s.domainSID != "")
	e.Raw(make([]byte, 40))
	e.U32(uint32(len(s.extra)))
	e.Ptr(s.extra != nil)
	more := [12]string{"example.com", "alice@example.com"}
	for _, x := range more {
		e.UnicodeString(x)
	}
	e.UnicodeStringBody(s.name)
	e.UnicodeStringBody("Alice")
	if s.groups != nil {
		e.U32(uint32(len(s.groups)))
		for _, g := range s.groups {
			e.U32(g.rid)
			e.U32(g.attributes)
		}
	}
	e.UnicodeStringBody("DC")
	e.UnicodeStringBody(s.domain)
	encodeSID(e, s.domainSID)
	if s.extra != nil {
		e.U32(uint32(len(s.extra)))
		for _, x := range s.extra {
			e.Ptr(x.sid != "")
			e.U32(x.attributes)
		}
		for _, x := range s.extra {
			encodeSID(e, x.sid)
		}
	}
	for _, x := range more {
		e.UnicodeStringBody(x)
	}
}

func encodeSID(e *ndr.Encoder, sid vfs.SID) {
	if sid != "" {
		e.U32(uint32(sid.Len()-8) / 4)
		e.Raw(sid.Append(nil))
	}
}

// newAccounts returns accounts that ask the fake controllers, in their order.
func newAccounts(t *testing.T, dcs ...*fakeDC) *Accounts {
	t.Helper()
	names := []string{"dc1", "dc2", "dc3"}[:len(dcs)]
	cfg := Config{Domain: "EXAMPLE", DNSDomain: "example.com", Computer: "FILES", Secret: Password(testPassword)}
	byName := make(map[string]*fakeDC)
	for i, n := range names {
		cfg.Controllers = append(cfg.Controllers, Controller{Name: n})
		byName[n] = dcs[i]
	}
	cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(addr)
		return byName[host].dial(ctx, network, addr)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}
