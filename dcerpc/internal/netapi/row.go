package netapi

import (
	"unicode/utf8"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// A Cell is one member of a structure.
type Cell struct {
	kind kind
	n    uint32
	s    string
	b    []byte
}

type kind uint8

const (
	number kind = iota
	text
	octets
	null
)

// Num is a DWORD.
func Num(n uint32) Cell { return Cell{n: n} }

// Str is a [string] wchar_t pointer.
func Str(s string) Cell { return Cell{kind: text, s: s} }

// Buf is a pointer to the conformant array of octets b, a null pointer if b is
// empty.
func Buf(b []byte) Cell {
	if len(b) == 0 {
		return Null()
	}
	return Cell{kind: octets, b: b}
}

// Null is a null pointer.
func Null() Cell { return Cell{kind: null} }

// A Row is a structure, its members in order.
type Row []Cell

// inline writes what stands in the structure itself.
func (r Row) inline(e *ndr.Encoder) {
	for _, c := range r {
		if c.kind == number {
			e.U32(c.n)
		} else {
			e.Ptr(c.kind != null)
		}
	}
}

// referents writes what the structure points to.
func (r Row) referents(e *ndr.Encoder) {
	for _, c := range r {
		switch c.kind {
		case text:
			e.WString(c.s)
		case octets:
			e.U32(uint32(len(c.b)))
			e.Raw(c.b)
		}
	}
}

// size is how much of a caller's PreferedMaximumLength r takes: its octets in
// memory there, members and characters.
func (r Row) size() uint64 {
	n := uint64(4 * len(r))
	for _, c := range r {
		switch c.kind {
		case text:
			n += 2 * uint64(utf8.RuneCountInString(c.s)+1)
		case octets:
			n += uint64(len(c.b))
		}
	}
	return n
}

// AppendPtr writes a pointer to r and r itself with all that it points to.
func (r Row) AppendPtr(e *ndr.Encoder) {
	e.Ptr(true)
	r.inline(e)
	r.referents(e)
}

// AppendInfo writes the results of a GetInfo operation: a union of pointers to
// structures, switched by level, and the code. row is nil if there is nothing to
// tell. A level without a structure has an empty arm.
func AppendInfo(e *ndr.Encoder, level uint32, row Row, code Code) {
	e.U32(level)
	switch {
	case row != nil:
		row.AppendPtr(e)
	case code != InvalidLevel:
		e.Ptr(false)
	}
	e.U32(uint32(code))
}

// AppendNoInfo is AppendInfo for a level whose arm of the union is empty.
func AppendNoInfo(e *ndr.Encoder, level uint32, code Code) {
	e.U32(level)
	e.Ptr(false)
	e.U32(uint32(code))
}
