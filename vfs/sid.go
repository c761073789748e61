package vfs

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
)

// SID is a security identifier, [MS-DTYP] 2.4.2, in its string form
// "S-1-5-21-...". It is comparable as long as it is written the one way that
// [ParseSID] writes it; the empty SID is none.
type SID string

// Well-known SIDs, [MS-DTYP] 2.4.2.4.
const (
	SIDNobody             SID = "S-1-0-0"
	SIDEveryone           SID = "S-1-1-0"
	SIDCreatorOwner       SID = "S-1-3-0"
	SIDCreatorGroup       SID = "S-1-3-1"
	SIDOwnerRights        SID = "S-1-3-4"
	SIDDialup             SID = "S-1-5-1"
	SIDNetwork            SID = "S-1-5-2"
	SIDBatch              SID = "S-1-5-3"
	SIDInteractive        SID = "S-1-5-4"
	SIDService            SID = "S-1-5-6"
	SIDAnonymous          SID = "S-1-5-7"
	SIDAuthenticatedUsers SID = "S-1-5-11"
	SIDSystem             SID = "S-1-5-18"
	SIDLocalService       SID = "S-1-5-19"
	SIDNetworkService     SID = "S-1-5-20"
	SIDAdministrators     SID = "S-1-5-32-544" // BUILTIN\Administrators
	SIDUsers              SID = "S-1-5-32-545" // BUILTIN\Users
	SIDGuests             SID = "S-1-5-32-546" // BUILTIN\Guests
	SIDPowerUsers         SID = "S-1-5-32-547" // BUILTIN\Power Users
	SIDBackupOperators    SID = "S-1-5-32-551" // BUILTIN\Backup Operators
	SIDMandatoryMedium    SID = "S-1-16-8192"  // the mandatory label of who has none
)

const (
	sidRevision = 1
	sidFixed    = 8  // revision, count, authority
	sidMaxSub   = 15 // [MS-DTYP] 2.4.2.2: SubAuthorityCount is at most 15
)

var errSID = errors.New("vfs: malformed SID")

// UnixUserSID returns the SID S-1-22-1-uid, by which Samba calls a user of the
// machine that has no other.
func UnixUserSID(uid uint32) SID {
	return SID("S-1-22-1-" + strconv.FormatUint(uint64(uid), 10))
}

// UnixGroupSID returns the SID S-1-22-2-gid, Samba's name for a group of the
// machine.
func UnixGroupSID(gid uint32) SID {
	return SID("S-1-22-2-" + strconv.FormatUint(uint64(gid), 10))
}

// UnixID returns the number in a SID that stands for a user of a machine, or for a
// group: Samba's S-1-22-1-uid and S-1-22-2-gid, or S-1-5-88-1-uid and S-1-5-88-2-gid
// of Windows' NFS server, which Linux and Apple use.
func (s SID) UnixID() (id uint32, group, ok bool) {
	text, ok := strings.CutPrefix(string(s), "S-1-22-")
	if !ok {
		text, ok = strings.CutPrefix(string(s), "S-1-5-88-")
	}
	kind, text, _ := strings.Cut(text, "-")
	if !ok || kind != "1" && kind != "2" {
		return 0, false, false
	}
	id, ok = decimal32(text)
	return id, kind == "2", ok
}

// UnixMode returns the bits of S-1-5-88-3-mode, by which Windows' NFS server and Linux
// call the permissions of an object in its ACL.
func (s SID) UnixMode() (mode uint32, ok bool) {
	text, ok := strings.CutPrefix(string(s), "S-1-5-88-3-")
	if !ok {
		return 0, false
	}
	return decimal32(text)
}

// ParseSID reads the binary form, [MS-DTYP] 2.4.2.2, at the start of b and
// returns it with the number of bytes that it takes there.
func ParseSID(b []byte) (SID, int, error) {
	if len(b) < sidFixed || b[0] != sidRevision || b[1] > sidMaxSub {
		return "", 0, errSID
	}
	n := sidFixed + 4*int(b[1])
	if len(b) < n {
		return "", 0, errSID
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:]))<<32 | uint64(binary.BigEndian.Uint32(b[4:]))
	text := make([]byte, 0, 64)
	text = append(text, "S-1-"...)
	if authority > math.MaxUint32 {
		// [MS-DTYP] 2.4.2.1: an authority of 2^32 and above is written in
		// hexadecimal, twelve digits.
		hex := strconv.FormatUint(authority, 16)
		text = append(text, "0x"...)
		text = append(text, "000000000000"[len(hex):]...)
		text = append(text, strings.ToUpper(hex)...)
	} else {
		text = strconv.AppendUint(text, authority, 10)
	}
	for i := sidFixed; i < n; i += 4 {
		text = append(text, '-')
		text = strconv.AppendUint(text, uint64(binary.LittleEndian.Uint32(b[i:])), 10)
	}
	return SID(text), n, nil
}

// Valid reports whether s is a SID in its string form.
func (s SID) Valid() bool {
	_, _, ok := s.parts(nil)
	return ok
}

// Len returns the length of the binary form, zero if s is not valid.
func (s SID) Len() int {
	var room [sidMaxSub]uint32
	_, sub, ok := s.parts(room[:0])
	if !ok {
		return 0
	}
	return sidFixed + 4*len(sub)
}

// Append appends the binary form to dst. A SID that is not [SID.Valid] adds
// nothing.
func (s SID) Append(dst []byte) []byte {
	var room [sidMaxSub]uint32
	authority, sub, ok := s.parts(room[:0])
	if !ok {
		return dst
	}
	dst = append(dst, sidRevision, byte(len(sub)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(authority>>32))
	dst = binary.BigEndian.AppendUint32(dst, uint32(authority))
	for _, v := range sub {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return dst
}

// parts takes the string form apart and appends the sub-authorities to sub.
func (s SID) parts(sub []uint32) (authority uint64, _ []uint32, ok bool) {
	rest, ok := strings.CutPrefix(string(s), "S-1-")
	if !ok {
		return 0, nil, false
	}
	first, rest, more := strings.Cut(rest, "-")
	if hex, is := strings.CutPrefix(first, "0x"); is {
		v, err := strconv.ParseUint(hex, 16, 48)
		if err != nil || len(hex) != 12 || v <= math.MaxUint32 || hex != strings.ToUpper(hex) {
			return 0, nil, false
		}
		authority = v
	} else {
		v, ok := decimal32(first)
		if !ok {
			return 0, nil, false
		}
		authority = uint64(v)
	}
	for n := 0; more; n++ {
		var text string
		text, rest, more = strings.Cut(rest, "-")
		v, ok := decimal32(text)
		if !ok || n == sidMaxSub {
			return 0, nil, false
		}
		sub = append(sub, v)
	}
	return authority, sub, true
}

// decimal32 reads a number as strconv writes it: no sign, no leading zero.
func decimal32(s string) (uint32, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	return uint32(v), err == nil
}
