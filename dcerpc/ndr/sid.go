package ndr

import (
	"encoding/binary"

	"github.com/gosmbd/smb/vfs"
)

// SID reads an RPC_SID, [MS-DTYP] 2.4.2.3: the referent of a pointer, or a parameter.
// Unlike in other structures the count of the array stands in front of all.
func (d *Decoder) SID() vfs.SID {
	n := d.U32()
	head := d.Bytes(8)
	if d.Err() != nil || uint32(head[1]) != n {
		d.Fail()
		return ""
	}
	b := append(make([]byte, 0, 8+4*int(head[1])), head...)
	for range int(head[1]) {
		b = binary.LittleEndian.AppendUint32(b, d.U32())
	}
	sid, _, err := vfs.ParseSID(b)
	if err != nil || d.Err() != nil {
		d.Fail()
		return ""
	}
	return sid
}

// SID writes an RPC_SID; s must be valid.
func (e *Encoder) SID(s vfs.SID) {
	e.U32(uint32(s.Len()-8) / 4)
	e.Raw(s.Append(nil))
}

// UnicodeStrings reads the elements of an array of n RPC_UNICODE_STRINGs, and then what
// they point to.
func (d *Decoder) UnicodeStrings(n uint32) []string {
	headers := make([]UnicodeString, d.Count(n, 8))
	for i := range headers {
		headers[i] = d.UnicodeString()
	}
	list := make([]string, len(headers))
	for i, h := range headers {
		list[i] = d.UnicodeStringBody(h)
	}
	return list
}

// SIDs reads an array of n pointers to RPC_SIDs, and then what they point to. A null
// pointer fails.
func (d *Decoder) SIDs(n uint32) []vfs.SID {
	list := make([]vfs.SID, d.Count(n, 4))
	for range list {
		if !d.Ptr() {
			d.Fail()
		}
	}
	for i := range list {
		list[i] = d.SID()
	}
	return list
}
