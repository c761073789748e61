package netlogon

import (
	"bytes"
	"context"
	"crypto/md5"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/ntlm"
	"github.com/gosmbd/smb/smb2"
)

// NetrLogonSamLogonEx, [MS-NRPC] 3.5.4.5.1.
const (
	opLogonSamLogonEx = 39

	levelNetwork           = 2 // NetlogonNetworkInformation, 2.2.1.4.16
	levelNetworkTransitive = 6
	validationSamInfo4     = 6 // NetlogonValidationSamInfo4, 2.2.1.4.17
)

// ParameterControl, [MS-NRPC] 2.2.1.4.15: E and K are as [MS-APDS] 3.1.5.2 asks, for
// computers that log on; D and L keep the controller from making somebody its guest.
const (
	controlNoGuest           = 0x00000010 // D
	controlServerTrust       = 0x00000020 // E
	controlWorkstationTrust  = 0x00000800 // K
	controlNoFallbackToGuest = 0x00001000 // L
	parameterControl         = controlNoGuest | controlServerTrust | controlWorkstationTrust | controlNoFallbackToGuest
	maxIdentity              = 0x7ffe // octets of a name: more than there are, and a 16-bit length holds them
)

// attempt is a NETLOGON_NETWORK_INFO, [MS-NRPC] 2.2.1.4.5.
type attempt struct {
	domain, user, workstation string
	challenge                 [8]byte
	nt, lm                    []byte
}

// newAttempt takes what a controller has to see of a logon. The names are as the client
// sent them, since the response goes over them.
func newAttempt(a *ntlm.Attempt) attempt {
	n := attempt{domain: a.SentDomain, user: a.SentUser, workstation: a.Workstation, challenge: a.ServerChallenge, nt: bytes.Clone(a.NTResponse), lm: bytes.Clone(a.LMResponse)}
	if a.ExtendedSessionSecurity && len(a.NTResponse) == ntlmV1Len && len(a.LMResponse) >= 8 {
		// [MS-APDS] 3.1.5.2: the controller knows nothing of this.
		sum := md5.Sum(append(a.ServerChallenge[:], a.LMResponse[:8]...))
		n.challenge = [8]byte(sum[:])
	}
	return n
}

// valid tells whether the strings fit their 16-bit lengths.
func (a *attempt) valid() bool {
	return len(a.nt) <= 0xffff && len(a.lm) <= 0xffff && utf16le.Len(a.domain) <= maxIdentity &&
		utf16le.Len(a.user) <= maxIdentity && utf16le.Len(a.workstation) <= maxIdentity
}

// validation is the answer to an attempt.
type validation struct {
	info          samInfo
	status        smb2.Status
	authoritative bool
}

// samLogon asks about an attempt over a sealed connection. A logon that is refused is
// no error.
func (m *machine) samLogon(ctx context.Context, c *client, flags uint32, a *attempt) (validation, error) {
	level := uint16(levelNetwork)
	if flags&negTransitive != 0 { // [MS-NRPC] 3.4.5.3.2
		level = levelNetworkTransitive
	}
	reply, err := c.call(ctx, opLogonSamLogonEx, appendSamLogonEx(m, level, a))
	if err != nil {
		return validation{}, err
	}
	return parseSamLogonEx(reply)
}

func appendSamLogonEx(m *machine, level uint16, a *attempt) []byte {
	var e ndr.Encoder
	e.UniqueWString(m.server)
	e.UniqueWString(m.name)
	e.U16(level)
	e.U16(level) // the union's
	e.Ptr(true)
	e.UnicodeString(a.domain)
	e.U32(parameterControl)
	e.U32(0) // Reserved
	e.U32(0)
	e.UnicodeString(a.user)
	e.UnicodeString(a.workstation)
	e.Raw(a.challenge[:])
	appendString(&e, a.nt)
	appendString(&e, a.lm)
	e.UnicodeStringBody(a.domain)
	e.UnicodeStringBody(a.user)
	e.UnicodeStringBody(a.workstation)
	appendStringBody(&e, a.nt)
	appendStringBody(&e, a.lm)
	e.U16(validationSamInfo4)
	e.U32(0) // ExtraFlags
	return e.Bytes()
}

// appendString writes the header of a STRING, [MS-NRPC] 2.2.1.1.2; appendStringBody
// writes its octets.
func appendString(e *ndr.Encoder, b []byte) {
	e.U16(uint16(len(b)))
	e.U16(uint16(len(b)))
	e.Ptr(len(b) > 0)
}

func appendStringBody(e *ndr.Encoder, b []byte) {
	if len(b) == 0 {
		return
	}
	e.U32(uint32(len(b)))
	e.U32(0)
	e.U32(uint32(len(b)))
	e.Raw(b)
}

func parseSamLogonEx(stub []byte) (v validation, err error) {
	d := ndr.NewDecoder(stub)
	if d.U16() != validationSamInfo4 {
		d.Fail()
	}
	present := d.Ptr()
	if present {
		v.info = decodeSamInfo4(d)
	}
	v.authoritative = d.U8() != 0
	d.U32() // ExtraFlags
	v.status = smb2.Status(d.U32())
	if v.status == 0 && !present {
		d.Fail()
	}
	return v, d.Err()
}
