package netlogon

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/gosmbd/smb/dcerpc"
)

// The PDUs of a client, C706 12.6.4 and [MS-RPCE] 2.2.2. Package dcerpc has those of
// a server without security providers.
const (
	ptypeRequest  = 0
	ptypeResponse = 2
	ptypeFault    = 3
	ptypeBind     = 11
	ptypeBindAck  = 12
	ptypeBindNak  = 13

	flagFirst = 0x01
	flagLast  = 0x02

	headerLen     = 16
	requestLen    = 24 // header of a request or a response
	bindLen       = 72
	secTrailerLen = 8

	// maxFrag is the longest fragment that is sent and taken, what Windows offers;
	// minFrag is what everybody must take, C706 12.6.3.1.
	maxFrag = 5840
	minFrag = 1432
)

var errPDU = errors.New("netlogon: malformed PDU")

// syntax names an interface with its version.
type syntax struct {
	id    dcerpc.UUID
	major uint16
}

var (
	ifaceNetlogon = syntax{dcerpc.MustUUID("12345678-1234-abcd-ef00-01234567cffb"), 1} // [MS-NRPC] 1.9
	ifaceEpmapper = syntax{dcerpc.MustUUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3} // C706 appendix O
	ndr32         = syntax{dcerpc.MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2} // C706 appendix I
)

// append writes a p_syntax_id_t with minor version 0.
func (s syntax) append(dst []byte) []byte {
	dst = append(dst, s.id[:]...)
	dst = binary.LittleEndian.AppendUint16(dst, s.major)
	return append(dst, 0, 0)
}

// header is what all PDUs begin with, C706 12.6.3.1.
type header struct {
	ptype, flags    uint8
	length, authLen int
	callID          uint32
}

// parseHeader reads a header, of little-endian representation.
func parseHeader(b [headerLen]byte) (header, error) {
	le := binary.LittleEndian
	h := header{ptype: b[2], flags: b[3], length: int(le.Uint16(b[8:])), authLen: int(le.Uint16(b[10:])), callID: le.Uint32(b[12:])}
	if b[0] != 5 || b[4] != 0x10 || h.length < headerLen || h.length > maxFrag {
		return header{}, errPDU
	}
	if h.authLen != 0 && h.length < headerLen+secTrailerLen+h.authLen {
		return header{}, errPDU
	}
	return h, nil
}

func appendHeader(dst []byte, ptype, flags uint8, callID uint32) []byte {
	dst = append(dst, 5, 0, ptype, flags, 0x10, 0, 0, 0, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, callID)
}

// finish fills in the lengths.
func finish(pdu []byte, authLen int) []byte {
	binary.LittleEndian.PutUint16(pdu[8:], uint16(len(pdu)))
	binary.LittleEndian.PutUint16(pdu[10:], uint16(authLen))
	return pdu
}

// appendSecTrailer appends a sec_trailer, [MS-RPCE] 2.2.2.11, of security context 0.
func appendSecTrailer(dst []byte, pad int) []byte {
	return append(dst, authNetlogon, authPrivacy, byte(pad), 0, 0, 0, 0, 0)
}

// splitAuth takes the security trailer and the token off a PDU that has one.
func splitAuth(h header, pdu []byte) (rest, token []byte, pad int, err error) {
	at := len(pdu) - h.authLen - secTrailerLen
	t := pdu[at:]
	if t[0] != authNetlogon || t[1] != authPrivacy || binary.LittleEndian.Uint32(t[4:]) != 0 {
		return nil, nil, 0, errPDU
	}
	return pdu[:at], t[secTrailerLen:], int(t[2]), nil
}

// appendBind builds a bind for one interface, C706 12.6.4.3, with the token of the
// security provider unless that is nil.
func appendBind(callID uint32, iface syntax, token []byte) []byte {
	b := appendHeader(make([]byte, 0, bindLen+secTrailerLen+len(token)), ptypeBind, flagFirst|flagLast, callID)
	b = binary.LittleEndian.AppendUint16(b, maxFrag)
	b = binary.LittleEndian.AppendUint16(b, maxFrag)
	b = append(b, 0, 0, 0, 0) // a new association
	b = append(b, 1, 0, 0, 0) // one context, number 0, with one transfer syntax
	b = append(b, 0, 0, 1, 0)
	b = iface.append(b)
	b = ndr32.append(b)
	if token != nil {
		b = append(appendSecTrailer(b, 0), token...)
	}
	return finish(b, len(token))
}

// parseBindAck reads a bind_ack, C706 12.6.4.4, and returns how long fragments may be.
// pdu is without the security trailer.
func parseBindAck(pdu []byte) (maxXmit int, err error) {
	le := binary.LittleEndian
	if len(pdu) < 26 {
		return 0, errPDU
	}
	at := (26 + int(le.Uint16(pdu[24:])) + 3) &^ 3 // behind the secondary address
	if len(pdu) < at+28 || pdu[at] != 1 {
		return 0, errPDU
	}
	if result, reason := le.Uint16(pdu[at+4:]), le.Uint16(pdu[at+6:]); result != 0 {
		return 0, fmt.Errorf("netlogon: bind refused, result %d, reason %d", result, reason)
	}
	transfer := syntax{dcerpc.UUID(pdu[at+8 : at+24]), le.Uint16(pdu[at+24:])}
	maxXmit = min(int(le.Uint16(pdu[18:])), maxFrag)
	if transfer != ndr32 || maxXmit < minFrag {
		return 0, errPDU
	}
	return maxXmit, nil
}

// appendRequest builds one fragment of a request, C706 12.6.4.9. part is a piece of
// the stub; s seals it, unless s is nil.
func appendRequest(callID uint32, flags uint8, opnum uint16, part []byte, s *sealer) []byte {
	b := appendHeader(make([]byte, 0, requestLen+len(part)+16+secTrailerLen+signatureLen), ptypeRequest, flags, callID)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(part)))
	b = append(b, 0, 0) // context 0
	b = binary.LittleEndian.AppendUint16(b, opnum)
	b = append(b, part...)
	return protect(b, s)
}

// protect ends a request or a response: it seals what is behind the header.
func protect(b []byte, s *sealer) []byte {
	if s == nil {
		return finish(b, 0)
	}
	pad := -(len(b) - requestLen) & 15
	b = append(b, make([]byte, pad)...)
	signature := s.seal(make([]byte, 0, signatureLen), b[requestLen:])
	b = append(appendSecTrailer(b, pad), signature...)
	return finish(b, len(signature))
}

// unprotect checks and decrypts what is behind the header of a request or a response,
// in place, and returns it.
func unprotect(h header, pdu []byte, s *sealer) ([]byte, error) {
	if len(pdu) < requestLen {
		return nil, errPDU
	}
	if s == nil {
		if h.authLen != 0 {
			return nil, errPDU
		}
		return pdu[requestLen:], nil
	}
	if h.authLen == 0 {
		return nil, errSignature
	}
	rest, token, pad, err := splitAuth(h, pdu)
	if err != nil {
		return nil, err
	}
	if len(rest) < requestLen+pad {
		return nil, errPDU
	}
	body := rest[requestLen:]
	if err := s.open(body, token); err != nil {
		return nil, err
	}
	return body[:len(body)-pad], nil
}

// parseFault reads the status of a fault, C706 12.6.4.7.
func parseFault(pdu []byte) error {
	if len(pdu) < requestLen+4 {
		return errPDU
	}
	return dcerpc.Fault(binary.LittleEndian.Uint32(pdu[requestLen:]))
}
