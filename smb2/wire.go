package smb2

import (
	"encoding/binary"
	"math"

	"github.com/gosmbd/smb/internal/utf16le"
)

// Every ParseX of a message takes the whole element with its header, since
// offsets on the wire count from there, and every Append of a message writes
// only the body, with the offsets that hold when a header of 64 bytes is
// directly before it. Parsed slices alias the input. Append doesn't check that
// a length fits its field: whoever builds a message bounds what goes in.

// cursor reads the fields of a fixed part, in the order of the specification.
// parseBody has checked the length, so that the methods needn't.
type cursor []byte

func (c *cursor) u8() uint8 {
	v := (*c)[0]
	*c = (*c)[1:]
	return v
}

func (c *cursor) u16() uint16 {
	v := binary.LittleEndian.Uint16(*c)
	*c = (*c)[2:]
	return v
}

func (c *cursor) u32() uint32 {
	v := binary.LittleEndian.Uint32(*c)
	*c = (*c)[4:]
	return v
}

func (c *cursor) u64() uint64 {
	v := binary.LittleEndian.Uint64(*c)
	*c = (*c)[8:]
	return v
}

func (c *cursor) bytes16() [16]byte {
	v := [16]byte(*c)
	*c = (*c)[16:]
	return v
}

func (c *cursor) fileID() FileID {
	return FileID{Persistent: c.u64(), Volatile: c.u64()}
}

func (c *cursor) skip(n int) { *c = (*c)[n:] }

// parseBody checks that b holds a header and the fixed part of a body, of size
// bytes with the StructureSize, and returns the fields after StructureSize. An
// odd StructureSize counts one byte of the variable part, which clients leave out
// when that part is empty; hence the second argument.
func parseBody(b []byte, structureSize uint16, size int) (cursor, error) {
	if len(b) < HeaderSize+size || binary.LittleEndian.Uint16(b[HeaderSize:]) != structureSize {
		return nil, StatusInvalidParameter
	}
	return cursor(b[HeaderSize+2 : HeaderSize+size]), nil
}

// slice resolves an offset and a length of the wire against b, to which the
// offset relates. Nothing may lie before from, where the fixed part ends. With
// length 0 the offset means nothing and the slice is nil.
func slice(b []byte, from int, offset, length uint64) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	// Both come from fields of at most 32 bits, so the sum can't wrap.
	if offset > math.MaxUint32 || length > math.MaxUint32 ||
		offset < uint64(from) || offset+length > uint64(len(b)) {
		return nil, StatusInvalidParameter
	}
	return b[offset : offset+length : offset+length], nil
}

// decodeName turns a name of the wire into a string.
func decodeName(b []byte) (string, error) {
	s, err := utf16le.Decode(b)
	if err != nil {
		return "", StatusInvalidParameter
	}
	return s, nil
}

// builder appends fields to a buffer that may hold something before them.
type builder struct {
	b     []byte
	start int // where this structure begins in b
}

func newBuilder(dst []byte) builder { return builder{b: dst, start: len(dst)} }

func (w *builder) u8(v uint8)          { w.b = append(w.b, v) }
func (w *builder) u16(v uint16)        { w.b = binary.LittleEndian.AppendUint16(w.b, v) }
func (w *builder) u32(v uint32)        { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *builder) u64(v uint64)        { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *builder) bytes(v []byte)      { w.b = append(w.b, v...) }
func (w *builder) bytes16(v [16]byte)  { w.b = append(w.b, v[:]...) }
func (w *builder) putU16(i int, v int) { binary.LittleEndian.PutUint16(w.b[w.start+i:], uint16(v)) }
func (w *builder) putU32(i int, v int) { binary.LittleEndian.PutUint32(w.b[w.start+i:], uint32(v)) }
func (w *builder) fileID(id FileID)    { w.u64(id.Persistent); w.u64(id.Volatile) }
func (w *builder) name(s string)       { w.b = utf16le.Append(w.b, s) }
func (w *builder) len() int            { return len(w.b) - w.start }
func (w *builder) offset() int         { return HeaderSize + w.len() }
func (w *builder) zero(n int)          { w.b = append(w.b, make([]byte, n)...) }
func (w *builder) align8()             { w.zero(-w.len() & 7) }
func (w *builder) atLeast(n int)       { w.zero(max(0, n-w.len())) }

// parseEmpty and appendEmpty are for the bodies of 4 bytes that say nothing.
func parseEmpty(b []byte) error {
	_, err := parseBody(b, 4, 4)
	return err
}

func appendEmpty(dst []byte) []byte { return append(dst, 4, 0, 0, 0) }

// outputOffset is where the data of the three responses with an output buffer
// of their own begin.
const outputOffset = HeaderSize + 8

// parseOutput and appendOutput are for the bodies of 9 bytes that hold an offset
// of 16 bits, a length of 32 bits and a buffer: QUERY_DIRECTORY, CHANGE_NOTIFY
// and QUERY_INFO responses.
func parseOutput(b []byte) ([]byte, error) {
	c, err := parseBody(b, 9, 8)
	if err != nil {
		return nil, err
	}
	offset, length := c.u16(), c.u32()
	return slice(b, outputOffset, uint64(offset), uint64(length))
}

func appendOutput(dst, data []byte) []byte {
	w := newBuilder(dst)
	w.u16(9)
	w.u16(outputOffset)
	w.u32(uint32(len(data)))
	w.bytes(data)
	return w.b
}
