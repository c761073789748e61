package netlogon

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// samInfo is what is of use in a NETLOGON_VALIDATION_SAM_INFO4, [MS-NRPC] 2.2.1.4.13.
type samInfo struct {
	name, domain string // EffectiveName, LogonDomainName
	domainSID    vfs.SID
	user         uint32 // RIDs in the domain
	primaryGroup uint32
	groups       []group
	extra        []extraSID
	userFlags    uint32
	kickOff      smb2.FileTime // when to log him off
	key          [16]byte      // not encrypted at this level, unlike at others
}

type group struct{ rid, attributes uint32 }

type extraSID struct {
	sid        vfs.SID
	attributes uint32
}

const (
	// never is the KickOffTime of who may stay, [MS-PAC] 2.5; Samba has zero, too.
	never smb2.FileTime = 0x7fffffffffffffff

	groupEnabled = 0x04 // SE_GROUP_ENABLED, [MS-NRPC] 2.2.1.4.10
	userIsGuest  = 0x01 // LOGON_GUEST of UserFlags, [MS-PAC] 2.5

	// maxGroups is the range of GroupCount and SidCount.
	maxGroups = 2048
)

// decodeSamInfo4 reads the structure with all that its pointers refer to.
func decodeSamInfo4(d *ndr.Decoder) (s samInfo) {
	d.Align(4)
	d.Bytes(2 * 8) // LogonTime, LogoffTime
	s.kickOff = smb2.FileTime(d.U32()) | smb2.FileTime(d.U32())<<32
	d.Bytes(3 * 8) // PasswordLastSet to PasswordMustChange
	var strs [6]ndr.UnicodeString
	for i := range strs { // EffectiveName to HomeDirectoryDrive
		strs[i] = d.UnicodeString()
	}
	d.U32() // LogonCount, BadPasswordCount
	s.user, s.primaryGroup = d.U32(), d.U32()
	groupCount, hasGroups := d.U32(), d.Ptr()
	s.userFlags = d.U32()
	copy(s.key[:], d.Bytes(len(s.key)))
	server, domain := d.UnicodeString(), d.UnicodeString()
	hasDomainSID := d.Ptr()
	d.Bytes(8 + 4 + 4 + 8 + 8 + 4 + 4) // LMKey to Reserved4
	sidCount, hasSIDs := d.U32(), d.Ptr()
	var more [12]ndr.UnicodeString
	for i := range more { // DnsLogonDomainName, Upn, ExpansionStrings
		more[i] = d.UnicodeString()
	}
	if groupCount > maxGroups || sidCount > maxGroups {
		d.Fail()
	}

	s.name = d.UnicodeStringBody(strs[0])
	for _, x := range strs[1:] {
		d.UnicodeStringBody(x)
	}
	if hasGroups {
		s.groups = decodeGroups(d, groupCount)
	}
	d.UnicodeStringBody(server)
	s.domain = d.UnicodeStringBody(domain)
	if hasDomainSID {
		s.domainSID = decodeSID(d)
	}
	if hasSIDs {
		s.extra = decodeExtra(d, sidCount)
	}
	for _, x := range more {
		d.UnicodeStringBody(x)
	}
	return s
}

func decodeGroups(d *ndr.Decoder, count uint32) []group {
	groups := make([]group, d.MaxCount(count, 8))
	for i := range groups {
		groups[i] = group{d.U32(), d.U32()}
	}
	return groups
}

func decodeExtra(d *ndr.Decoder, count uint32) []extraSID {
	extra := make([]extraSID, d.MaxCount(count, 8))
	present := make([]bool, len(extra))
	for i := range extra {
		present[i], extra[i].attributes = d.Ptr(), d.U32()
	}
	for i := range extra {
		if present[i] {
			extra[i].sid = decodeSID(d)
		}
	}
	return extra
}

// decodeSID reads an RPC_SID, [MS-DTYP] 2.4.2.3: the binary form behind the number of
// its parts.
func decodeSID(d *ndr.Decoder) vfs.SID {
	n := d.Count(d.U32(), 4)
	b := d.Bytes(8 + 4*n)
	if d.Err() != nil {
		return ""
	}
	sid, length, err := vfs.ParseSID(b)
	if err != nil || length != len(b) {
		d.Fail()
		return ""
	}
	return sid
}

var errIdentity = errors.New("netlogon: the controller let somebody in without saying whom")

// caller makes the identity of who logged on.
func (s *samInfo) caller() (vfs.Caller, error) {
	if s.name == "" || s.domainSID == "" || s.userFlags&userIsGuest != 0 {
		return vfs.Caller{}, errIdentity
	}
	c := vfs.Caller{Name: s.name, Domain: s.domain, SID: withRID(s.domainSID, s.user)}
	if !c.SID.Valid() {
		return vfs.Caller{}, errIdentity
	}
	add := func(sid vfs.SID) {
		if sid.Valid() && !slices.Contains(c.Groups, sid) {
			c.Groups = append(c.Groups, sid)
		}
	}
	add(withRID(s.domainSID, s.primaryGroup))
	for _, g := range s.groups {
		if g.attributes&groupEnabled != 0 {
			add(withRID(s.domainSID, g.rid))
		}
	}
	for _, x := range s.extra {
		// BUILTIN's groups are those of the controller's machine, not of this one.
		if x.attributes&groupEnabled != 0 && !strings.HasPrefix(string(x.sid), "S-1-5-32-") {
			add(x.sid)
		}
	}
	return c, nil
}

// recheck is ntlm.Logon.Recheck: once the user's time is up, which hours or an expiry date
// set, the controller is to be asked again.
func (s *samInfo) recheck(context.Context) error {
	if s.kickOff != 0 && s.kickOff < never && time.Now().After(s.kickOff.Time()) {
		return smb2.StatusNetworkSessionExpired
	}
	return nil
}

func withRID(domain vfs.SID, rid uint32) vfs.SID {
	return domain + vfs.SID("-"+strconv.FormatUint(uint64(rid), 10))
}
