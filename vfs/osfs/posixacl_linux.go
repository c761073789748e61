package osfs

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// posixACL is who may access an object as far as the system is concerned.
type posixACL struct {
	st       status
	access   []posixEntry // from the permission bits if there is no list
	standard []posixEntry // what new objects in a directory get
	listed   bool         // access is from a list
	hasStd   bool
}

// posixEntry is an entry of a POSIX ACL as the system stores it.
type posixEntry struct {
	tag, perm uint16
	id        uint32
}

// The tags of entries.
const (
	posixUserObj  = 0x01
	posixUser     = 0x02
	posixGroupObj = 0x04
	posixGroup    = 0x08
	posixMask     = 0x10
	posixOther    = 0x20
)

// bits returns the bits rwx that an entry gives where the list has the mask.
func (e posixEntry) bits(mask uint32) uint32 {
	if e.tag == posixUserObj || e.tag == posixOther {
		mask = 7
	}
	return uint32(e.perm) & mask & 7
}

// mask returns what all entries but the owner's and the last give at most.
func (p *posixACL) mask() uint32 {
	for _, e := range p.access {
		if e.tag == posixMask {
			return uint32(e.perm)
		}
	}
	return 7
}

// readPOSIX reads the permissions through the descriptor.
func (h *File) readPOSIX(p *posixACL) error {
	*p = posixACL{}
	if err := p.st.fd(h.fd); err != nil {
		return err
	}
	p.access, p.listed = h.posixList("system.posix_acl_access")
	if !p.listed {
		m := uint16(p.st.mode)
		p.access = []posixEntry{{posixUserObj, m >> 6 & 7, 0}, {posixGroupObj, m >> 3 & 7, 0}, {posixOther, m & 7, 0}}
	}
	if p.st.dir() {
		p.standard, p.hasStd = h.posixList("system.posix_acl_default")
	}
	return nil
}

func (h *File) posixList(attr string) ([]posixEntry, bool) {
	room := attrPool.Get().(*attrBuffer)
	defer attrPool.Put(room)
	b, err := h.readInto(room[:], attr)
	if err != nil || len(b) < 4 || len(b)%8 != 4 || binary.LittleEndian.Uint32(b) != 2 {
		return nil, false
	}
	list := make([]posixEntry, 0, len(b)/8)
	for b = b[4:]; len(b) > 0; b = b[8:] {
		list = append(list, posixEntry{binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])})
	}
	return list, true
}

// readInto reads an attribute into b, or into new memory if it is longer.
func (h *File) readInto(b []byte, attr string) ([]byte, error) {
	for {
		var n int
		var err error
		if h.path {
			n, err = unix.Getxattr(procPath(h.fd), attr, b)
		} else {
			n, err = unix.Fgetxattr(h.fd, attr, b)
		}
		switch err {
		case nil:
			return b[:n], nil
		case unix.EINTR:
		case unix.ERANGE:
			return h.readAttr(attr)
		default:
			return nil, err
		}
	}
}

// matches reports whether the permissions are those that the hash was made of,
// by Samba or by ksmbd.
func (p *posixACL) matches(hash [ntaclHash]byte) bool {
	return p.hash(false) == hash || p.hash(true) == hash
}

// hash is the SHA-256 of what Samba makes of the permissions in NDR: pointers to
// the list and, of a directory, to that for new objects, owner and group (8 bytes
// each), mode, and then the lists. ksmbd, bare, leaves out the pointers to lists
// that the system doesn't store.
func (p *posixACL) hash(bare bool) (h [ntaclHash]byte) {
	var room [512]byte
	access, standard := p.listed || !bare, p.st.dir() && (p.hasStd || !bare)
	b, next := room[:0], uint32(0x00020000)
	for _, there := range []bool{access, standard} {
		ref := uint32(0)
		if there {
			ref = next
			next += 4
		}
		b = binary.LittleEndian.AppendUint32(b, ref)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(p.st.uid))
	b = binary.LittleEndian.AppendUint64(b, uint64(p.st.gid))
	b = binary.LittleEndian.AppendUint32(b, p.st.mode)
	if access {
		b = appendPOSIX(b, p.access)
	}
	if standard {
		b = appendPOSIX(b, p.standard)
	}
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}

func appendPOSIX(b []byte, list []posixEntry) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	b = align8(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, e := range list {
		b = align8(b)
		tag := posixTags[e.tag]
		b = binary.LittleEndian.AppendUint16(b, tag)
		b = binary.LittleEndian.AppendUint16(b, tag)
		if e.tag == posixUser || e.tag == posixGroup {
			b = binary.LittleEndian.AppendUint64(align8(b), uint64(e.id))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(e.perm))
	}
	return b
}

// posixTags are Samba's numbers of the tags.
var posixTags = map[uint16]uint16{
	posixUser: 1, posixUserObj: 2, posixGroup: 3, posixGroupObj: 4, posixOther: 5, posixMask: 6,
}

func align8(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}
