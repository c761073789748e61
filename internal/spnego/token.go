// Package spnego negotiates a security mechanism, RFC 4178 and [MS-SPNG]: the
// tokens, both ways, and the acceptor's side of the negotiation.
package spnego

import (
	"encoding/asn1"
	"errors"
)

// maxMechs bounds the mechanisms that a client may list. They list a handful.
const maxMechs = 64

// maxMechList bounds the bytes of that list, which is kept until the logon ends. A
// mechanism's name takes some ten.
const maxMechList = 1024

var (
	oidSPNEGO = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}

	errToken = errors.New("spnego: malformed token")
)

// State is the negState of a NegTokenResp, RFC 4178 4.2.2.
type State int8

// The states. StateAbsent stands for a field that was not sent.
const (
	StateAbsent      State = -1
	AcceptCompleted  State = 0
	AcceptIncomplete State = 1
	Reject           State = 2
	RequestMIC       State = 3
)

// NegTokenInit opens a negotiation, RFC 4178 4.2.1.
type NegTokenInit struct {
	Mechs       []asn1.ObjectIdentifier // what the initiator speaks, best first
	MechToken   []byte                  // a first token for Mechs[0], or nil
	MechListMIC []byte

	// RawMechList is the encoding of mechTypes as it was received, over which
	// the MIC goes. Append ignores it.
	RawMechList []byte
}

// NegTokenResp is every token after the first, RFC 4178 4.2.2. Its zero value
// says AcceptCompleted.
type NegTokenResp struct {
	State         State
	SupportedMech asn1.ObjectIdentifier // the acceptor's choice, in its first answer
	ResponseToken []byte                // of the mechanism
	MechListMIC   []byte
}

// Parse decodes a token: a NegTokenInit, with the GSS-API frame around it or
// without, or a NegTokenResp. One of the two results is not nil unless there is
// an error. The results alias b. Bytes after the token are ignored.
func Parse(b []byte) (*NegTokenInit, *NegTokenResp, error) {
	if mech, token, ok := ParseFrame(b); ok {
		if !mech.Equal(oidSPNEGO) {
			return nil, nil, errToken
		}
		b = token
	}
	tag, v, _, ok := element(b)
	if ok {
		v, ok = whole(v, tagSequence)
	}
	if !ok {
		return nil, nil, errToken
	}
	switch tag {
	case contextTag(0):
		init, err := parseInit(v)
		return init, nil, err
	case contextTag(1):
		resp, err := parseResp(v)
		return nil, resp, err
	}
	return nil, nil, errToken
}

// ParseFrame takes the frame of RFC 2743 3.1 off a mechanism's first token; false: there is
// none, or it is malformed. The token aliases b.
func ParseFrame(b []byte) (mech asn1.ObjectIdentifier, token []byte, ok bool) {
	tag, v, _, ok := element(b)
	if !ok || tag != tagGSS {
		return nil, nil, false
	}
	tag, oid, token, ok := element(v)
	if !ok || tag != tagOID {
		return nil, nil, false
	}
	mech, ok = parseOID(oid)
	return mech, token, ok
}

// AppendFrame appends a mechanism's token in the frame of RFC 2743 3.1.
func AppendFrame(dst []byte, mech asn1.ObjectIdentifier, token []byte) []byte {
	return appendElement(dst, tagGSS, append(appendOID(nil, mech), token...))
}

// fields calls f with the number and the content of each context field of a
// sequence. A number may come once only.
func fields(b []byte, f func(n byte, v []byte) bool) error {
	var seen uint32
	for len(b) > 0 {
		tag, v, rest, ok := element(b)
		if !ok || tag&0xE0 != 0xA0 || seen&(1<<(tag&0x1F)) != 0 {
			return errToken
		}
		seen |= 1 << (tag & 0x1F)
		if !f(tag&0x1F, v) {
			return errToken
		}
		b = rest
	}
	return nil
}

func parseInit(b []byte) (*NegTokenInit, error) {
	t := new(NegTokenInit)
	err := fields(b, func(n byte, v []byte) (ok bool) {
		switch n {
		case 0:
			t.RawMechList = v
			if len(v) <= maxMechList {
				t.Mechs, ok = parseMechs(v)
			}
		case 2:
			t.MechToken, ok = whole(v, tagOctetString)
		case 3: // mechListMIC, or the negHints of [MS-SPNG] 2.2.1
			if t.MechListMIC, ok = whole(v, tagOctetString); !ok {
				t.MechListMIC = nil
				_, ok = whole(v, tagSequence)
			}
		case 4: // mechListMIC where [MS-SPNG] 2.2.1 moved it to
			t.MechListMIC, ok = whole(v, tagOctetString)
		default: // reqFlags is ignored, [MS-SPNG] 3.1.5.3
			ok = true
		}
		return ok
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func parseMechs(b []byte) ([]asn1.ObjectIdentifier, bool) {
	list, ok := whole(b, tagSequence)
	if !ok {
		return nil, false
	}
	var mechs []asn1.ObjectIdentifier
	for len(list) > 0 {
		tag, v, rest, ok := element(list)
		if !ok || tag != tagOID || len(mechs) == maxMechs {
			return nil, false
		}
		oid, ok := parseOID(v)
		if !ok {
			return nil, false
		}
		mechs, list = append(mechs, oid), rest
	}
	return mechs, true
}

func parseResp(b []byte) (*NegTokenResp, error) {
	t := &NegTokenResp{State: StateAbsent}
	err := fields(b, func(n byte, v []byte) (ok bool) {
		switch n {
		case 0:
			if v, ok = whole(v, tagEnumerated); !ok || len(v) != 1 || v[0] > byte(RequestMIC) {
				return false
			}
			t.State = State(v[0])
		case 1:
			if v, ok = whole(v, tagOID); ok {
				t.SupportedMech, ok = parseOID(v)
			}
		case 2:
			t.ResponseToken, ok = whole(v, tagOctetString)
		case 3:
			t.MechListMIC, ok = whole(v, tagOctetString)
		default:
			ok = true
		}
		return ok
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// MechList returns the encoding of mechTypes, over which the mechListMIC goes.
func MechList(mechs []asn1.ObjectIdentifier) []byte {
	var list []byte
	for _, oid := range mechs {
		list = appendOID(list, oid)
	}
	return appendElement(nil, tagSequence, list)
}

// Append appends the token in its GSS-API frame.
func (t NegTokenInit) Append(dst []byte) []byte {
	v := appendElement(nil, contextTag(0), MechList(t.Mechs))
	if t.MechToken != nil {
		v = appendField(v, 2, tagOctetString, t.MechToken)
	}
	if t.MechListMIC != nil {
		v = appendField(v, 3, tagOctetString, t.MechListMIC)
	}
	return appendGSS(dst, v)
}

// AppendInit2 appends what a server offers of itself in its NEGOTIATE response:
// a NegTokenInit2 with the mechanisms, best first, [MS-SPNG] 2.2.1 and 3.2.5.2.
func AppendInit2(dst []byte, mechs []asn1.ObjectIdentifier) []byte {
	const hint = "not_defined_in_RFC4178@please_ignore"
	v := appendElement(nil, contextTag(0), MechList(mechs))
	name := appendField(nil, 0, tagGeneralString, []byte(hint))
	v = appendField(v, 3, tagSequence, name)
	return appendGSS(dst, v)
}

// appendGSS puts a NegTokenInit into the frame of RFC 2743 3.1.
func appendGSS(dst, fields []byte) []byte {
	return AppendFrame(dst, oidSPNEGO, appendField(nil, 0, tagSequence, fields))
}

// Append appends the token. Empty fields are left out.
func (t NegTokenResp) Append(dst []byte) []byte {
	var v []byte
	if t.State != StateAbsent {
		v = appendField(v, 0, tagEnumerated, []byte{byte(t.State)})
	}
	if len(t.SupportedMech) > 1 {
		v = appendElement(v, contextTag(1), appendOID(nil, t.SupportedMech))
	}
	if len(t.ResponseToken) > 0 {
		v = appendField(v, 2, tagOctetString, t.ResponseToken)
	}
	if len(t.MechListMIC) > 0 {
		v = appendField(v, 3, tagOctetString, t.MechListMIC)
	}
	return appendField(dst, 1, tagSequence, v)
}
