// Package ndr reads and writes Network Data Representation, the octets that an
// RPC stub consists of (DCE 1.1 C706 chapter 14, with the rules of [MS-RPCE]
// 2.2.4): transfer syntax version 2.0, 32-bit pointers. Integers are read in either
// representation, and written little-endian.
//
// There is no reflection and no description language: each operation is written
// out by hand, in the order in which the octets stand. Pointers that are members
// of a structure or an array put a referent ID in place and the referent behind
// the whole construction, so callers write all IDs first, then all referents.
package ndr

import (
	"encoding/binary"
	"errors"

	"github.com/gosmbd/smb/internal/utf16le"
)

// ErrBadStub is the error of stub data that is not well-formed NDR.
var ErrBadStub = errors.New("ndr: bad stub data")

// A Decoder reads NDR from a slice. The first failure sticks: every later call
// returns zero, so that a caller asks Err once, after the last field. A Decoder
// allocates only for what it returns, never by a count that the input announces.
type Decoder struct {
	b     []byte
	off   int
	order binary.ByteOrder
	err   error
}

// NewDecoder returns a Decoder over b, which it aliases, for integers in little-endian
// representation. Alignment counts from b's start.
func NewDecoder(b []byte) *Decoder { return NewDecoderOrder(b, binary.LittleEndian) }

// NewDecoderOrder is NewDecoder for integers, and characters of 16 bits, in the
// given representation: a client sends its own (C706 14.1).
func NewDecoderOrder(b []byte, order binary.ByteOrder) *Decoder { return &Decoder{b: b, order: order} }

// Err returns ErrBadStub if anything so far could not be read, else nil.
func (d *Decoder) Err() error { return d.err }

// Fail makes the Decoder fail, for a caller that has seen a value that the
// interface definition doesn't allow.
func (d *Decoder) Fail() {
	if d.err == nil {
		d.err = ErrBadStub
	}
}

// Remaining returns how many octets have not been read; 0 after a failure.
func (d *Decoder) Remaining() int {
	if d.err != nil {
		return 0
	}
	return len(d.b) - d.off
}

// Align skips to a multiple of n, a power of two.
func (d *Decoder) Align(n int) {
	if d.err != nil {
		return
	}
	off := (d.off + n - 1) &^ (n - 1)
	if off > len(d.b) {
		d.Fail()
		return
	}
	d.off = off
}

// Bytes returns the next n octets, without aligning, as part of the input.
func (d *Decoder) Bytes(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || n > len(d.b)-d.off {
		d.Fail()
		return nil
	}
	p := d.b[d.off : d.off+n : d.off+n]
	d.off += n
	return p
}

// U8 reads an octet.
func (d *Decoder) U8() uint8 {
	if p := d.Bytes(1); p != nil {
		return p[0]
	}
	return 0
}

// U16 reads an aligned 16-bit integer.
func (d *Decoder) U16() uint16 {
	d.Align(2)
	if p := d.Bytes(2); p != nil {
		return d.order.Uint16(p)
	}
	return 0
}

// U32 reads an aligned 32-bit integer.
func (d *Decoder) U32() uint32 {
	d.Align(4)
	if p := d.Bytes(4); p != nil {
		return d.order.Uint32(p)
	}
	return 0
}

// U64 reads an aligned 64-bit integer (a hyper).
func (d *Decoder) U64() uint64 {
	d.Align(8)
	if p := d.Bytes(8); p != nil {
		return d.order.Uint64(p)
	}
	return 0
}

// Ptr reads the referent ID of a unique or full pointer and says whether it
// points to anything.
func (d *Decoder) Ptr() bool { return d.U32() != 0 }

// Count checks that n elements of at least size octets each can still follow,
// and returns n as an int. It fails otherwise, and returns 0.
func (d *Decoder) Count(n uint32, size int) int {
	if uint64(n)*uint64(size) > uint64(d.Remaining()) {
		d.Fail()
		return 0
	}
	return int(n)
}

// MaxCount reads the maximum count of a conformant array, which has to equal
// want, the value of its size_is expression.
func (d *Decoder) MaxCount(want uint32, size int) int {
	n := d.U32()
	if n != want {
		d.Fail()
	}
	return d.Count(n, size)
}

// varying reads the three counts of a conformant and varying array (C706
// 14.3.3.4) and returns its elements, of size octets each.
func (d *Decoder) varying(size int) (elements []byte, capacity uint32) {
	capacity = d.U32()
	offset, actual := d.U32(), d.U32()
	if offset != 0 || actual > capacity {
		d.Fail()
	}
	return d.Bytes(d.Count(actual, size) * size), capacity
}

// WString reads a conformant and varying string of 16-bit characters: the
// referent of a [string] wchar_t pointer. It ends before the first NUL; a missing
// terminator is tolerated, as it is by other servers.
func (d *Decoder) WString() string {
	p, _ := d.varying(2)
	for i := 0; i+1 < len(p); i += 2 {
		if p[i] == 0 && p[i+1] == 0 {
			p = p[:i]
			break
		}
	}
	return d.utf16(p)
}

// UniqueWString reads a unique pointer to a string that is a parameter of its
// own, so that the referent follows at once. A null pointer gives "".
func (d *Decoder) UniqueWString() string {
	if !d.Ptr() {
		return ""
	}
	return d.WString()
}

// UniqueU32 reads a unique pointer to a 32-bit integer that is a parameter.
func (d *Decoder) UniqueU32() (v uint32, ok bool) {
	if !d.Ptr() {
		return 0, false
	}
	return d.U32(), true
}

// Handle is a context handle, ndr_context_handle of C706 appendix N: attributes and a
// UUID, in the octets of little-endian representation. The zero Handle is none.
type Handle [20]byte

// Handle reads a context handle.
func (d *Decoder) Handle() (h Handle) {
	binary.LittleEndian.PutUint32(h[:], d.U32())
	id := d.UUID()
	copy(h[4:], id[:])
	return h
}

// UUID reads a UUID, and returns it in the octets of little-endian representation.
func (d *Decoder) UUID() (u [16]byte) {
	le := binary.LittleEndian
	le.PutUint32(u[0:], d.U32())
	le.PutUint16(u[4:], d.U16())
	le.PutUint16(u[6:], d.U16())
	copy(u[8:], d.Bytes(8))
	return u
}

// UnicodeString is the header of an RPC_UNICODE_STRING ([MS-DTYP] 2.3.10) whose
// characters have not been read yet.
type UnicodeString struct {
	length, max uint16
	present     bool
}

// UnicodeString reads the header; its referent is read by UnicodeStringBody
// where the deferred referents stand.
func (d *Decoder) UnicodeString() UnicodeString {
	d.Align(4)
	return UnicodeString{length: d.U16(), max: d.U16(), present: d.Ptr()}
}

// UnicodeStringBody reads the characters that s announced; "" for a null pointer.
func (d *Decoder) UnicodeStringBody(s UnicodeString) string {
	if !s.present {
		return ""
	}
	p, capacity := d.varying(2)
	if len(p) != int(s.length)&^1 || capacity != uint32(s.max)/2 {
		d.Fail()
		return ""
	}
	return d.utf16(p)
}

// WholeUnicodeString reads an RPC_UNICODE_STRING that is a parameter of its own, so that
// its characters follow at once.
func (d *Decoder) WholeUnicodeString() string { return d.UnicodeStringBody(d.UnicodeString()) }

func (d *Decoder) utf16(p []byte) string {
	if d.err != nil {
		return ""
	}
	if d.order == binary.BigEndian {
		p = swapped(p)
	}
	s, err := utf16le.Decode(p)
	if err != nil {
		d.Fail()
		return ""
	}
	return s
}

// swapped returns p with the octets of each 16-bit character the other way round.
func swapped(p []byte) []byte {
	q := make([]byte, len(p))
	for i := 0; i+1 < len(p); i += 2 {
		q[i], q[i+1] = p[i+1], p[i]
	}
	return q
}
