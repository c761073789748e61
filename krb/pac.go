package krb

import (
	"crypto/hmac"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/vfs"
	"github.com/jcmturner/gokrb5/v8/iana/adtype"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/types"
)

// The buffers of a PAC that say something to a server, [MS-PAC] 2.4.
const (
	pacLogonInfo       = 1
	pacServerSignature = 6
	pacKDCSignature    = 7
	pacClientInfo      = 10
	pacUPNInfo         = 12
)

// maxPACBuffers bounds the table. Twenty types are defined.
const maxPACBuffers = 64

// pac is a PAC that was verified.
type pac struct {
	logon *logonInfo // nil: the KDC knows nothing of SIDs
}

// readPAC finds the ticket's PAC, verifies and reads it. The KDC puts it into a container
// AD-IF-RELEVANT, of which there may be others, [MS-KILE] 3.4.5.3.
func (x *exchange) readPAC() error {
	var found [][]byte
	for _, outer := range x.ticket.AuthorizationData {
		if outer.ADType != adtype.ADIfRelevant {
			continue
		}
		var list types.AuthorizationData
		if err := list.Unmarshal(outer.ADData); err != nil {
			continue // not relevant to who doesn't know what it is
		}
		for _, e := range list {
			if e.ADType == adtype.ADWin2KPAC {
				found = append(found, e.ADData)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
	default:
		return x.badPAC("the ticket has several")
	}
	buffers, ok := splitPAC(found[0])
	if !ok {
		return x.badPAC("it is malformed")
	}
	if !buffers.signedWith(found[0], x.serviceKey) {
		return x.badPAC("its signature isn't of the service's key")
	}
	if !buffers.isAbout(&x.ticket.CName, x.client.Realm, x.ticket.AuthTime) {
		return x.badPAC("it is about another client, or another ticket")
	}
	p := new(pac)
	if b, ok := buffers.get(pacLogonInfo); ok {
		if p.logon, ok = parseLogonInfo(b); !ok {
			return x.badPAC("its logon information is malformed, or that of a guest")
		}
		if b, ok := buffers.get(pacUPNInfo); ok && !p.logon.agrees(b) {
			return x.badPAC("UPN_DNS_INFO is about somebody else than the logon information")
		}
	}
	x.pac = p
	return nil
}

func (x *exchange) badPAC(why string) error {
	return x.fail(errorcode.KRB_ERR_GENERIC, ErrPAC, "%s", why)
}

// pacBuffer is PAC_INFO_BUFFER, [MS-PAC] 2.4, with what it points to.
type pacBuffer struct {
	kind   uint32
	offset int
	data   []byte
}

type pacBuffers []pacBuffer

// splitPAC reads PACTYPE, [MS-PAC] 2.3.
func splitPAC(b []byte) (pacBuffers, bool) {
	if len(b) < 8 || len(b) > maxToken {
		return nil, false
	}
	n, version := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if n > maxPACBuffers || version != 0 || len(b) < 8+16*int(n) {
		return nil, false
	}
	list := make(pacBuffers, n)
	for i := range list {
		e := b[8+16*i:]
		size, offset := uint64(binary.LittleEndian.Uint32(e[4:])), binary.LittleEndian.Uint64(e[8:])
		if offset%8 != 0 || offset > uint64(len(b)) || size > uint64(len(b))-offset {
			return nil, false
		}
		list[i] = pacBuffer{binary.LittleEndian.Uint32(e), int(offset), b[offset : offset+size]}
	}
	return list, true
}

// find returns the first buffer of a kind; others MUST be ignored.
func (l pacBuffers) find(kind uint32) (pacBuffer, bool) {
	for _, b := range l {
		if b.kind == kind {
			return b, true
		}
	}
	return pacBuffer{}, false
}

func (l pacBuffers) get(kind uint32) ([]byte, bool) {
	b, ok := l.find(kind)
	return b.data, ok
}

// signedWith verifies the server signature, [MS-PAC] 2.8.4: over all of the PAC, with the
// server's signature and the KDC's set to zero. Its type is that of the key, so that nobody
// chooses a weaker one.
func (l pacBuffers) signedWith(raw []byte, k key) bool {
	e := enctypes[k.etype]
	zeroed := append([]byte(nil), raw...)
	var got []byte
	for _, kind := range []uint32{pacServerSignature, pacKDCSignature} {
		b, ok := l.find(kind)
		if !ok || len(b.data) < 4 {
			return false
		}
		size := len(b.data) - 4
		if kind == pacServerSignature {
			if int32(binary.LittleEndian.Uint32(b.data)) != e.checksum || size < e.sumLen {
				return false
			}
			got = b.data[4 : 4+e.sumLen]
			size = e.sumLen
		} else {
			size = min(size, kdcSumLen(int32(binary.LittleEndian.Uint32(b.data))))
		}
		clear(zeroed[b.offset+4:][:size])
	}
	want, err := k.sum(zeroed, usagePAC)
	return err == nil && hmac.Equal(want, got)
}

// kdcSumLen returns the length of a signature, behind which an RODC's number may stand.
func kdcSumLen(checksum int32) int {
	for _, e := range enctypes {
		if e.checksum == checksum {
			return e.sumLen
		}
	}
	return math.MaxInt
}

// isAbout checks PAC_CLIENT_INFO, [MS-PAC] 2.7, which binds the PAC to the ticket: the
// client's name, and the time of its first logon.
func (l pacBuffers) isAbout(cname *types.PrincipalName, realm string, authTime time.Time) bool {
	b, ok := l.get(pacClientInfo)
	if !ok || len(b) < 10 {
		return false
	}
	n := int(binary.LittleEndian.Uint16(b[8:]))
	if n > len(b)-10 {
		return false
	}
	name, err := utf16le.Decode(b[10 : 10+n])
	if err != nil {
		return false
	}
	if binary.LittleEndian.Uint64(b) != fileTime(authTime) {
		return false
	}
	want := strings.Join(cname.NameString, "/")
	return name == want || name == want+"@"+realm
}

// fileTime is FILETIME, [MS-DTYP] 2.3.3, of a time in seconds.
func fileTime(t time.Time) uint64 {
	const epoch = 11644473600 // seconds from 1601 to 1970
	return uint64(t.Unix()+epoch) * 1e7
}

// agrees compares UPN_DNS_INFO, [MS-PAC] 2.10, with the logon information. The UPN itself
// is an attribute that may be anything; what must be the same is the SAM name and the SID,
// where they are there.
func (p *logonInfo) agrees(b []byte) bool {
	const extended = 2
	field := func(at int) ([]byte, bool) {
		size, offset := int(binary.LittleEndian.Uint16(b[at:])), int(binary.LittleEndian.Uint16(b[at+2:]))
		if offset > len(b) || size > len(b)-offset {
			return nil, false
		}
		return b[offset : offset+size], true
	}
	if len(b) < 12 {
		return false
	}
	for _, at := range []int{0, 4} {
		if v, ok := field(at); !ok || len(v)%2 != 0 {
			return false
		}
	}
	if binary.LittleEndian.Uint32(b[8:])&extended == 0 {
		return true
	}
	if len(b) < 20 {
		return false
	}
	sam, ok1 := field(12)
	raw, ok2 := field(16)
	if !ok1 || !ok2 {
		return false
	}
	name, err := utf16le.Decode(sam)
	if err != nil || !strings.EqualFold(name, p.name) {
		return false
	}
	sid, _, err := vfs.ParseSID(raw)
	return err == nil && sid == p.user
}
