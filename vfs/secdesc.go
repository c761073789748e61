package vfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
)

// SecurityDescriptor says who owns an object and who may do what with it,
// [MS-DTYP] 2.4.6.
type SecurityDescriptor struct {
	// Control holds the flags. SDSelfRelative, SDDACLPresent and
	// SDSACLPresent are derived by Append and need not be set, except that
	// SDDACLPresent with a nil DACL is the null DACL, which grants everything
	// to everyone. (An ACL without entries grants nothing to anyone.)
	Control Control

	Owner, Group SID // empty: not given

	DACL *ACL // who may do what; nil: none, or the null DACL
	SACL *ACL // what is audited; nil: none
}

// Control holds the flags of a security descriptor, [MS-DTYP] 2.4.6.
type Control uint16

// The flags of [MS-DTYP] 2.4.6.
const (
	SDOwnerDefaulted    Control = 0x0001
	SDGroupDefaulted    Control = 0x0002
	SDDACLPresent       Control = 0x0004
	SDDACLDefaulted     Control = 0x0008
	SDSACLPresent       Control = 0x0010
	SDSACLDefaulted     Control = 0x0020
	SDDACLTrusted       Control = 0x0040
	SDServerSecurity    Control = 0x0080
	SDDACLInheritReq    Control = 0x0100
	SDSACLInheritReq    Control = 0x0200
	SDDACLAutoInherited Control = 0x0400
	SDSACLAutoInherited Control = 0x0800
	SDDACLProtected     Control = 0x1000
	SDSACLProtected     Control = 0x2000
	SDRMControlValid    Control = 0x4000
	SDSelfRelative      Control = 0x8000
)

const sdFixed = 20

var errSecurityDescriptor = errors.New("vfs: malformed security descriptor")

// ParseSecurityDescriptor reads the self-relative form. Opaque entries alias b.
// Parts may overlap, as [MS-DTYP] 2.4.6 allows any order and place.
func ParseSecurityDescriptor(b []byte) (SecurityDescriptor, error) {
	var d SecurityDescriptor
	if len(b) < sdFixed || b[0] != 1 {
		return d, errSecurityDescriptor
	}
	d.Control = Control(binary.LittleEndian.Uint16(b[2:]))
	if d.Control&SDSelfRelative == 0 {
		return SecurityDescriptor{}, errSecurityDescriptor
	}
	var err error
	if d.Owner, err = parseSDSID(b, 4); err != nil {
		return SecurityDescriptor{}, err
	}
	if d.Group, err = parseSDSID(b, 8); err != nil {
		return SecurityDescriptor{}, err
	}
	if d.SACL, err = parseSDACL(b, 12, d.Control&SDSACLPresent != 0); err != nil {
		return SecurityDescriptor{}, err
	}
	if d.DACL, err = parseSDACL(b, 16, d.Control&SDDACLPresent != 0); err != nil {
		return SecurityDescriptor{}, err
	}
	return d, nil
}

// sdPart returns what lies at the offset that is stored at field; nil if there is
// none.
func sdPart(b []byte, field int) ([]byte, error) {
	off := binary.LittleEndian.Uint32(b[field:])
	switch {
	case off == 0:
		return nil, nil
	case off < sdFixed || uint64(off) >= uint64(len(b)):
		return nil, errSecurityDescriptor
	}
	return b[off:], nil
}

func parseSDSID(b []byte, field int) (SID, error) {
	part, err := sdPart(b, field)
	if part == nil {
		return "", err
	}
	s, _, err := ParseSID(part)
	return s, err
}

// parseSDACL ignores an offset whose flag isn't set, as the specification has it
// zero then.
func parseSDACL(b []byte, field int, present bool) (*ACL, error) {
	part, err := sdPart(b, field)
	if part == nil || !present {
		return nil, err
	}
	a, _, err := parseACL(part)
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// Append appends the self-relative form: owner, group, SACL, DACL.
func (d SecurityDescriptor) Append(dst []byte) []byte {
	control := d.Control | SDSelfRelative
	if d.DACL != nil {
		control |= SDDACLPresent
	}
	control &^= SDSACLPresent
	if d.SACL != nil {
		control |= SDSACLPresent
	}
	start := len(dst)
	dst = append(dst, 1, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(control))
	dst = append(dst, make([]byte, sdFixed-4)...)
	mark := func(field int) {
		binary.LittleEndian.PutUint32(dst[start+field:], uint32(len(dst)-start))
	}
	if d.Owner.Valid() {
		mark(4)
		dst = d.Owner.Append(dst)
	}
	if d.Group.Valid() {
		mark(8)
		dst = d.Group.Append(dst)
	}
	if d.SACL != nil {
		mark(12)
		dst = d.SACL.Append(dst)
	}
	if d.DACL != nil {
		mark(16)
		dst = d.DACL.Append(dst)
	}
	return dst
}

// Len returns the length of what Append appends.
func (d SecurityDescriptor) Len() int {
	n := sdFixed + d.Owner.Len() + d.Group.Len()
	if d.SACL != nil {
		n += d.SACL.Len()
	}
	if d.DACL != nil {
		n += d.DACL.Len()
	}
	return n
}

// Validate returns an error unless the descriptor can be written whole:
// [ErrInvalidOwner], [ErrInvalidGroup] or [fs.ErrInvalid]. An owner and a group
// need not be there.
func (d SecurityDescriptor) Validate() error {
	switch {
	case d.Owner != "" && !d.Owner.Valid():
		return fmt.Errorf("%w %q", ErrInvalidOwner, d.Owner)
	case d.Group != "" && !d.Group.Valid():
		return fmt.Errorf("%w %q", ErrInvalidGroup, d.Group)
	case d.DACL != nil && !d.DACL.Valid(), d.SACL != nil && !d.SACL.Valid():
		return fmt.Errorf("access control list: %w", fs.ErrInvalid)
	}
	return nil
}
