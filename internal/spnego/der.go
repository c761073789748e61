package spnego

import (
	"encoding/asn1"
	"math"
)

// The universal and application tags that SPNEGO uses; context tags are made by
// contextTag.
const (
	tagOctetString   = 0x04
	tagOID           = 0x06
	tagEnumerated    = 0x0A
	tagGeneralString = 0x1B
	tagSequence      = 0x30
	tagGSS           = 0x60 // [APPLICATION 0], RFC 2743 3.1
)

// contextTag is the explicit tag [n].
func contextTag(n byte) byte { return 0xA0 | n }

// element takes one tag, length and value off b. Lengths need not be in their
// shortest form, since some clients always write four bytes; the indefinite form
// and tags above 30 are refused.
func element(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) < 2 || b[0]&0x1F == 0x1F {
		return 0, nil, nil, false
	}
	tag, n, b := b[0], uint64(b[1]), b[2:]
	if n >= 0x80 {
		count := int(n & 0x7F)
		if count == 0 || count > 4 || count > len(b) {
			return 0, nil, nil, false
		}
		n = 0
		for _, c := range b[:count] {
			n = n<<8 | uint64(c)
		}
		b = b[count:]
	}
	if n > uint64(len(b)) {
		return 0, nil, nil, false
	}
	return tag, b[:n:n], b[n:], true
}

// whole is element for a b that holds nothing but one element with the given
// tag.
func whole(b []byte, want byte) (value []byte, ok bool) {
	tag, value, rest, ok := element(b)
	return value, ok && tag == want && len(rest) == 0
}

// maxOID bounds the bytes of an OBJECT IDENTIFIER's value. Decoded it takes eight times
// as much.
const maxOID = 64

// parseOID decodes the value of an OBJECT IDENTIFIER. One whose numbers don't fit
// an int (the UUID arcs of 2.25 don't) is empty, which equals no mechanism.
func parseOID(b []byte) (asn1.ObjectIdentifier, bool) {
	if len(b) == 0 || len(b) > maxOID || b[len(b)-1]&0x80 != 0 {
		return nil, false
	}
	oid := make(asn1.ObjectIdentifier, 0, 12)
	fits, n := true, uint64(0)
	for _, c := range b {
		if n > math.MaxInt32>>7 {
			fits, n = false, 0
		}
		n = n<<7 | uint64(c&0x7F)
		if c&0x80 != 0 {
			continue
		}
		if len(oid) == 0 { // the first two numbers share one, X.690 8.19.4
			first := min(n/40, 2)
			oid = append(oid, int(first))
			n -= first * 40
		}
		oid = append(oid, int(n))
		n = 0
	}
	if !fits {
		return nil, true
	}
	return oid, true
}

// appendOID appends oid as an element; it has at least two numbers, none
// negative.
func appendOID(dst []byte, oid asn1.ObjectIdentifier) []byte {
	var v []byte
	for i, n := range oid {
		switch i {
		case 0:
			continue
		case 1:
			n += oid[0] * 40
		}
		v = appendBase128(v, uint64(n))
	}
	return appendElement(dst, tagOID, v)
}

func appendBase128(dst []byte, n uint64) []byte {
	shift := 0
	for n>>shift >= 0x80 {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		dst = append(dst, 0x80|byte(n>>shift)&0x7F)
	}
	return append(dst, byte(n)&0x7F)
}

// appendElement appends a tag, the shortest length, and the value.
func appendElement(dst []byte, tag byte, value []byte) []byte {
	dst = append(dst, tag)
	n := len(value)
	switch {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 1<<8:
		dst = append(dst, 0x81, byte(n))
	case n < 1<<16:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, value...)
}

// appendField appends the field [n] that holds one element.
func appendField(dst []byte, n, tag byte, value []byte) []byte {
	return appendElement(dst, contextTag(n), appendElement(nil, tag, value))
}
