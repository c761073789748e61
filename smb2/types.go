package smb2

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// GUID is a GUID in wire order: the first three groups little-endian, [MS-DTYP]
// 2.3.4.2. The zero value is the nil GUID.
type GUID [16]byte

// String returns the usual form, "00112233-4455-6677-8899-aabbccddeeff".
func (g GUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x",
		binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

var errGUID = errors.New("smb2: malformed GUID")

// ParseGUID reads the form that String writes, in either case, with or without
// braces.
func ParseGUID(s string) (GUID, error) {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return GUID{}, errGUID
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil {
		return GUID{}, errGUID
	}
	g := GUID(b)
	binary.LittleEndian.PutUint32(g[0:], binary.BigEndian.Uint32(b[0:]))
	binary.LittleEndian.PutUint16(g[4:], binary.BigEndian.Uint16(b[4:]))
	binary.LittleEndian.PutUint16(g[6:], binary.BigEndian.Uint16(b[6:]))
	return g, nil
}

// FileTime is a time in units of 100 ns since 1601-01-01 UTC, [MS-FSCC] 2.1.1.
// Zero means that the time is not known, or not to be changed.
type FileTime uint64

// Values of a time in a request that sets times, [MS-FSCC] 2.4.7.
const (
	// FileTimeOmit leaves the time as it is.
	FileTimeOmit FileTime = 0
	// FileTimeFreeze keeps operations on this open from changing the time.
	FileTimeFreeze FileTime = 0xFFFFFFFFFFFFFFFF
	// FileTimeThaw ends FileTimeFreeze.
	FileTimeThaw FileTime = 0xFFFFFFFFFFFFFFFE
)

const (
	secondsTo1970   = 11644473600 // from 1601-01-01
	ticksPerSecond  = 10_000_000
	maxFileTime     = FileTime(1<<63 - 1) // times are signed on the wire
	nanosPerTick    = 100
	maxUnixFileTime = int64(maxFileTime)/ticksPerSecond - secondsTo1970
)

// FileTimeOf converts t, cut to 100 ns. The zero Time becomes 0. A time that a
// FileTime can't express becomes the nearest that it can, and never 0.
func FileTimeOf(t time.Time) FileTime {
	if t.IsZero() {
		return 0
	}
	switch s := t.Unix(); {
	case s < -secondsTo1970:
		return 1
	case s >= maxUnixFileTime:
		return maxFileTime
	default:
		f := FileTime(s+secondsTo1970)*ticksPerSecond + FileTime(t.Nanosecond()/nanosPerTick)
		return max(f, 1)
	}
}

// Time converts f to UTC; 0 becomes the zero Time. Every value has a result;
// FileTimeFreeze and FileTimeThaw, which are no times, become dates in the
// far future.
func (f FileTime) Time() time.Time {
	if f == 0 {
		return time.Time{}
	}
	s := int64(f/ticksPerSecond) - secondsTo1970
	return time.Unix(s, int64(f%ticksPerSecond)*nanosPerTick).UTC()
}
