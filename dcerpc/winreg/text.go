package winreg

import (
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// readString reads an RRP_UNICODE_STRING, [MS-RRP] 2.2.4, that is a parameter of its own:
// its characters follow at once. present is false for a null pointer.
func readString(d *ndr.Decoder) (s string, present bool) {
	d.Align(4)
	d.U16() // Length and MaximumLength, which say no more than the counts of the array
	d.U16()
	if !d.Ptr() {
		return "", false
	}
	return d.WString(), true
}

// A room is an RRP_UNICODE_STRING by which a client says how long a name it takes.
type room struct {
	octets  uint16 // MaximumLength
	present bool
}

// readRoom reads a room, whose characters don't matter.
func readRoom(d *ndr.Decoder) room {
	d.Align(4)
	d.U16()
	r := room{octets: d.U16(), present: d.Ptr()}
	if r.present {
		d.WString()
	}
	return r
}

// fits reports whether s with its terminator does.
func (r room) fits(s string) bool { return utf16le.Len(s)+2 <= int(r.octets) }

// write answers r with s and its terminator.
func (r room) write(e *ndr.Encoder, s string) {
	p := append(utf16le.Append(nil, s), 0, 0)
	e.Align(4)
	e.U16(uint16(len(p)))
	e.U16(r.octets)
	e.Ptr(true)
	e.Varying(int(r.octets/2), len(p)/2, p)
}

// writeNothing answers r without a string.
func (r room) writeNothing(e *ndr.Encoder) {
	e.Align(4)
	e.U16(0)
	e.U16(r.octets)
	e.Ptr(r.present)
	if r.present {
		e.Varying(int(r.octets/2), 0, nil)
	}
}

// A buffer is what a client says about the place where it wants data: a conformant and
// varying array of octets behind a unique pointer, with size and length besides.
type buffer struct {
	present bool
	size    *uint32
	length  *uint32
}

// readBuffer reads lpData, lpcbData and lpcbLen, [MS-RRP] 3.1.5.17.
func readBuffer(d *ndr.Decoder) buffer {
	b := buffer{present: d.Ptr()}
	if b.present {
		skipOctets(d)
	}
	if n, ok := d.UniqueU32(); ok {
		b.size = &n
	}
	if n, ok := d.UniqueU32(); ok {
		b.length = &n
	}
	return b
}

// skipOctets reads a conformant and varying array of octets that doesn't matter.
func skipOctets(d *ndr.Decoder) {
	capacity := d.U32()
	offset, actual := d.U32(), d.U32()
	if offset != 0 || actual > capacity {
		d.Fail()
	}
	d.Bytes(d.Count(actual, 1))
}

// write answers b with data, which fits, or with a null pointer if data is nil; size and
// length are told where the client asked for them.
func (b buffer) write(e *ndr.Encoder, data []byte, size, length uint32) {
	e.Ptr(data != nil)
	if data != nil {
		e.Varying(int(size), len(data), data)
	}
	writeUnique(e, b.size != nil, size)
	writeUnique(e, b.length != nil, length)
}

// writeUnique writes a unique pointer to n.
func writeUnique(e *ndr.Encoder, present bool, n uint32) {
	e.Ptr(present)
	if present {
		e.U32(n)
	}
}

// A descriptor is the fixed part of an RPC_SECURITY_DESCRIPTOR, [MS-RRP] 2.2.8, whose
// octets come later.
type descriptor struct {
	present bool
	size    uint32 // of the place that the client has
}

func readDescriptor(d *ndr.Decoder) descriptor {
	s := descriptor{present: d.Ptr(), size: d.U32()}
	d.U32() // length of what there is
	return s
}

// skip reads the octets.
func (s descriptor) skip(d *ndr.Decoder) {
	if s.present {
		skipOctets(d)
	}
}
