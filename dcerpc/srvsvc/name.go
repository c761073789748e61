package srvsvc

import (
	"context"
	"strings"
	"unicode/utf16"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/internal/utf16le"
)

// The flags of NetprNameCanonicalize and NetprNameCompare, [MS-SRVS] 3.1.4.33.
const (
	nameOld       = 0x80000000 // the rules of LAN Manager 2
	nameFlag      = 0x00000001 // buffer must fit any name; names are canonical
	nameFlags     = nameOld | nameFlag
	maxNameBuffer = 64000
)

// nameRule says what a kind of name looks like, [MS-SRVS] 2.2.2.8, and how its
// canonical form is cut, 3.1.4.33. Lengths are in 16-bit units.
type nameRule struct {
	min, max         int
	invalid          string // characters besides the control characters
	oldMax, newMax   int
	oldUpper, newCap bool
	oldExact         bool // compared with case under the old rules
}

const invalidInName = `"/\[]:|<>+=;,?`

// nameRules are indexed by NAMETYPE.
var nameRules = [...]nameRule{
	1:  {1, 256, invalidInName, 20, 256, true, false, false},       // user
	2:  {0, 256, "", 14, 256, false, false, true},                  // password
	3:  {1, 256, invalidInName, 20, 256, true, false, false},       // group
	4:  {1, 260, invalidInName + "*", 15, 259, true, false, false}, // computer
	5:  {1, 16, invalidInName, 16, 16, true, true, false},          // event
	6:  {1, 15, invalidInName + "* ", 15, 15, true, false, false},  // domain
	7:  {1, 80, invalidInName, 15, 80, true, false, false},         // service
	8:  {1, 260, invalidInName, 259, 259, true, true, false},       // net
	9:  {1, 80, invalidInName, 12, 80, true, false, false},         // share
	10: {1, 15, invalidInName, 259, 259, true, true, true},         // message
	11: {1, 260, invalidInName, 259, 259, true, true, true},        // message destination
	12: {0, 8, "", 8, 8, false, false, true},                       // share password
	13: {1, 15, invalidInName, 15, 15, true, false, false},         // workgroup
}

func ruleOf(nameType uint32) (nameRule, bool) {
	if nameType == 0 || nameType >= uint32(len(nameRules)) {
		return nameRule{}, false
	}
	return nameRules[nameType], true
}

// validate checks that s is a name of the kind.
func (r nameRule) validate(s string) bool {
	n := len(utf16.Encode([]rune(s)))
	if n < r.min || n > r.max || strings.ContainsAny(s, r.invalid) {
		return false
	}
	if r.invalid == "" {
		return true // a password: anything but NUL, which ends it
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 })
}

// canonical returns the canonical form of s, which is valid.
func (r nameRule) canonical(s string, old bool) string {
	limit, upper := r.newMax, r.newCap
	if old {
		limit, upper = r.oldMax, r.oldUpper
	}
	if u := utf16.Encode([]rune(s)); len(u) > limit {
		s = string(utf16.Decode(u[:limit]))
	}
	if upper {
		s = strings.ToUpper(s)
	}
	return s
}

// nameValidate is NetprNameValidate, [MS-SRVS] 3.1.4.32.
func (v *service) nameValidate(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	kind, flags := d.U32(), d.U32()
	if d.Err() != nil {
		return
	}
	code := netapi.OK
	rule, ok := ruleOf(kind)
	switch {
	case !ok, flags&^nameOld != 0:
		code = netapi.InvalidParameter
	case !rule.validate(name):
		code = netapi.InvalidName
	}
	e.U32(uint32(code))
}

// nameCanonicalize is NetprNameCanonicalize, [MS-SRVS] 3.1.4.33. The result is an
// array of the size that the client gives.
func (v *service) nameCanonicalize(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	size, kind, flags := d.U32(), d.U32(), d.U32()
	if size > maxNameBuffer {
		d.Fail()
	}
	if d.Err() != nil {
		return
	}
	var canonical string
	code := netapi.OK
	rule, ok := ruleOf(kind)
	limit := rule.newMax
	if flags&nameOld != 0 {
		limit = rule.oldMax
	}
	switch {
	case !ok, flags&^nameFlags != 0:
		code = netapi.InvalidParameter
	case !rule.validate(name):
		code = netapi.InvalidName
	case flags&nameFlag != 0 && size < uint32(limit):
		code = netapi.NErrBufTooSmall
	default:
		canonical = rule.canonical(name, flags&nameOld != 0)
	}
	buf := utf16le.Append(make([]byte, 0, 2*size), canonical)
	if code == netapi.OK && len(buf)+2 > int(2*size) {
		buf, code = buf[:0], netapi.NErrBufTooSmall
	}
	e.U32(size)
	e.Raw(buf)
	e.Raw(make([]byte, int(2*size)-len(buf)))
	e.U32(uint32(code))
}

// nameCompare is NetprNameCompare, [MS-SRVS] 3.1.4.34.
func (v *service) nameCompare(_ context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	a, b := d.WString(), d.WString()
	kind, flags := d.U32(), d.U32()
	if d.Err() != nil {
		return
	}
	old := flags&nameOld != 0
	rule, ok := ruleOf(kind)
	switch {
	case !ok, flags&^nameFlags != 0:
		e.U32(uint32(netapi.InvalidParameter))
		return
	case flags&nameFlag != 0:
	case !rule.validate(a), !rule.validate(b):
		e.U32(uint32(netapi.InvalidParameter))
		return
	default:
		a, b = rule.canonical(a, old), rule.canonical(b, old)
	}
	if !old || !rule.oldExact {
		a, b = strings.ToUpper(a), strings.ToUpper(b)
	}
	e.U32(uint32(int32(strings.Compare(a, b))))
}
