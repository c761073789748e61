package osfs

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// The extended attribute user.DOSATTRIB holds an NDR structure: a string that
// ends with NUL (what versions of Samba before 3.5 stored alone, "0x22"), the
// version twice (as the discriminant of the union, and in it), and a body that
// depends on the version. All is aligned to its own size, at most four bytes,
// and little-endian.
//
//	version  body
//	1        attributes, EA size, size, allocation, created, changed
//	2        flags, attributes, EA size, size, allocation, created, changed, written, name
//	3        flags, attributes, EA size, size, allocation, created, changed
//	4        flags, attributes, itime, created
//	5        flags, attributes, created
//
// Samba 4.17 writes version 5, and so do we but for a file whose time of change
// was set: that goes into version 3, which Samba reads as well. Attributes, flags
// and EA size are 4 bytes, the others 8.
const dosAttribName = "user.DOSATTRIB"

const (
	dosVersion   = 5
	dosVersion3  = 3
	dosSize      = 24  // what appendDOS appends, without a time of change
	dosMax       = 512 // what is read of one; longer is none of ours
	hasAttrib    = 0x01
	hasCreated   = 0x10
	hasChanged   = 0x20
	dosHeadFixed = 2 + 2
)

// stored are the attributes that are kept; the others describe something else
// than a wish of the client's, and are derived.
const stored = vfs.AttrReadOnly | vfs.AttrHidden | vfs.AttrSystem | vfs.AttrArchive |
	vfs.AttrTemporary | vfs.AttrSparse | vfs.AttrOffline | vfs.AttrNotContentIndexed

// dosInfo is what we take from the attribute. A field that isn't valid is zero.
type dosInfo struct {
	attributes    vfs.Attributes
	hasAttributes bool
	reparse       bool // the object is a reparse point, see reparseName
	created       time.Time

	// A system has no call that sets the time of change. What was set is kept
	// here, with the time at which that was done, in the place of the allocation:
	// it holds until the object changes again.
	changed, changedAt time.Time
}

// changedSlack is how long after a time of change was set another change may go
// unnoticed. The system's clock for files is coarse, and a machine may be slow.
const changedSlack = time.Second

// changeTime returns the time of change, given the system's.
func (d *dosInfo) changeTime(system time.Time) time.Time {
	if d.changed.IsZero() || system.After(d.changedAt.Add(changedSlack)) {
		return system
	}
	return d.changed
}

// parseDOS reads any version. What isn't understood counts as not there: the
// attribute may come from another program or an enemy, and must not make a file
// inaccessible.
func parseDOS(b []byte) (d dosInfo, ok bool) {
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return parseDOSText(string(b))
	}
	at := (end + 2) &^ 1 // past the NUL, aligned
	if at+dosHeadFixed > len(b) {
		return parseDOSText(string(b[:end]))
	}
	version, again := binary.LittleEndian.Uint16(b[at:]), binary.LittleEndian.Uint16(b[at+2:])
	body := (at + dosHeadFixed + 3) &^ 3
	if version != again || body > len(b) {
		return dosInfo{}, false
	}
	b = b[body:]
	flags := uint32(hasAttrib | hasCreated)
	if version != 1 {
		if len(b) < 4 {
			return dosInfo{}, false
		}
		flags, b = binary.LittleEndian.Uint32(b), b[4:]
	}
	var created int // where, after the attributes
	switch version {
	case 1, 2, dosVersion3:
		created = 4 + 4 + 8 + 8
	case 4:
		created = 4 + 8
	case 5:
		created = 4
	default:
		return dosInfo{}, false
	}
	if len(b) < created+8 {
		return dosInfo{}, false
	}
	if version == 2 {
		flags = hasAttrib | hasCreated // those of version 2 mean something else
	}
	if flags&hasAttrib != 0 {
		d.hasAttributes = true
		all := vfs.Attributes(binary.LittleEndian.Uint32(b))
		d.attributes, d.reparse = all&stored, all&vfs.AttrReparsePoint != 0
	}
	if flags&hasCreated != 0 {
		d.created = fromFiletime(binary.LittleEndian.Uint64(b[created:]))
	}
	if version == dosVersion3 && flags&hasChanged != 0 && len(b) >= created+16 {
		d.changedAt = fromFiletime(binary.LittleEndian.Uint64(b[created-8:]))
		d.changed = fromFiletime(binary.LittleEndian.Uint64(b[created+8:]))
	}
	return d, true
}

// parseDOSText reads the oldest form.
func parseDOSText(s string) (dosInfo, bool) {
	hex, ok := strings.CutPrefix(s, "0x")
	v, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil {
		return dosInfo{}, false
	}
	return dosInfo{attributes: vfs.Attributes(v) & stored, hasAttributes: true}, true
}

// appendDOS appends version 5, or 3 if there is a time of change.
func appendDOS(dst []byte, d dosInfo, directory bool) []byte {
	var flags uint32
	attributes := d.attributes & stored
	if directory {
		attributes |= vfs.AttrDirectory
	}
	if d.reparse {
		attributes |= vfs.AttrReparsePoint
	}
	if d.hasAttributes {
		flags |= hasAttrib
	}
	if !d.created.IsZero() {
		flags |= hasCreated
	}
	version := byte(dosVersion)
	if !d.changed.IsZero() {
		version = dosVersion3
		flags |= hasChanged
	}
	dst = append(dst, 0, 0, version, 0, version, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(attributes))
	if version != dosVersion3 {
		return binary.LittleEndian.AppendUint64(dst, toFiletime(d.created))
	}
	dst = append(dst, make([]byte, 4+8)...) // EA size and size
	for _, t := range []time.Time{d.changedAt, d.created, d.changed} {
		dst = binary.LittleEndian.AppendUint64(dst, toFiletime(t))
	}
	return dst
}

// The epoch of FILETIME, [MS-DTYP] 2.3.3: 1 January 1601, in units of 100 ns.
const (
	epochDifference = 11644473600 // seconds from 1601 to 1970
	ticksPerSecond  = 10_000_000
)

// maxFiletime is the last time there is: beyond it the number is negative.
const maxFiletime = 1<<63 - 1

// fromFiletime returns the zero time for what can't be a time of creation.
func fromFiletime(v uint64) time.Time {
	if v == 0 || v > maxFiletime {
		return time.Time{}
	}
	return time.Unix(int64(v/ticksPerSecond)-epochDifference, int64(v%ticksPerSecond)*100)
}

// toFiletime rounds down; a time out of range is zero, "none".
func toFiletime(t time.Time) uint64 {
	s := t.Unix() + epochDifference
	if t.IsZero() || s < 0 || s > maxFiletime/ticksPerSecond {
		return 0
	}
	v := uint64(s)*ticksPerSecond + uint64(t.Nanosecond()/100)
	if v > maxFiletime {
		return 0
	}
	return v
}
