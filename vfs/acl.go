package vfs

import (
	"encoding/binary"
	"errors"
	"math"
)

// ACL is a list of access control entries, [MS-DTYP] 2.4.5. The order matters:
// the first entry that decides a right counts.
type ACL struct {
	ACEs []ACE
}

// ACE is one entry of an ACL, [MS-DTYP] 2.4.4.
type ACE struct {
	Type  ACEType
	Flags ACEFlags
	Mask  Access
	SID   SID

	// Raw is the whole entry, header included, if its type has more fields
	// than Mask and SID, or others; those two are not set then. Such entries
	// are kept and passed on, not understood.
	Raw []byte
}

// ACEType is the type of an entry, [MS-DTYP] 2.4.4.1.
type ACEType uint8

// The types that consist of a mask and a SID.
const (
	ACEAllowed        ACEType = 0x00
	ACEDenied         ACEType = 0x01
	ACEAudit          ACEType = 0x02
	ACEAlarm          ACEType = 0x03
	ACEMandatoryLabel ACEType = 0x11
	ACEScopedPolicyID ACEType = 0x13
)

// ACEFlags says how an entry is inherited, or what is audited, [MS-DTYP] 2.4.4.1.
type ACEFlags uint8

// The flags of [MS-DTYP] 2.4.4.1.
const (
	ACEObjectInherit      ACEFlags = 0x01 // files in the directory get it
	ACEContainerInherit   ACEFlags = 0x02 // directories in the directory get it
	ACENoPropagateInherit ACEFlags = 0x04 // but not those below
	ACEInheritOnly        ACEFlags = 0x08 // it doesn't hold for the directory itself
	ACEInherited          ACEFlags = 0x10 // it came from above
	ACESuccessfulAccess   ACEFlags = 0x40
	ACEFailedAccess       ACEFlags = 0x80
)

const (
	aclRevision   = 2
	aclRevisionDS = 4
	aclFixed      = 8
	aceHeader     = 4
	aceFixed      = 8 // header and mask
)

var errACL = errors.New("vfs: malformed ACL")

// opaque reports whether the type has fields besides mask and SID.
func (t ACEType) opaque() bool {
	return t > ACEAlarm && t != ACEMandatoryLabel && t != ACEScopedPolicyID
}

// objectType reports whether entries of the type need the ACL revision for
// directory services, [MS-DTYP] 2.4.5.
func (t ACEType) objectType() bool { return t >= 0x05 && t <= 0x08 }

// parseACL reads an ACL at the start of b and returns it with the number of bytes
// that it takes there. Between the two revisions of [MS-DTYP] 2.4.5 it takes the one
// that Windows takes, too, and smbcacls sends. Opaque entries alias b.
func parseACL(b []byte) (ACL, int, error) {
	if len(b) < aclFixed || b[0] < aclRevision || b[0] > aclRevisionDS {
		return ACL{}, 0, errACL
	}
	size, count := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:]))
	if size < aclFixed || size > len(b) || count > (size-aclFixed)/aceHeader {
		return ACL{}, 0, errACL
	}
	rest := b[aclFixed:size]
	// The count is announced; the least that an entry with a SID takes is
	// what bounds the memory.
	a := ACL{ACEs: make([]ACE, 0, min(count, len(rest)/(aceFixed+sidFixed)))}
	for range count {
		e, n, err := parseACE(rest)
		if err != nil {
			return ACL{}, 0, err
		}
		a.ACEs = append(a.ACEs, e)
		rest = rest[n:]
	}
	return a, size, nil
}

func parseACE(b []byte) (ACE, int, error) {
	if len(b) < aceHeader {
		return ACE{}, 0, errACL
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < aceHeader || n > len(b) || n%4 != 0 {
		return ACE{}, 0, errACL
	}
	e := ACE{Type: ACEType(b[0]), Flags: ACEFlags(b[1])}
	if e.Type.opaque() {
		e.Raw = b[:n:n]
		return e, n, nil
	}
	if n < aceFixed {
		return ACE{}, 0, errACL
	}
	e.Mask = Access(binary.LittleEndian.Uint32(b[aceHeader:]))
	// AceSize may exceed the sum of the fields; what follows is ignored.
	var err error
	if e.SID, _, err = ParseSID(b[aceFixed:n]); err != nil {
		return ACE{}, 0, err
	}
	return e, n, nil
}

// Valid reports whether the list can be written: every SID is valid, every
// opaque entry is well formed, and all together are less than 64 KiB.
func (a ACL) Valid() bool {
	for _, e := range a.ACEs {
		if e.Len() == 0 {
			return false
		}
	}
	return a.size() <= math.MaxUint16
}

// Append appends the binary form. A list that isn't [ACL.Valid] becomes one
// without entries, which grants nothing.
func (a ACL) Append(dst []byte) []byte {
	if !a.Valid() {
		a.ACEs = nil
	}
	revision := byte(aclRevision)
	for _, e := range a.ACEs {
		if e.Type.objectType() {
			revision = aclRevisionDS
		}
	}
	dst = append(dst, revision, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(a.size()))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(a.ACEs)))
	dst = append(dst, 0, 0)
	for _, e := range a.ACEs {
		dst = e.Append(dst)
	}
	return dst
}

// Len returns the length of what Append appends.
func (a ACL) Len() int {
	if !a.Valid() {
		return aclFixed
	}
	return a.size()
}

func (a ACL) size() int {
	n := aclFixed
	for _, e := range a.ACEs {
		n += e.Len()
	}
	return n
}

// Len returns the length of the binary form, zero if the entry can't be written.
func (e ACE) Len() int {
	if e.Type.opaque() {
		n := len(e.Raw)
		if n < aceHeader || n > math.MaxUint16 || n%4 != 0 || ACEType(e.Raw[0]) != e.Type ||
			int(binary.LittleEndian.Uint16(e.Raw[2:])) != n {
			return 0
		}
		return n
	}
	if n := e.SID.Len(); n != 0 {
		return aceFixed + n
	}
	return 0
}

// Append appends the binary form. An entry whose Len is zero adds nothing. Flags
// replaces the flags of an opaque entry.
func (e ACE) Append(dst []byte) []byte {
	n := e.Len()
	if n == 0 {
		return dst
	}
	dst = append(dst, byte(e.Type), byte(e.Flags))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	if e.Type.opaque() {
		return append(dst, e.Raw[aceHeader:]...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Mask))
	return e.SID.Append(dst)
}
