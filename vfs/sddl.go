package vfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxSDDL bounds what ParseSDDL reads. The longest descriptor that there is, two
// full lists, is shorter.
const maxSDDL = 1 << 20

var errSDDL = errors.New("vfs: malformed SDDL")

// ParseSDDL reads a security descriptor in its text form, [MS-DTYP] 2.5.1, such as
// "O:BAG:SYD:PAI(A;OICI;FA;;;BA)". The null DACL is "D:NO_ACCESS_CONTROL", as on
// Windows.
//
// Refused are conditional entries (XA, XD, XU, ZA), resource attributes (RA),
// entries for kinds of objects (OA, OD, OU, and GUIDs), and the short names of
// users and groups of a domain, such as DA, since the domain isn't known.
func ParseSDDL(s string) (SecurityDescriptor, error) {
	d, err := parseSDDL(s)
	if err != nil {
		return SecurityDescriptor{}, err
	}
	return d, nil
}

func parseSDDL(s string) (d SecurityDescriptor, err error) {
	if len(s) > maxSDDL {
		return d, fmt.Errorf("%w: too long", errSDDL)
	}
	var seen [256]bool
	for s != "" {
		if len(s) < 2 || s[1] != ':' || seen[s[0]] {
			return d, fmt.Errorf("%w: O:, G:, D: or S: wanted at %.20q", errSDDL, s)
		}
		part := s[0]
		seen[part], s = true, s[2:]
		switch part {
		case 'O':
			d.Owner, s, err = sddlSID(s)
		case 'G':
			d.Group, s, err = sddlSID(s)
		case 'D':
			s, err = daclBits.parseSDDL(&d.DACL, &d.Control, s)
		case 'S':
			s, err = saclBits.parseSDDL(&d.SACL, &d.Control, s)
		default:
			err = fmt.Errorf("%w: unknown part %q", errSDDL, part)
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

const sddlNull = "NO_ACCESS_CONTROL"

// parseSDDL reads the flags and entries of one list.
func (l listBits) parseSDDL(a **ACL, c *Control, s string) (string, error) {
	*c |= l.present
	for {
		switch {
		case strings.HasPrefix(s, sddlNull) && l == daclBits:
			return s[len(sddlNull):], nil
		case strings.HasPrefix(s, "AR"):
			*c |= l.request
			s = s[2:]
		case strings.HasPrefix(s, "AI"):
			*c |= l.inherited
			s = s[2:]
		case strings.HasPrefix(s, "P"):
			*c |= l.protected
			s = s[1:]
		default:
			*a = &ACL{}
			return (*a).parseSDDL(s)
		}
	}
}

func (a *ACL) parseSDDL(s string) (string, error) {
	for strings.HasPrefix(s, "(") {
		body, rest, ok := strings.Cut(s[1:], ")")
		if !ok {
			return s, fmt.Errorf("%w: ) wanted after %.40q", errSDDL, s)
		}
		e, err := parseSDDLACE(body)
		if err != nil {
			return s, err
		}
		a.ACEs = append(a.ACEs, e)
		s = rest
	}
	if !a.Valid() {
		return s, fmt.Errorf("%w: the list is longer than 64 KiB", errSDDL)
	}
	return s, nil
}

func parseSDDLACE(s string) (e ACE, err error) {
	bad := func(what string) (ACE, error) {
		return ACE{}, fmt.Errorf("%w: %s in (%.60s)", errSDDL, what, s)
	}
	field := strings.SplitN(s, ";", 8)
	if len(field) != 6 {
		return bad("six fields wanted, and conditions and attributes are not supported,")
	}
	var ok bool
	if e.Type, ok = sddlTypes[field[0]]; !ok {
		return bad("type " + strconv.Quote(field[0]) + " is not supported")
	}
	for f := field[1]; f != ""; f = f[2:] {
		flag, ok := ACEFlags(0), len(f) >= 2
		if ok {
			flag, ok = sddlFlag(f[:2])
		}
		if !ok {
			return bad("unknown flag")
		}
		e.Flags |= flag
	}
	if e.Mask, ok = sddlMask(e.Type, field[2]); !ok {
		return bad("unknown right")
	}
	if field[3] != "" || field[4] != "" {
		return bad("a GUID is not supported")
	}
	var rest string
	if e.SID, rest, err = sddlSID(field[5]); err != nil || rest != "" {
		return bad("unknown SID")
	}
	return e, nil
}

// sddlMask reads a number, or names one after another.
func sddlMask(t ACEType, s string) (Access, bool) {
	if s != "" && s[0] >= '0' && s[0] <= '9' {
		if strings.ContainsRune(s, '_') {
			return 0, false
		}
		v, err := strconv.ParseUint(s, 0, 32)
		return Access(v), err == nil
	}
	var m Access
	for ; s != ""; s = s[2:] {
		if len(s) < 2 {
			return 0, false
		}
		v, ok := sddlRight(t, s[:2])
		if !ok {
			return 0, false
		}
		m |= v
	}
	return m, true
}

func sddlRight(t ACEType, name string) (Access, bool) {
	for _, list := range [][]sddlName[Access]{sddlLabelRights, sddlSimple, sddlFile, sddlOther} {
		if &list[0] == &sddlLabelRights[0] && t != ACEMandatoryLabel {
			continue
		}
		for _, r := range list {
			if r.name == name {
				return r.value, true
			}
		}
	}
	return 0, false
}

func sddlFlag(name string) (ACEFlags, bool) {
	for _, f := range sddlFlags {
		if f.name == name {
			return f.value, true
		}
	}
	return 0, false
}

// sddlSID reads a SID or the short name of one, up to where the next part begins.
func sddlSID(s string) (SID, string, error) {
	if strings.HasPrefix(s, "S-") {
		// What ends it is another part's letter, or the end.
		end := strings.IndexFunc(s[2:], func(r rune) bool {
			return r != '-' && r != 'x' && (r < '0' || r > '9') && (r < 'A' || r > 'F')
		})
		n := len(s)
		if end >= 0 {
			n = end + 2
		}
		if n < len(s) && s[n] == ':' && s[n-1] == 'D' {
			n-- // D: is a hexadecimal digit as well
		}
		if sid := SID(s[:n]); sid.Valid() {
			return sid, s[n:], nil
		}
		return "", s, fmt.Errorf("%w: SID %.60q", errSDDL, s[:n])
	}
	if len(s) >= 2 {
		for _, n := range sddlSIDs {
			if n.name == s[:2] {
				return n.value, s[2:], nil
			}
		}
	}
	return "", s, fmt.Errorf("%w: unknown SID, or one that needs a domain, %.2q", errSDDL, s)
}

// String returns the text form, [MS-DTYP] 2.5.1, which [ParseSDDL] reads. It has no place for
// the flags that tell that a part is a default, and for those of entries that have
// no name. An entry that it can't represent, among them all that ParseSDDL
// refuses, is printed as its type in hexadecimal, which ParseSDDL refuses as well:
// nothing is lost unseen.
func (d SecurityDescriptor) String() string {
	var b strings.Builder
	if d.Owner.Valid() {
		b.WriteString("O:" + d.Owner.sddl())
	}
	if d.Group.Valid() {
		b.WriteString("G:" + d.Group.sddl())
	}
	if d.DACL != nil || d.Control&SDDACLPresent != 0 {
		b.WriteString("D:")
		daclBits.writeSDDL(&b, d.DACL, d.Control)
		if d.DACL == nil {
			b.WriteString(sddlNull)
		}
	}
	if d.SACL != nil {
		b.WriteString("S:")
		saclBits.writeSDDL(&b, d.SACL, d.Control)
	}
	return b.String()
}

func (l listBits) writeSDDL(b *strings.Builder, a *ACL, c Control) {
	for _, f := range []struct {
		flag Control
		name string
	}{{l.protected, "P"}, {l.request, "AR"}, {l.inherited, "AI"}} {
		if c&f.flag != 0 {
			b.WriteString(f.name)
		}
	}
	if a == nil {
		return
	}
	for _, e := range a.ACEs {
		b.WriteString(e.String())
	}
}

// String returns the entry as it stands in a descriptor's text form.
func (e ACE) String() string {
	name := ""
	for n, t := range sddlTypes {
		if t == e.Type {
			name = n
		}
	}
	if name == "" || !e.SID.Valid() {
		return fmt.Sprintf("(%#02x)", uint8(e.Type))
	}
	flags := ""
	for _, f := range sddlFlags {
		if e.Flags&f.value != 0 {
			flags += f.name
		}
	}
	return "(" + name + ";" + flags + ";" + e.Mask.sddl(e.Type) + ";;;" + e.SID.sddl() + ")"
}

// sddl names rights as Windows does: generic and standard ones, and what is usual
// for files; else a number.
func (a Access) sddl(t ACEType) string {
	for _, r := range sddlFile {
		if r.value == a && t != ACEMandatoryLabel {
			return r.name
		}
	}
	names, rest := "", a
	list := sddlSimple
	if t == ACEMandatoryLabel {
		list = sddlLabelRights
	}
	for _, r := range list {
		if a&r.value != 0 {
			names, rest = names+r.name, rest&^r.value
		}
	}
	if rest != 0 {
		return fmt.Sprintf("%#x", uint32(a))
	}
	return names
}

func (s SID) sddl() string {
	for _, n := range sddlSIDs {
		if n.value == s {
			return n.name
		}
	}
	return string(s)
}

type sddlName[T any] struct {
	name  string
	value T
}

var sddlTypes = map[string]ACEType{
	"A": ACEAllowed, "D": ACEDenied, "AU": ACEAudit, "AL": ACEAlarm, "ML": ACEMandatoryLabel, "SP": ACEScopedPolicyID,
}

var sddlFlags = []sddlName[ACEFlags]{
	{"OI", ACEObjectInherit}, {"CI", ACEContainerInherit}, {"NP", ACENoPropagateInherit}, {"IO", ACEInheritOnly},
	{"ID", ACEInherited}, {"SA", ACESuccessfulAccess}, {"FA", ACEFailedAccess},
}

var sddlSimple = []sddlName[Access]{
	{"GA", GenericAll}, {"GR", GenericRead}, {"GW", GenericWrite}, {"GX", GenericExecute},
	{"RC", ReadControl}, {"SD", Delete}, {"WD", WriteDAC}, {"WO", WriteOwner},
}

var sddlFile = []sddlName[Access]{
	{"FA", AccessFull}, {"FR", AccessRead}, {"FW", AccessWrite}, {"FX", AccessExecute},
}

// sddlOther are understood, but not written: names that were meant for other
// objects.
var sddlOther = []sddlName[Access]{
	{"CC", 0x1}, {"DC", 0x2}, {"LC", 0x4}, {"SW", 0x8}, {"RP", 0x10}, {"WP", 0x20}, {"DT", 0x40}, {"LO", 0x80}, {"CR", 0x100},
	{"KA", 0xF003F}, {"KR", 0x20019}, {"KX", 0x20019}, {"KW", 0x20006},
}

// sddlLabelRights say what who is below a mandatory label may not do.
var sddlLabelRights = []sddlName[Access]{{"NW", 0x1}, {"NR", 0x2}, {"NX", 0x4}}

var sddlSIDs = []sddlName[SID]{
	{"WD", SIDEveryone}, {"CO", SIDCreatorOwner}, {"CG", SIDCreatorGroup}, {"OW", SIDOwnerRights},
	{"NU", SIDNetwork}, {"IU", SIDInteractive}, {"SU", SIDService}, {"AN", SIDAnonymous}, {"ED", "S-1-5-9"}, {"PS", "S-1-5-10"},
	{"AU", SIDAuthenticatedUsers}, {"RC", "S-1-5-12"}, {"SY", SIDSystem}, {"LS", SIDLocalService}, {"NS", SIDNetworkService},
	{"WR", "S-1-5-33"}, {"UD", "S-1-5-84-0-0-0-0-0"}, {"AC", "S-1-15-2-1"},
	{"BA", SIDAdministrators}, {"BU", SIDUsers}, {"BG", SIDGuests}, {"PU", SIDPowerUsers},
	{"AO", "S-1-5-32-548"}, {"SO", "S-1-5-32-549"}, {"PO", "S-1-5-32-550"}, {"BO", SIDBackupOperators}, {"RE", "S-1-5-32-552"},
	{"RU", "S-1-5-32-554"}, {"RD", "S-1-5-32-555"}, {"NO", "S-1-5-32-556"}, {"MU", "S-1-5-32-558"}, {"LU", "S-1-5-32-559"},
	{"IS", "S-1-5-32-568"}, {"CY", "S-1-5-32-569"}, {"ER", "S-1-5-32-573"}, {"CD", "S-1-5-32-574"}, {"RA", "S-1-5-32-575"},
	{"ES", "S-1-5-32-576"}, {"MS", "S-1-5-32-577"}, {"HA", "S-1-5-32-578"}, {"AA", "S-1-5-32-579"}, {"RM", "S-1-5-32-580"},
	{"LW", "S-1-16-4096"}, {"ME", SIDMandatoryMedium}, {"MP", "S-1-16-8448"}, {"HI", "S-1-16-12288"}, {"SI", "S-1-16-16384"},
}
