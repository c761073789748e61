package osfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// The extended attribute security.NTACL holds an NDR structure, little-endian:
// the version twice (2 bytes each), a pointer (4 bytes), for all versions but the
// first another one to the descriptor, and then
//
//	version  body                                             descriptor at
//	1        (none)                                           8
//	2        16 bytes, not used                               28
//	3        type of hash (2 bytes), hash (64)                80
//	4        as 3, description (ends with NUL), time (8,
//	         aligned to 4), hash of the POSIX ACL (64)        160 for "posix_acl"
//
// The descriptor has the usual form, aligned to 4, but its offsets count from the
// start of the attribute. Samba writes version 4, or version 3 with a hash of
// zeros where it was told to ignore the permission bits ("ignore system acls").
// The first hash is of the descriptor that Samba makes of the POSIX ACL with its
// table of users, which nobody else can make; ksmbd has that of the descriptor
// itself there.
const (
	ntaclName     = "security.NTACL"
	ntaclUserName = "user.NTACL" // where the system reserves the other to root

	ntaclHead    = 2 + 2 + 4
	ntaclHash    = 64
	ntaclSHA256  = 1
	ntaclText    = "posix_acl"
	ntaclVersion = 4

	ntaclFixed = 20 // of a descriptor
)

var errNTACL = errors.New("malformed NTACL")

// ntacl is what the attribute says.
type ntacl struct {
	sd vfs.SecurityDescriptor

	// hashed tells that the descriptor holds only as long as the POSIX ACL
	// has the hash.
	hashed bool
	hash   [ntaclHash]byte // zero: one that can't be computed
}

// parseNTACL reads any version. The result doesn't alias b.
func parseNTACL(b []byte) (n ntacl, err error) {
	if len(b) < ntaclHead {
		return n, errNTACL
	}
	version := binary.LittleEndian.Uint16(b)
	if version != binary.LittleEndian.Uint16(b[2:]) {
		return n, errNTACL
	}
	at := ntaclHead
	if version != 1 {
		at += 4
	}
	switch version {
	case 1:
	case 2:
		at += 16
	case 3, 4:
		if len(b) < at+2+ntaclHash {
			return n, errNTACL
		}
		typ, first := binary.LittleEndian.Uint16(b[at:]), b[at+2:at+2+ntaclHash]
		at += 2 + ntaclHash
		n.hashed = version == 4 || [ntaclHash]byte(first) != [ntaclHash]byte{}
		if version == 3 {
			break
		}
		end := bytes.IndexByte(b[at:], 0)
		if end < 0 {
			return n, errNTACL
		}
		at = (at+end+1+3)&^3 + 8
		if len(b) < at+ntaclHash {
			return n, errNTACL
		}
		if typ == ntaclSHA256 {
			n.hash = [ntaclHash]byte(b[at:])
		}
		at += ntaclHash
	default:
		return n, errNTACL
	}
	n.sd, err = parseRelative(b, (at+3)&^3)
	return n, err
}

// parseRelative reads a descriptor at an offset from which its own don't count.
func parseRelative(b []byte, at int) (vfs.SecurityDescriptor, error) {
	if len(b) < at+ntaclFixed {
		return vfs.SecurityDescriptor{}, errNTACL
	}
	b = bytes.Clone(b[at:])
	for field := 4; field < ntaclFixed; field += 4 {
		off := binary.LittleEndian.Uint32(b[field:])
		if off == 0 {
			continue
		}
		if uint64(off) < uint64(at+ntaclFixed) { // one of 0 would mean that there is no such part
			return vfs.SecurityDescriptor{}, errNTACL
		}
		binary.LittleEndian.PutUint32(b[field:], off-uint32(at))
	}
	// Samba keeps the flag of a descriptor in memory.
	b[3] |= byte(vfs.SDSelfRelative >> 8)
	return vfs.ParseSecurityDescriptor(b)
}

// appendNTACL appends version 4, or version 3 without hash.
func appendNTACL(dst []byte, n ntacl, now time.Time) []byte {
	version := byte(ntaclVersion)
	if !n.hashed {
		version = 3
	}
	start := len(dst)
	dst = append(dst, version, 0, version, 0, 0, 0, 2, 0, 4, 0, 2, 0, ntaclSHA256, 0)
	dst = append(dst, make([]byte, ntaclHash)...)
	if n.hashed {
		dst = append(dst, ntaclText+"\x00"...)
		dst = binary.LittleEndian.AppendUint64(dst, toFiletime(now))
		dst = append(dst, n.hash[:]...)
	}
	for (len(dst)-start)%4 != 0 {
		dst = append(dst, 0)
	}
	at := len(dst)
	dst = n.sd.Append(dst)
	for field := at + 4; field < at+ntaclFixed; field += 4 {
		if off := binary.LittleEndian.Uint32(dst[field:]); off != 0 {
			binary.LittleEndian.PutUint32(dst[field:], off+uint32(at-start))
		}
	}
	return dst
}
