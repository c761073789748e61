package ndr

import (
	"encoding/binary"

	"github.com/gosmbd/smb/internal/utf16le"
)

// An Encoder builds NDR. The zero value is ready for use.
type Encoder struct {
	b    []byte
	refs uint32 // referents numbered so far
}

// Bytes returns what was written.
func (e *Encoder) Bytes() []byte { return e.b }

// Len returns how many octets were written.
func (e *Encoder) Len() int { return len(e.b) }

// Align pads with zeros to a multiple of n, a power of two.
func (e *Encoder) Align(n int) {
	for len(e.b)&(n-1) != 0 {
		e.b = append(e.b, 0)
	}
}

// Raw appends p, without aligning.
func (e *Encoder) Raw(p []byte) { e.b = append(e.b, p...) }

// U8 writes an octet.
func (e *Encoder) U8(v uint8) { e.b = append(e.b, v) }

// U16 writes an aligned 16-bit integer.
func (e *Encoder) U16(v uint16) {
	e.Align(2)
	e.b = binary.LittleEndian.AppendUint16(e.b, v)
}

// U32 writes an aligned 32-bit integer.
func (e *Encoder) U32(v uint32) {
	e.Align(4)
	e.b = binary.LittleEndian.AppendUint32(e.b, v)
}

// U64 writes an aligned 64-bit integer (a hyper).
func (e *Encoder) U64(v uint64) {
	e.Align(8)
	e.b = binary.LittleEndian.AppendUint64(e.b, v)
}

// Ptr writes the referent ID of a pointer: a fresh one, or the null pointer.
// The IDs are those that Windows gives: 0x00020000 and upwards by four.
func (e *Encoder) Ptr(present bool) {
	if !present {
		e.U32(0)
		return
	}
	e.U32(0x00020000 + 4*e.refs)
	e.refs++
}

// Handle writes a context handle.
func (e *Encoder) Handle(h Handle) {
	e.Align(4)
	e.Raw(h[:])
}

// UUID writes a UUID, which is in the octets of little-endian representation.
func (e *Encoder) UUID(u [16]byte) {
	e.Align(4)
	e.Raw(u[:])
}

// Varying writes a conformant and varying array with room for capacity elements, of which
// n are sent, in the octets p.
func (e *Encoder) Varying(capacity, n int, p []byte) {
	e.U32(uint32(capacity))
	e.U32(0)
	e.U32(uint32(n))
	e.Raw(p)
}

// WString writes a conformant and varying string of 16-bit characters with its
// terminator: the referent of a [string] wchar_t pointer.
func (e *Encoder) WString(s string) {
	e.U32(0)
	at := len(e.b) - 4
	e.U32(0)
	e.U32(0)
	start := len(e.b)
	e.b = append(utf16le.Append(e.b, s), 0, 0)
	n := uint32(len(e.b)-start) / 2
	binary.LittleEndian.PutUint32(e.b[at:], n)
	binary.LittleEndian.PutUint32(e.b[at+8:], n)
}

// UniqueWString writes a pointer to a string and the string behind it, as for a
// parameter of its own.
func (e *Encoder) UniqueWString(s string) {
	e.Ptr(true)
	e.WString(s)
}

// UnicodeString writes the header of an RPC_UNICODE_STRING ([MS-DTYP] 2.3.10);
// UnicodeStringBody writes the characters where the deferred referents stand. An
// empty s has a null pointer, and no body. The string has no terminator; what
// does not fit its 16-bit length is cut off.
func (e *Encoder) UnicodeString(s string) {
	n := uint16(len(unicodeBytes(s)))
	e.Align(4)
	e.U16(n)
	e.U16(n)
	e.Ptr(n > 0)
}

// UnicodeStringBody writes the referent of UnicodeString(s).
func (e *Encoder) UnicodeStringBody(s string) {
	p := unicodeBytes(s)
	if len(p) == 0 {
		return
	}
	e.Varying(len(p)/2, len(p)/2, p)
}

func unicodeBytes(s string) []byte {
	p := utf16le.Append(nil, s)
	if len(p) > 0xfffe {
		p = p[:0xfffe]
	}
	return p
}
