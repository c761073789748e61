package dcerpc

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	trailerLen = 8
	// trailerAlign is what a sec_trailer is aligned to, from the beginning of the PDU's
	// body, [MS-RPCE] 2.2.2.11.
	trailerAlign = 16
)

// trailer is a sec_trailer with the token behind it, [MS-RPCE] 2.2.2.11.
type trailer struct {
	kind, level uint8
	pad         int
	id          uint32
	at          int // where it begins
	token       []byte
}

// parseTrailer reads the sec_trailer of a PDU with a token.
func parseTrailer(h header, pdu []byte) (trailer, error) {
	at := len(pdu) - h.authLen - trailerLen
	if at < headerLen {
		return trailer{}, errShort
	}
	t := pdu[at:]
	v := trailer{kind: t[0], level: t[1], pad: int(t[2]), id: h.order.Uint32(t[4:]), at: at, token: t[trailerLen:]}
	if v.pad > max(0, at-responseHeaderLen) {
		return trailer{}, errShort
	}
	return v, nil
}

// body returns a PDU up to its sec_trailer, or to its end.
func body(h header, pdu []byte) ([]byte, error) {
	if h.authLen == 0 {
		return pdu, nil
	}
	t, err := parseTrailer(h, pdu)
	return pdu[:t.at], err
}

func (a *auth) appendTrailer(dst []byte, pad int) []byte {
	dst = append(dst, a.kind, a.level, uint8(pad), 0)
	return binary.LittleEndian.AppendUint32(dst, a.id)
}

// overhead is how much longer than its stub and padding a makes a response.
func (a *auth) overhead() int {
	if !a.protects() {
		return 0
	}
	return trailerLen + a.keys.SignatureSize(a.seals())
}

// withToken completes the answer to a bind or an alter_context with a token of the
// security provider, which is empty in the end.
func (a *auth) withToken(pdu, token []byte) []byte {
	if a == nil {
		return finish(pdu)
	}
	pad := -len(pdu) & 3
	pdu = append(pdu, make([]byte, pad)...)
	pdu = append(a.appendTrailer(pdu, pad), token...)
	binary.LittleEndian.PutUint16(pdu[10:], uint16(len(token)))
	return finish(pdu)
}

// protect completes a response, in place: padding, sec_trailer and signature; at
// LevelPrivacy the stub becomes unreadable. [MS-RPCE] 3.3.1.5.2.2
func (a *auth) protect(pdu []byte) ([]byte, error) {
	if !a.protects() {
		return finish(pdu), nil
	}
	pad := -(len(pdu) - responseHeaderLen) & (trailerAlign - 1)
	end := len(pdu) + pad
	pdu = a.appendTrailer(append(pdu, make([]byte, pad)...), pad)
	size := a.keys.SignatureSize(a.seals())
	binary.LittleEndian.PutUint16(pdu[8:], uint16(len(pdu)+size))
	binary.LittleEndian.PutUint16(pdu[10:], uint16(size))
	head, body, tail := a.parts(pdu, responseHeaderLen, end)
	var sig []byte
	var err error
	if a.seals() {
		sig, err = a.keys.Seal(head, body, tail)
	} else {
		sig, err = a.keys.Sign(head, body, tail)
	}
	if err != nil || len(sig) > size {
		return nil, fmt.Errorf("dcerpc: a response can't be protected: %w", err)
	}
	return append(append(pdu, sig...), make([]byte, size-len(sig))...), nil
}

// parts cuts a PDU into header, stub and sec_trailer. The first and the last are empty
// if they are not to be signed.
func (a *auth) parts(pdu []byte, stub, trailer int) (head, body, tail []byte) {
	if a.headers || a.keys.SignsAll() {
		head, tail = pdu[:stub], pdu[trailer:trailer+trailerLen]
	}
	return head, pdu[stub:trailer], tail
}

// unprotect checks a request and returns its stub, readable. pdu is left as it is.
func (a *auth) unprotect(h header, pdu []byte, r request) ([]byte, Fault) {
	if h.authLen == 0 {
		if a.protects() {
			return nil, FaultProto
		}
		return r.stub, 0
	}
	t, err := parseTrailer(h, pdu)
	if err != nil || t.at-t.pad < r.headLen {
		return nil, FaultProto
	}
	stub := pdu[r.headLen:t.at]
	if a.protects() {
		p := pdu
		if a.seals() {
			p = bytes.Clone(pdu)
		}
		head, body, tail := a.parts(p, r.headLen, t.at)
		if a.seals() {
			err = a.keys.Unseal(t.token, head, body, tail)
		} else {
			err = a.keys.Verify(t.token, head, body, tail)
		}
		if err != nil {
			return nil, FaultSecurity
		}
		stub = body
	}
	return stub[:len(stub)-t.pad], 0
}
