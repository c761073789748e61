package krb

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// logonInfo is what a KDC tells of a user, KERB_VALIDATION_INFO, [MS-PAC] 2.5.
type logonInfo struct {
	name, domain string
	user         vfs.SID
	groups       []vfs.SID
}

// UserFlags, [MS-PAC] 2.5.
const (
	logonGuest          = 0x1
	logonExtraSIDs      = 0x20
	logonResourceGroups = 0x200
)

// groupEnabled is SE_GROUP_ENABLED. A group without it, or that is for denying only, gives
// no rights. [MS-PAC] 2.2.1
const (
	groupEnabled     = 0x4
	groupUseDenyOnly = 0x10
)

// parseLogonInfo reads the buffer: a pointer to the structure, in the serialization of
// [MS-RPCE] 2.2.6. Guests are refused: they have no identity that a KDC could vouch for.
func parseLogonInfo(b []byte) (*logonInfo, bool) {
	// The headers of 2.2.6.1 and 2.2.6.2: version 1, little-endian, and a length.
	if len(b) < 16 || b[0] != 1 || b[1] != 0x10 || binary.LittleEndian.Uint16(b[2:]) != 8 ||
		uint64(binary.LittleEndian.Uint32(b[8:])) > uint64(len(b)-16) {
		return nil, false
	}
	r := logonReader{d: ndr.NewDecoder(b[16:])}
	if !r.d.Ptr() {
		return nil, false
	}
	r.fixed()
	r.referents()
	if r.d.Err() != nil || r.flags&logonGuest != 0 || r.domainSID == "" || r.name == "" {
		return nil, false
	}
	p := r.info()
	return p, mayCross(p.user)
}

// logonReader reads the structure: first what stands in it, then what it points to.
type logonReader struct {
	d *ndr.Decoder

	strings                 [8]ndr.UnicodeString // in the order in which they stand
	userRID, primaryRID     uint32
	flags                   uint32
	counts                  [3]uint32 // of groups, extra SIDs, resource groups
	lists                   [3]bool   // which of them are there
	hasDomain, hasResources bool      // LogonDomainId, ResourceGroupDomainSid

	name, domain      string
	domainSID, resSID vfs.SID
	groups, resources []uint32
	extra             []vfs.SID
}

func (r *logonReader) fixed() {
	d := r.d
	for range 6 { // times, each two numbers of 32 bits
		d.U32()
		d.U32()
	}
	for i := range 6 { // EffectiveName to HomeDirectoryDrive
		r.strings[i] = d.UnicodeString()
	}
	d.U16() // LogonCount
	d.U16() // BadPasswordCount
	r.userRID, r.primaryRID = d.U32(), d.U32()
	r.counts[0], r.lists[0] = d.U32(), d.Ptr()
	r.flags = d.U32()
	d.Bytes(16) // UserSessionKey
	r.strings[6], r.strings[7] = d.UnicodeString(), d.UnicodeString()
	r.hasDomain = d.Ptr()
	for range 2 + 2 + 4 + 2 { // Reserved1 to Reserved3
		d.U32()
	}
	r.counts[1], r.lists[1] = d.U32(), d.Ptr()
	r.hasResources = d.Ptr()
	r.counts[2], r.lists[2] = d.U32(), d.Ptr()
}

func (r *logonReader) referents() {
	var texts [8]string
	for i := range 6 {
		texts[i] = r.d.UnicodeStringBody(r.strings[i])
	}
	r.groups = r.memberships(0)
	texts[6], texts[7] = r.d.UnicodeStringBody(r.strings[6]), r.d.UnicodeStringBody(r.strings[7])
	if r.hasDomain {
		r.domainSID = r.sid()
	}
	r.extraSIDs()
	if r.hasResources {
		r.resSID = r.sid()
	}
	r.resources = r.memberships(2)
	r.name, r.domain = texts[0], texts[7] // EffectiveName, LogonDomainName
}

// memberships reads an array of GROUP_MEMBERSHIP, [MS-PAC] 2.2.2, and returns the groups
// that give rights.
func (r *logonReader) memberships(list int) []uint32 {
	if !r.lists[list] {
		return nil
	}
	var rids []uint32
	for range r.d.MaxCount(r.counts[list], 8) {
		if rid := r.d.U32(); gives(r.d.U32()) {
			rids = append(rids, rid)
		}
	}
	return rids
}

func gives(attributes uint32) bool { return attributes&(groupEnabled|groupUseDenyOnly) == groupEnabled }

// extraSIDs reads an array of KERB_SID_AND_ATTRIBUTES, [MS-PAC] 2.2.1.
func (r *logonReader) extraSIDs() {
	if !r.lists[1] {
		return
	}
	type element struct{ present, gives bool }
	list := make([]element, r.d.MaxCount(r.counts[1], 8))
	for i := range list {
		list[i].present = r.d.Ptr()
		list[i].gives = gives(r.d.U32())
	}
	for _, e := range list {
		if !e.present {
			continue
		}
		if sid := r.sid(); e.gives {
			r.extra = append(r.extra, sid)
		}
	}
}

// sid reads an RPC_SID, [MS-DTYP] 2.4.2.3.
func (r *logonReader) sid() vfs.SID {
	n := r.d.Count(r.d.U32(), 4)
	b := r.d.Bytes(8 + 4*n)
	if r.d.Err() != nil {
		return ""
	}
	sid, used, err := vfs.ParseSID(b)
	if err != nil || used != len(b) {
		r.d.Fail()
		return ""
	}
	return sid
}

// info gathers the SIDs, [MS-KILE] 3.4.5.3.
func (r *logonReader) info() *logonInfo {
	p := &logonInfo{name: r.name, domain: r.domain}
	known := make(map[vfs.SID]bool)
	add := func(sid vfs.SID) {
		if !known[sid] && mayCross(sid) {
			p.groups = append(p.groups, sid)
		}
		known[sid] = true
	}
	if r.userRID != 0 {
		p.user = member(r.domainSID, r.userRID)
	} else if r.flags&logonExtraSIDs != 0 && len(r.extra) > 0 {
		p.user = r.extra[0] // a user of no domain, [MS-PAC] 2.5
	}
	known[p.user] = true
	if r.primaryRID != 0 {
		add(member(r.domainSID, r.primaryRID))
	}
	for _, rid := range r.groups {
		add(member(r.domainSID, rid))
	}
	if r.flags&logonExtraSIDs != 0 {
		for _, sid := range r.extra {
			add(sid)
		}
	}
	if r.flags&logonResourceGroups != 0 && r.resSID != "" {
		for _, rid := range r.resources {
			add(member(r.resSID, rid))
		}
	}
	return p
}

func member(domain vfs.SID, rid uint32) vfs.SID {
	return domain + vfs.SID("-"+strconv.FormatUint(uint64(rid), 10))
}

// mayCross reports whether a SID may come from a domain to one of its members, [MS-PAC]
// 4.1.2.2: accounts of domains, and what says how they proved themselves. All others, such
// as BUILTIN\Administrators, are this machine's own to give.
func mayCross(sid vfs.SID) bool {
	if rest, ok := strings.CutPrefix(string(sid), "S-1-5-21-"); ok {
		return strings.Count(rest, "-") == 3
	}
	return strings.HasPrefix(string(sid), "S-1-18-") || sid == "S-1-5-15"
}

// caller makes a caller of it.
func (p *logonInfo) caller() *vfs.Caller {
	return &vfs.Caller{Name: p.name, Domain: p.domain, SID: p.user, Groups: p.groups}
}
