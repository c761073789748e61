package dcerpc

import (
	"encoding/binary"
	"slices"
)

// syntax names an interface or a transfer syntax with its version (p_syntax_id_t).
type syntax struct {
	id           UUID
	major, minor uint16
}

// ndr32 is the transfer syntax that is spoken, C706 appendix I.
var ndr32 = syntax{MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2, 0}

// featurePrefix begins the pretended transfer syntax by which a client asks for
// bind time features; its last eight octets are a bit mask, [MS-RPCE] 3.3.1.5.3.
var featurePrefix = MustUUID("6cb71c2c-9812-4540-0000-000000000000")

// The bind time features, [MS-RPCE] 2.2.2.14: more than one security context, and an
// orphaned PDU that only discards the call.
const (
	multiplexSecurity = 0x01
	keepOnOrphan      = 0x02

	allFeatures = multiplexSecurity | keepOnOrphan
)

// Results and reasons of a presentation context, C706 12.6.3.1 and [MS-RPCE] 2.2.2.4.
const (
	resultAccept    = 0
	resultProvider  = 2
	resultNegotiate = 3

	reasonNone     = 0
	reasonAbstract = 1 // abstract_syntax_not_supported
	reasonTransfer = 2 // proposed_transfer_syntaxes_not_supported
)

// Reasons of a bind_nak, [MS-RPCE] 2.2.2.5.
const (
	nakUnspecified = 0
	nakLimit       = 2
	nakProtocol    = 4
	nakAuthType    = 8
	nakSecurity    = 9 // invalid_checksum: the security provider can't go on

	nakNone = 0xffff // no bind_nak
)

// proposal is one presentation context of a bind (p_cont_elem_t).
type proposal struct {
	id       uint16
	abstract syntax
	transfer []syntax
}

// bind is a bind or an alter_context, C706 12.6.4.3 and 12.6.4.1.
type bind struct {
	maxXmit, maxRecv int
	group            uint32
	proposals        []proposal
}

func parseSyntax(b []byte, order binary.ByteOrder) syntax {
	id := UUID(b[:16])
	if order == binary.BigEndian {
		id = id.swapped()
	}
	version := order.Uint32(b[16:])
	return syntax{id, uint16(version), uint16(version >> 16)}
}

// parseBind reads the body of a bind or alter_context, up to its sec_trailer.
func parseBind(h header, pdu []byte) (bind, error) {
	if len(pdu) < 25 {
		return bind{}, errShort
	}
	o := h.order
	b := bind{maxXmit: int(o.Uint16(pdu[16:])), maxRecv: int(o.Uint16(pdu[18:])), group: o.Uint32(pdu[20:])}
	p := pdu[min(28, len(pdu)):]
	for range pdu[24] {
		if len(p) < 24 {
			return bind{}, errShort
		}
		n := 24 + 20*int(p[2])
		if len(p) < n {
			return bind{}, errShort
		}
		q := proposal{id: o.Uint16(p), abstract: parseSyntax(p[4:], o)}
		for t := p[24:n]; len(t) > 0; t = t[20:] {
			q.transfer = append(q.transfer, parseSyntax(t, o))
		}
		b.proposals = append(b.proposals, q)
		p = p[n:]
	}
	return b, nil
}

// wellFormed reports whether every proposal has a transfer syntax, and one at most asks for
// bind time features.
func (b bind) wellFormed() bool {
	asked := 0
	for _, p := range b.proposals {
		if len(p.transfer) == 0 {
			return false
		}
		if _, ok := features(p); ok {
			asked++
		}
	}
	return len(b.proposals) > 0 && asked <= 1
}

// result is the answer to one proposal (p_result_t).
type result struct {
	result, reason uint16
	transfer       syntax
}

// answer decides on one proposal. The interface is nil unless it was accepted.
func answer(p proposal, ifaces []Interface) (result, *Interface) {
	if bits, ok := features(p); ok {
		return result{result: resultNegotiate, reason: bits & allFeatures}, nil
	}
	var found *Interface
	for i := range ifaces {
		f := &ifaces[i]
		if f.UUID == p.abstract.id && f.Major == p.abstract.major && f.Minor >= p.abstract.minor {
			found = f
		}
	}
	if found == nil {
		return result{result: resultProvider, reason: reasonAbstract}, nil
	}
	if slices.Contains(p.transfer, ndr32) {
		return result{resultAccept, reasonNone, ndr32}, found
	}
	return result{result: resultProvider, reason: reasonTransfer}, nil
}

// features returns the bind time features that p asks for, if it is that kind of
// proposal: only the first transfer syntax counts.
func features(p proposal) (uint16, bool) {
	s := p.transfer[0]
	if [8]byte(s.id[:8]) != [8]byte(featurePrefix[:8]) || s.major != 1 || s.minor != 0 {
		return 0, false
	}
	return binary.LittleEndian.Uint16(s.id[8:]), true
}

// appendBindAck builds a bind_ack or an alter_context_resp, C706 12.6.4.4, without its
// sec_trailer. addr is the secondary address, "" in the latter.
func appendBindAck(dst []byte, ptype, flags uint8, callID uint32, b bind, addr string, results []result) []byte {
	le := binary.LittleEndian
	dst = appendHeader(dst, ptype, flagFirst|flagLast|flags, callID)
	dst = le.AppendUint16(dst, uint16(b.maxXmit))
	dst = le.AppendUint16(dst, uint16(b.maxRecv))
	dst = le.AppendUint32(dst, b.group)
	if addr == "" {
		dst = le.AppendUint16(dst, 0)
	} else {
		dst = le.AppendUint16(dst, uint16(len(addr)+1))
		dst = append(append(dst, addr...), 0)
	}
	for len(dst)&3 != 0 {
		dst = append(dst, 0)
	}
	dst = append(dst, uint8(len(results)), 0, 0, 0)
	for _, r := range results {
		dst = le.AppendUint16(dst, r.result)
		dst = le.AppendUint16(dst, r.reason)
		dst = append(dst, r.transfer.id[:]...)
		dst = le.AppendUint16(dst, r.transfer.major)
		dst = le.AppendUint16(dst, r.transfer.minor)
	}
	return finish(dst)
}

// appendBindNak builds a bind_nak, [MS-RPCE] 2.2.2.9, with the one protocol
// version that is spoken.
func appendBindNak(dst []byte, callID uint32, reason uint16) []byte {
	dst = appendHeader(dst, ptypeBindNak, flagFirst|flagLast, callID)
	dst = binary.LittleEndian.AppendUint16(dst, reason)
	return finish(append(dst, 1, 5, 0, 0, 0, 0))
}
