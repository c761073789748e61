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
	rows []Row
}

type kind uint8

const (
	number kind = iota
	text
	octets
	inPlace
	array
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

// InPlace is octets that stand in the structure itself, from a multiple of four on.
func InPlace(b []byte) Cell { return Cell{kind: inPlace, b: b} }

// Array is a pointer to a conformant array of structures, a null pointer if it has none.
func Array(rows []Row) Cell {
	if len(rows) == 0 {
		return Null()
	}
	return Cell{kind: array, rows: rows}
}

// Null is a null pointer.
func Null() Cell { return Cell{kind: null} }

// Number returns what Num was made of, 0 for another Cell.
func (c Cell) Number() uint32 { return c.n }

// Text returns what Str was made of, "" for another Cell.
func (c Cell) Text() string { return c.s }

// Octets returns what Buf was made of, nil for another Cell.
func (c Cell) Octets() []byte { return c.b }

// A Row is a structure, its members in order.
type Row []Cell

// inline writes what stands in the structure itself.
func (r Row) inline(e *ndr.Encoder) {
	for _, c := range r {
		switch c.kind {
		case number:
			e.U32(c.n)
		case inPlace:
			e.Align(4)
			e.Raw(c.b)
		default:
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
		case array:
			appendArray(e, c.rows)
		}
	}
}

// appendArray writes a conformant array of structures, then what they point to.
func appendArray(e *ndr.Encoder, rows []Row) {
	e.U32(uint32(len(rows)))
	for _, r := range rows {
		r.inline(e)
	}
	for _, r := range rows {
		r.referents(e)
	}
}

// AppendContainer writes a pointer to a container: the number of structures, and a
// pointer to the array of them.
func AppendContainer(e *ndr.Encoder, rows []Row) {
	e.Ptr(true)
	e.U32(uint32(len(rows)))
	e.Ptr(len(rows) > 0)
	if len(rows) > 0 {
		appendArray(e, rows)
	}
}

// DecodePtr reads a pointer to a structure, of which shape has a letter for each member:
// n for a DWORD, s for a [string] wchar_t pointer, and b for a pointer to octets, whose
// number is the member before it. It returns nil for a null pointer.
func DecodePtr(d *ndr.Decoder, shape string) Row {
	if !d.Ptr() {
		return nil
	}
	r := make(Row, len(shape))
	for i, c := range shape {
		switch {
		case c == 'n':
			r[i] = Num(d.U32())
		case !d.Ptr():
			r[i] = Null()
		case c == 's':
			r[i].kind = text
		default:
			r[i].kind = octets
		}
	}
	for i := range r {
		switch r[i].kind {
		case text:
			r[i].s = d.WString()
		case octets:
			r[i].b = d.Bytes(d.MaxCount(r[i-1].n, 1))
		}
	}
	return r
}

// size is how much of a caller's PreferedMaximumLength r takes: its octets in
// memory there, members and characters.
func (r Row) size() uint64 {
	n := uint64(4 * len(r))
	for _, c := range r {
		switch c.kind {
		case text:
			n += 2 * uint64(utf8.RuneCountInString(c.s)+1)
		case octets, inPlace:
			n += uint64(len(c.b))
		case array:
			for _, r := range c.rows {
				n += r.size()
			}
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
