package smb2

import (
	"math"

	"github.com/gosmbd/smb/internal/utf16le"
)

// DFSReferralRequest asks which servers have what a path of a DFS namespace names,
// [MS-DFSC] 2.2.2. Path has one leading backslash; clients differ.
type DFSReferralRequest struct {
	MaxReferralLevel uint16
	Path             string
}

// DFSReferralRequestEx is the same from a client that tells its site, [MS-DFSC] 2.2.3.
type DFSReferralRequestEx struct {
	MaxReferralLevel uint16
	HasSite          bool
	Path             string
	Site             string
}

// dfsSiteName in RequestFlags tells that there is a SiteName.
const dfsSiteName = 0x0001

// ParseDFSReferralRequest parses b. The path ends at its NUL, or with b.
func ParseDFSReferralRequest(b []byte) (DFSReferralRequest, error) {
	c, err := fixedIoctl(b, 2)
	if err != nil {
		return DFSReferralRequest{}, err
	}
	r := DFSReferralRequest{MaxReferralLevel: c.u16()}
	r.Path, err = decodeName(untilNUL(b[2:]))
	return r, err
}

// Append appends the payload.
func (r DFSReferralRequest) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(r.MaxReferralLevel)
	w.name(r.Path)
	w.u16(0)
	return w.b
}

// ParseDFSReferralRequestEx parses b.
func ParseDFSReferralRequestEx(b []byte) (DFSReferralRequestEx, error) {
	c, err := fixedIoctl(b, 8)
	if err != nil {
		return DFSReferralRequestEx{}, err
	}
	r := DFSReferralRequestEx{MaxReferralLevel: c.u16()}
	r.HasSite = c.u16()&dfsSiteName != 0
	length := c.u32()
	if uint64(length) > uint64(len(b)-8) {
		return DFSReferralRequestEx{}, StatusInvalidParameter
	}
	data := b[8 : 8+int(length)]
	if r.Path, data, err = countedName(data); err != nil {
		return DFSReferralRequestEx{}, err
	}
	if r.HasSite {
		r.Site, _, err = countedName(data)
	}
	return r, err
}

// Append appends the payload.
func (r DFSReferralRequestEx) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(r.MaxReferralLevel)
	w.zero(6)
	w.countedName(r.Path)
	if r.HasSite {
		w.putU16(2, dfsSiteName)
		w.countedName(r.Site)
	}
	w.putU32(4, w.len()-8)
	return w.b
}

// countedName takes a string with its length in front off b. A NUL ends it early, as
// clients count one or don't.
func countedName(b []byte) (name string, rest []byte, err error) {
	if len(b) < 2 {
		return "", nil, StatusInvalidParameter
	}
	c := cursor(b)
	n := int(c.u16())
	if n > len(c) {
		return "", nil, StatusInvalidParameter
	}
	text := untilNUL(c[:n])
	if len(text) > math.MaxUint16-2 {
		return "", nil, StatusInvalidParameter // there is no room for the NUL
	}
	name, err = decodeName(text)
	return name, c[n:], err
}

func (w *builder) countedName(s string) {
	w.u16(uint16(utf16le.Len(s) + 2))
	w.name(s)
	w.u16(0)
}

// untilNUL returns the code units of b before the first that is zero.
func untilNUL(b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i]
		}
	}
	return b
}

// DFSReferralFlags say what the targets of a DFSReferralResponse are, [MS-DFSC] 2.2.4.
type DFSReferralFlags uint32

const (
	DFSReferralServers DFSReferralFlags = 1 // they give referrals themselves
	DFSStorageServers  DFSReferralFlags = 2 // they can be used without a further referral
	DFSTargetFailback  DFSReferralFlags = 4 // clients go back to a better one; version 4
)

// DFSReferralResponse tells the servers that have what was asked about, [MS-DFSC] 2.2.4
// and 2.2.5, for a root or a link; there are others, with lists of names, that only
// domain controllers give. What has to be the same in all entries is here once.
type DFSReferralResponse struct {
	Version      uint16 // 1 to 4
	PathConsumed uint16 // bytes of the request's path that Path stands for
	Flags        DFSReferralFlags
	Root         bool   // the targets are those of a root
	TimeToLive   uint32 // in seconds; not in version 1
	Path         string // not in version 1
	Targets      []DFSReferralTarget
}

// DFSReferralTarget is one of the servers: \server\share, perhaps with a path.
type DFSReferralTarget struct {
	Path     string
	Boundary bool // the first of those that are as good as each other; version 4
}

// DFSReferralVersion is the highest version of DFSReferralResponse that there is.
const DFSReferralVersion = 4

const (
	dfsHeader       = 8
	dfsBoundary     = 0x0004 // in ReferralEntryFlags
	dfsNameList     = 0x0002 // likewise
	dfsFixedEntryV1 = 8

	// maxDFSStrings is how much the entries that are parsed may point to, as all may
	// point to the same.
	maxDFSStrings = 1 << 20
)

// dfsEntries says how long entries are, and where the offsets of their strings are.
var dfsEntries = [DFSReferralVersion + 1]struct{ size, offsets int }{
	2: {22, 16},
	3: {34, 12},
	4: {34, 12},
}

// Within returns r without the last targets, so that it takes at most max bytes. Without
// any target at all it may still take more. [MS-DFSC] 3.2.5.1
func (r DFSReferralResponse) Within(max int) DFSReferralResponse {
	max = min(max, math.MaxUint16) // offsets have no more bits
	size := dfsHeader
	if r.Version > 1 {
		size += utf16le.Len(r.Path) + 2
	}
	for i, t := range r.Targets {
		size += utf16le.Len(t.Path) + 2
		if r.Version == 1 {
			size += dfsFixedEntryV1
		} else {
			size += dfsEntries[r.Version].size
		}
		if size > max {
			r.Targets = r.Targets[:i]
			break
		}
	}
	return r
}

// Append appends the payload. It must be Within 64 KiB.
func (r DFSReferralResponse) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(r.PathConsumed)
	w.u16(uint16(len(r.Targets)))
	w.u32(uint32(r.Flags))
	kind := uint16(0)
	if r.Root {
		kind = 1
	}
	if r.Version == 1 {
		for _, t := range r.Targets {
			w.u16(1)
			w.u16(uint16(dfsFixedEntryV1 + utf16le.Len(t.Path) + 2))
			w.u16(kind)
			w.u16(0)
			w.name(t.Path)
			w.u16(0)
		}
		return w.b
	}
	layout := dfsEntries[r.Version]
	for _, t := range r.Targets {
		start := w.len()
		w.u16(r.Version)
		w.u16(uint16(layout.size))
		w.u16(kind)
		flags := uint16(0)
		if t.Boundary && r.Version == 4 {
			flags = dfsBoundary
		}
		w.u16(flags)
		if r.Version == 2 {
			w.u32(0) // Proximity
		}
		w.u32(r.TimeToLive)
		w.zero(start + layout.size - w.len())
	}
	r.appendStrings(&w)
	return w.b
}

// appendStrings appends what the entries point to: all to one path, which is its own
// alternative, and each to its target.
func (r DFSReferralResponse) appendStrings(w *builder) {
	layout := dfsEntries[r.Version]
	path := w.len()
	w.name(r.Path)
	w.u16(0)
	for i, t := range r.Targets {
		entry := dfsHeader + i*layout.size
		w.putU16(entry+layout.offsets, path-entry)
		w.putU16(entry+layout.offsets+2, path-entry)
		w.putU16(entry+layout.offsets+4, w.len()-entry)
		w.name(t.Path)
		w.u16(0)
	}
}

// ParseDFSReferralResponse parses b. Entries that differ in what has to be the same are
// an error, and so are lists of names.
func ParseDFSReferralResponse(b []byte) (DFSReferralResponse, error) {
	c, err := fixedIoctl(b, dfsHeader)
	if err != nil {
		return DFSReferralResponse{}, err
	}
	r := DFSReferralResponse{PathConsumed: c.u16()}
	n := int(c.u16())
	r.Flags = DFSReferralFlags(c.u32())
	rest, strings := b[dfsHeader:], 0
	for i := range n {
		if len(rest) < dfsFixedEntryV1 {
			return DFSReferralResponse{}, StatusInvalidParameter
		}
		e, size, err := parseDFSEntry(rest)
		if err != nil {
			return DFSReferralResponse{}, err
		}
		target := e.Targets[0]
		if strings += len(e.Path) + len(target.Path); strings > maxDFSStrings {
			return DFSReferralResponse{}, StatusInvalidParameter
		}
		e.PathConsumed, e.Flags, e.Targets = r.PathConsumed, r.Flags, nil
		if same := r; i > 0 {
			same.Targets = nil
			if !same.equal(e) {
				return DFSReferralResponse{}, StatusInvalidParameter
			}
		} else {
			r = e
		}
		r.Targets = append(r.Targets, target)
		rest = rest[size:]
	}
	if n == 0 || len(r.Within(math.MaxUint16).Targets) < n {
		return DFSReferralResponse{}, StatusInvalidParameter
	}
	return r, nil
}

func (r DFSReferralResponse) equal(o DFSReferralResponse) bool {
	return r.Version == o.Version && r.Root == o.Root && r.TimeToLive == o.TimeToLive && r.Path == o.Path
}

// parseDFSEntry parses the first entry of b, as a response with one target.
func parseDFSEntry(b []byte) (r DFSReferralResponse, size int, err error) {
	c := cursor(b)
	r.Version = c.u16()
	size = int(c.u16())
	r.Root = c.u16() == 1
	flags := c.u16()
	var t DFSReferralTarget
	if r.Version == 1 {
		if size < dfsFixedEntryV1 || size > len(b) {
			return r, 0, StatusInvalidParameter
		}
		t.Path, err = decodeName(untilNUL(b[dfsFixedEntryV1:size]))
		r.Targets = []DFSReferralTarget{t}
		return r, size, err
	}
	if r.Version < 1 || r.Version > DFSReferralVersion || flags&dfsNameList != 0 && r.Version > 2 {
		return r, 0, StatusInvalidParameter
	}
	layout := dfsEntries[r.Version]
	if size < layout.size || size > len(b) {
		return r, 0, StatusInvalidParameter
	}
	if r.Version == 2 {
		c.skip(4)
	}
	r.TimeToLive = c.u32()
	t.Boundary = r.Version == 4 && flags&dfsBoundary != 0
	if r.Path, err = stringAt(b, c.u16()); err != nil {
		return r, 0, err
	}
	c.skip(2)
	t.Path, err = stringAt(b, c.u16())
	r.Targets = []DFSReferralTarget{t}
	return r, size, err
}

// stringAt returns the string that begins at offset and ends with a NUL, or with b.
func stringAt(b []byte, offset uint16) (string, error) {
	if int(offset) > len(b) {
		return "", StatusInvalidParameter
	}
	return decodeName(untilNUL(b[offset:]))
}
