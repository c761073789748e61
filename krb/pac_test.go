package krb

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/vfs"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/iana/adtype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/types"
)

const testDomain vfs.SID = "S-1-5-21-1-2-3"

type sidAndAttributes struct {
	sid        vfs.SID
	attributes uint32
}

// logonSpec is KERB_VALIDATION_INFO for tests.
type logonSpec struct {
	name, domain     string
	domainSID        vfs.SID
	user, primary    uint32
	groups           [][2]uint32 // RID and attributes
	extra            []sidAndAttributes
	resDomain        vfs.SID
	resources        [][2]uint32
	flags            uint32
	announcedGroups  uint32 // instead of len(groups)
	noDomain, noInfo bool
}

func newLogonSpec() logonSpec {
	return logonSpec{
		name: "Ann", domain: "EXAMPLE", domainSID: testDomain, user: 1105, primary: 513,
		groups:    [][2]uint32{{513, 7}, {1200, 7}, {1201, 0x10}, {1202, 0}},
		extra:     []sidAndAttributes{{"S-1-18-1", 7}, {"S-1-5-32-544", 7}, {"S-1-5-21-7-8-9-1000", 7}, {"S-1-22-1-0", 7}, {"S-1-5-21-7-8-9", 7}},
		resDomain: "S-1-5-21-4-5-6", resources: [][2]uint32{{2000, 0x20000007}}, flags: logonExtraSIDs | logonResourceGroups,
	}
}

func (s logonSpec) encode() []byte {
	var e ndr.Encoder
	e.Ptr(!s.noInfo)
	e.Raw(make([]byte, 6*8))
	text := []string{s.name, "Ann of Example", "", "", "", ""}
	for _, v := range text {
		e.UnicodeString(v)
	}
	e.U16(0)
	e.U16(0)
	e.U32(s.user)
	e.U32(s.primary)
	e.U32(uint32(len(s.groups)) + s.announcedGroups)
	e.Ptr(len(s.groups) > 0)
	e.U32(s.flags)
	e.Raw(make([]byte, 16))
	e.UnicodeString("DC")
	e.UnicodeString(s.domain)
	e.Ptr(!s.noDomain)
	e.Raw(make([]byte, 10*4))
	e.U32(uint32(len(s.extra)))
	e.Ptr(len(s.extra) > 0)
	e.Ptr(s.resDomain != "")
	e.U32(uint32(len(s.resources)))
	e.Ptr(len(s.resources) > 0)
	for _, v := range text {
		e.UnicodeStringBody(v)
	}
	encodeMemberships(&e, s.groups)
	e.UnicodeStringBody("DC")
	e.UnicodeStringBody(s.domain)
	if !s.noDomain {
		encodeSID(&e, s.domainSID)
	}
	if len(s.extra) > 0 {
		e.U32(uint32(len(s.extra)))
		for _, x := range s.extra {
			e.Ptr(true)
			e.U32(x.attributes)
		}
		for _, x := range s.extra {
			encodeSID(&e, x.sid)
		}
	}
	if s.resDomain != "" {
		encodeSID(&e, s.resDomain)
	}
	encodeMemberships(&e, s.resources)
	b := []byte{1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc}
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Len()))
	return append(append(b, 0, 0, 0, 0), e.Bytes()...)
}

func encodeMemberships(e *ndr.Encoder, list [][2]uint32) {
	if len(list) == 0 {
		return
	}
	e.U32(uint32(len(list)))
	for _, g := range list {
		e.U32(g[0])
		e.U32(g[1])
	}
}

func encodeSID(e *ndr.Encoder, sid vfs.SID) {
	b := sid.Append(nil)
	e.U32(uint32(b[1]))
	e.Raw(b)
}

// clientInfo is PAC_CLIENT_INFO for the ticket of newClient.
func clientInfo(name string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, fileTime(testTime.Add(-3600e9)))
	n := utf16le.Append(nil, name)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(n))), n...)
}

// upnInfo is UPN_DNS_INFO with the extension.
func upnInfo(sam string, sid vfs.SID) []byte {
	parts := [][]byte{utf16le.Append(nil, "ann@example.com"), utf16le.Append(nil, "EXAMPLE.COM"), utf16le.Append(nil, sam), sid.Append(nil)}
	var head, body []byte
	for i, p := range parts {
		if i == 2 {
			head = binary.LittleEndian.AppendUint32(head, 2)
		}
		head = binary.LittleEndian.AppendUint16(head, uint16(len(p)))
		head = binary.LittleEndian.AppendUint16(head, uint16(20+len(body)))
		body = append(body, p...)
	}
	return append(head, body...)
}

// makePAC puts buffers into a PAC and signs it with k.
func makePAC(k key, buffers ...pacBuffer) []byte {
	return makePACOf(k, enctypes[k.etype].checksum, buffers...)
}

// makePACOf gives the type of the signature.
func makePACOf(k key, checksum int32, buffers ...pacBuffer) []byte {
	e := enctypes[k.etype]
	sum := binary.LittleEndian.AppendUint32(nil, uint32(checksum))
	kdc := binary.LittleEndian.AppendUint32(nil, 0xffffff76)
	buffers = append(slices.Clone(buffers),
		pacBuffer{kind: pacServerSignature, data: append(sum, make([]byte, e.sumLen)...)},
		pacBuffer{kind: pacKDCSignature, data: append(kdc, make([]byte, 16)...)})
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(buffers)))
	head = append(head, 0, 0, 0, 0)
	var body []byte
	server, kdcAt := 0, 0
	for _, b := range buffers {
		at := 8 + 16*len(buffers) + len(body)
		head = binary.LittleEndian.AppendUint32(head, b.kind)
		head = binary.LittleEndian.AppendUint32(head, uint32(len(b.data)))
		head = binary.LittleEndian.AppendUint64(head, uint64(at))
		switch b.kind {
		case pacServerSignature:
			server = at + 4
		case pacKDCSignature:
			kdcAt = at + 4
		}
		body = append(body, b.data...)
		for (len(head)+len(body))%8 != 0 {
			body = append(body, 0)
		}
	}
	raw := append(head, body...)
	copy(raw[server:], must(k.sum(raw, usagePAC)))
	copy(raw[kdcAt:], "the KDC's secret")
	return raw
}

// withPAC puts PACs into a ticket.
func (c *client) withPAC(pacs ...[]byte) {
	list := types.AuthorizationData{{ADType: 141, ADData: []byte("x")}}
	for _, p := range pacs {
		list = append(list, types.AuthorizationDataEntry{ADType: adtype.ADWin2KPAC, ADData: p})
	}
	c.ticket.AuthorizationData = types.AuthorizationData{
		{ADType: 99, ADData: []byte("whatever")},
		{ADType: adtype.ADIfRelevant, ADData: []byte("nothing")},
		{ADType: adtype.ADIfRelevant, ADData: must(asn1.Marshal(list))},
	}
}

func TestPAC(t *testing.T) {
	for _, etype := range []int32{aes256, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.RC4_HMAC} {
		k := newTestKey(etype, 0x11)
		m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k), testEntry([]string{"host", "x"}, 1, newTestKey(aes256, 1)))
		m.RC4, m.RequirePAC = true, true
		c := newClient(k)
		c.withPAC(makePAC(k, pacBuffer{kind: pacLogonInfo, data: newLogonSpec().encode()},
			pacBuffer{kind: pacClientInfo, data: clientInfo("ann")}, pacBuffer{kind: pacUPNInfo, data: upnInfo("ann", testDomain+"-1105")},
			pacBuffer{kind: 99, data: []byte("new")}))
		a, _, done, err := attempt(t, m, c.token(t))
		if err != nil || !done {
			t.Fatal(done, err)
		}
		who := a.Caller()
		want := []vfs.SID{testDomain + "-513", testDomain + "-1200", "S-1-18-1", "S-1-5-21-7-8-9-1000", "S-1-5-21-4-5-6-2000"}
		if who.Name != "Ann" || who.Domain != "EXAMPLE" || who.SID != testDomain+"-1105" || !slices.Equal(who.Groups, want) {
			t.Errorf("caller is %+v", who)
		}
	}
}

// TestPACWithoutLogon is the PAC of a KDC that has no SIDs, as MIT's.
func TestPACWithoutLogon(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	c := newClient(k)
	c.withPAC(makePAC(k, pacBuffer{kind: pacClientInfo, data: clientInfo("ann")}))
	a, _, done, err := attempt(t, m, c.token(t))
	if err != nil || !done || a.Caller().Name != "ann" || a.Caller().Domain != testRealm {
		t.Error(done, err)
	}
	m.RequirePAC = true
	if _, _, _, err := attempt(t, m, c.token(t)); !errors.Is(err, ErrNoPAC) {
		t.Errorf("with RequirePAC: %v", err)
	}
}

func TestBadPAC(t *testing.T) {
	k := newTestKey(aes256, 0x11)
	m := newMechanism(t, testEntry([]string{"cifs", "files.example.com"}, 3, k))
	build := func(name string, spec logonSpec, more ...pacBuffer) []byte {
		return makePAC(k, append([]pacBuffer{{kind: pacLogonInfo, data: spec.encode()}, {kind: pacClientInfo, data: clientInfo(name)}}, more...)...)
	}
	change := func(f func(*logonSpec)) []byte {
		s := newLogonSpec()
		f(&s)
		return build("ann", s)
	}
	good := build("ann", newLogonSpec())
	with := func(at int, v byte) []byte {
		b := slices.Clone(good)
		b[at] = v
		return b
	}
	other := newTestKey(aes256, 0x12)
	cases := map[string][][]byte{
		"empty":             {{}},
		"cut":               {good[:len(good)-40]},
		"too many buffers":  {with(0, 200)},
		"version":           {with(4, 1)},
		"offset":            {with(8+8, 0xff)},
		"odd offset":        {with(8+8, good[16]+1)},
		"changed":           {with(len(good)/2, good[len(good)/2]+1)},
		"two":               {good, good},
		"other key":         {makePAC(other, pacBuffer{kind: pacClientInfo, data: clientInfo("ann")})},
		"weaker signature":  {makePAC(newTestKey(etypeID.AES128_CTS_HMAC_SHA1_96, 0x11), pacBuffer{kind: pacClientInfo, data: clientInfo("ann")})},
		"other signature":   {makePACOf(k, 15, pacBuffer{kind: pacClientInfo, data: clientInfo("ann")})},
		"no client":         {makePAC(k, pacBuffer{kind: pacLogonInfo, data: newLogonSpec().encode()})},
		"other client":      {build("bob", newLogonSpec())},
		"other logon":       {makePAC(k, pacBuffer{kind: pacClientInfo, data: append([]byte{1}, clientInfo("ann")[1:]...)})},
		"short client info": {makePAC(k, pacBuffer{kind: pacClientInfo, data: clientInfo("ann")[:12]})},
		"guest":             {change(func(s *logonSpec) { s.flags |= logonGuest })},
		"no name":           {change(func(s *logonSpec) { s.name = "" })},
		"no domain":         {change(func(s *logonSpec) { s.noDomain = true })},
		"nothing":           {change(func(s *logonSpec) { s.noInfo = true })},
		"wrong count":       {change(func(s *logonSpec) { s.announcedGroups = 1 << 30 })},
		"local user":        {change(func(s *logonSpec) { s.domainSID = "S-1-5-32" })},
		"root":              {change(func(s *logonSpec) { s.user, s.extra = 0, []sidAndAttributes{{"S-1-22-1-0", 7}} })},
		"UPN of another":    {build("ann", newLogonSpec(), pacBuffer{kind: pacUPNInfo, data: upnInfo("ann", testDomain+"-500")})},
		"UPN's name":        {build("ann", newLogonSpec(), pacBuffer{kind: pacUPNInfo, data: upnInfo("bob", testDomain+"-1105")})},
		"short UPN":         {build("ann", newLogonSpec(), pacBuffer{kind: pacUPNInfo, data: upnInfo("ann", testDomain+"-1105")[:40]})},
		"UPN of nothing":    {build("ann", newLogonSpec(), pacBuffer{kind: pacUPNInfo})},
	}
	for name, pacs := range cases {
		c := newClient(k)
		c.withPAC(pacs...)
		if _, _, done, err := attempt(t, m, c.token(t)); done || !errors.Is(err, ErrPAC) {
			t.Errorf("%s: done %v, %v", name, done, err)
		}
	}
	c := newClient(k)
	c.withPAC(good)
	if _, _, done, err := attempt(t, m, c.token(t)); !done || err != nil {
		t.Errorf("a good one: %v", err)
	}
	// A user that no domain has is the first of the further SIDs.
	c.withPAC(change(func(s *logonSpec) { s.user, s.extra = 0, []sidAndAttributes{{"S-1-5-21-7-8-9-1000", 7}} }))
	if a, _, done, err := attempt(t, m, c.token(t)); !done || a.Caller().SID != "S-1-5-21-7-8-9-1000" {
		t.Errorf("user without RID: %v", err)
	}
}
