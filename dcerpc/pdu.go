package dcerpc

import (
	"encoding/binary"
	"errors"
	"math"
)

// The types of connection-oriented PDUs, C706 12.6.4 and [MS-RPCE] 2.2.2.
const (
	ptypeRequest          = 0
	ptypeResponse         = 2
	ptypeFault            = 3
	ptypeBind             = 11
	ptypeBindAck          = 12
	ptypeBindNak          = 13
	ptypeAlterContext     = 14
	ptypeAlterContextResp = 15
	ptypeAuth3            = 16
	ptypeShutdown         = 17
	ptypeCancel           = 18
	ptypeOrphaned         = 19
)

// The flags of the common header, C706 12.6.3.1.
const (
	flagFirst         = 0x01
	flagLast          = 0x02
	flagHeaderSign    = 0x04 // PFC_SUPPORT_HEADER_SIGN, [MS-RPCE] 2.2.2.3
	flagMultiplex     = 0x10 // PFC_CONC_MPX
	flagDidNotExecute = 0x20
	flagMaybe         = 0x40
	flagObject        = 0x80
)

const (
	headerLen         = 16
	responseHeaderLen = 24
)

var errShort = errors.New("dcerpc: PDU is shorter than its fields")

// header is the part that all connection-oriented PDUs begin with, C706 12.6.3.1.
type header struct {
	major, minor uint8
	ptype        uint8
	flags        uint8
	drep         uint8            // the first octet of the data representation
	order        binary.ByteOrder // of the integers, by drep
	length       int              // of the whole fragment
	authLen      int
	callID       uint32
}

// parseHeader reads the common header; b holds headerLen octets at least. The
// integers are in the sender's representation, drep.
func parseHeader(b []byte) header {
	h := header{major: b[0], minor: b[1], ptype: b[2], flags: b[3], drep: b[4], order: binary.LittleEndian}
	if b[4]&0xf0 == 0 {
		h.order = binary.BigEndian
	}
	h.length = int(h.order.Uint16(b[8:]))
	h.authLen = int(h.order.Uint16(b[10:]))
	h.callID = h.order.Uint32(b[12:])
	return h
}

// appendHeader begins a PDU in our representation: little-endian, ASCII, IEEE.
// finish fills in its length.
func appendHeader(dst []byte, ptype, flags uint8, callID uint32) []byte {
	dst = append(dst, 5, 0, ptype, flags, 0x10, 0, 0, 0, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, callID)
}

func finish(pdu []byte) []byte {
	binary.LittleEndian.PutUint16(pdu[8:], uint16(len(pdu)))
	return pdu
}

// request is one fragment of a call, C706 12.6.4.9.
type request struct {
	context uint16
	opnum   uint16
	headLen int
	hint    int    // how much is still to come, alloc_hint
	stub    []byte // with what stands behind it: padding, sec_trailer and token
}

func parseRequest(h header, pdu []byte) (request, error) {
	n := responseHeaderLen
	if h.flags&flagObject != 0 {
		n += 16
	}
	if len(pdu) < n {
		return request{}, errShort
	}
	hint := int(min(h.order.Uint32(pdu[16:]), math.MaxInt32))
	return request{context: h.order.Uint16(pdu[20:]), hint: hint, opnum: h.order.Uint16(pdu[22:]), headLen: n, stub: pdu[n:]}, nil
}

// appendResponses appends stub as response fragments of maxFrag octets at most,
// one slice each, C706 12.6.4.10, protected by a.
func appendResponses(queue [][]byte, k *call, stub []byte, maxFrag int, a *auth) ([][]byte, error) {
	// All but the last fragment carry a multiple of what the trailer is aligned to,
	// so of eight octets, too, as [MS-RPCE] 2.2.2 wants.
	room := (maxFrag - responseHeaderLen - a.overhead()) &^ (trailerAlign - 1)
	flags := uint8(flagFirst)
	for {
		part := stub
		if len(part) > room {
			part = part[:room]
		} else {
			flags |= flagLast
		}
		pdu := make([]byte, 0, responseHeaderLen+len(part)+trailerAlign+a.overhead())
		pdu = appendHeader(pdu, ptypeResponse, flags, k.id)
		pdu = binary.LittleEndian.AppendUint32(pdu, uint32(len(stub)))
		pdu = binary.LittleEndian.AppendUint16(pdu, k.head.context&0xff) // as Windows does
		pdu = append(pdu, 0, 0)                                          // cancel count, reserved
		pdu, err := a.protect(append(pdu, part...))
		if err != nil {
			return nil, err
		}
		queue = append(queue, pdu)
		if flags&flagLast != 0 {
			return queue, nil
		}
		stub = stub[room:]
		flags = 0
	}
}

// appendFault appends a fault PDU, C706 12.6.4.7.
func appendFault(queue [][]byte, callID uint32, context uint16, f Fault, flags uint8) [][]byte {
	pdu := make([]byte, 0, 32)
	pdu = appendHeader(pdu, ptypeFault, flagFirst|flagLast|flags, callID)
	pdu = binary.LittleEndian.AppendUint32(pdu, 24) // alloc_hint, as Samba has it
	pdu = binary.LittleEndian.AppendUint16(pdu, context)
	pdu = append(pdu, 0, 0)
	pdu = binary.LittleEndian.AppendUint32(pdu, uint32(f))
	return append(queue, finish(append(pdu, 0, 0, 0, 0)))
}
