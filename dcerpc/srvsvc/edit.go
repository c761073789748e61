package srvsvc

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"unicode/utf16"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// shareShapes are the members of the structures that a client sends, [MS-SRVS] 2.2.4.22
// to 2.2.4.31, in the letters of netapi.DecodePtr.
var shareShapes = map[uint32]string{
	0: "s", 1: "sns", 2: "snsnnnss", 501: "snsn", 502: "snsnnnssnb", 503: "snsnnnsssnb",
	1004: "s", 1005: "n", 1006: "n", 1007: "ns", 1501: "nb",
}

// Members of a share as ParmErr numbers them, [MS-SRVS] 2.2.2.11; noMember is none.
const (
	noMember         = 0
	memberName       = 1
	memberType       = 3
	memberRemark     = 4
	memberPath       = 8
	memberDescriptor = 501
)

const (
	maxShareName = 80
	maxRemark    = 48
)

// decodeShare reads InfoStruct, a union that level switches, and ParmErr; neither if level
// isn't one of the union's.
func decodeShare(d *ndr.Decoder, level uint32) (row netapi.Row, parmErr bool) {
	if d.U32() != level {
		d.Fail()
	}
	shape, known := shareShapes[level]
	if !known {
		return nil, false
	}
	row = netapi.DecodePtr(d, shape)
	_, parmErr = d.UniqueU32()
	return row, parmErr
}

// finishShare writes ParmErr, where the client wants it, and the code.
func finishShare(e *ndr.Encoder, parmErr bool, member uint32, code netapi.Code) {
	e.Ptr(parmErr)
	if parmErr {
		e.U32(member)
	}
	e.U32(uint32(code))
}

// shareAdd is NetrShareAdd, [MS-SRVS] 3.1.4.7.
func (v *service) shareAdd(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	level := d.U32()
	row, parmErr := decodeShare(d, level)
	if d.Err() != nil {
		return
	}
	editor, ok := v.server.(ShareEditor)
	var member uint32
	code := netapi.OK
	switch {
	case !ok || v.admin(ctx) != netapi.OK:
		code = netapi.AccessDenied
	case level != 2 && level != 502 && level != 503:
		code = netapi.InvalidLevel
	case row == nil:
		code = netapi.InvalidParameter
	default:
		member, code = v.add(ctx, editor, row)
	}
	finishShare(e, parmErr, member, code)
}

// add adds the share that row describes, one of level 2, 502 or 503.
func (v *service) add(ctx context.Context, editor ShareEditor, row netapi.Row) (member uint32, code netapi.Code) {
	s := Share{
		Name: row[0].Text(), Type: row[1].Number(), Comment: row[2].Text(), MaxUses: orNone(row[4].Number()),
		Path: row[6].Text(), SecurityDescriptor: row[len(row)-1].Octets(),
	}
	units := len(utf16.Encode([]rune(s.Name)))
	switch {
	case s.Name == "", units > maxShareName:
		return memberName, netapi.InvalidParameter
	case netapi.SameName(s.Name, "pipe"), netapi.SameName(s.Name, "mailslot"):
		return noMember, netapi.AccessDenied
	case !nameRules[typeShare].validate(s.Name):
		return memberName, netapi.InvalidName
	case s.Type != TypeDisk:
		return memberType, netapi.InvalidParameter
	case len(utf16.Encode([]rune(s.Comment))) > maxRemark:
		return memberRemark, netapi.InvalidParameter
	case !absolute(s.Path):
		return memberPath, netapi.InvalidParameter
	case !validDescriptor(s.SecurityDescriptor):
		return memberDescriptor, netapi.InvalidParameter
	}
	if _, exists := v.server.Share(ctx, s.Name); exists {
		return noMember, netapi.NErrDuplicateShare
	}
	return noMember, editCode(editor.AddShare(ctx, s), netapi.NErrUnknownDevDir)
}

// typeShare is NAMETYPE_SHARE, [MS-SRVS] 2.2.2.8.
const typeShare = 9

// absolute reports whether path is one of a drive, without "." and "..".
func absolute(path string) bool {
	if len(path) < 3 || path[1] != ':' || path[2] != '\\' || strings.ContainsAny(path, "<>\"|*?\x00") {
		return false
	}
	if c := path[0] | 0x20; c < 'a' || c > 'z' {
		return false
	}
	for part := range strings.FieldsFuncSeq(path[3:], func(r rune) bool { return r == '\\' || r == '/' }) {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

func validDescriptor(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	sd, err := vfs.ParseSecurityDescriptor(b)
	return err == nil && sd.Validate() == nil
}

// orNone is the reverse of orAll.
func orNone(n uint32) uint32 {
	if n == 0xffffffff {
		return 0
	}
	return n
}

// editCode tells the client of what came of a change.
func editCode(err error, missing netapi.Code) netapi.Code {
	switch {
	case err == nil:
		return netapi.OK
	case errors.Is(err, fs.ErrExist):
		return netapi.NErrDuplicateShare
	case errors.Is(err, fs.ErrNotExist):
		return missing
	case errors.Is(err, fs.ErrPermission):
		return netapi.AccessDenied
	case errors.Is(err, fs.ErrInvalid):
		return netapi.InvalidParameter
	case errors.Is(err, errors.ErrUnsupported):
		return netapi.NotSupported
	}
	return netapi.InvalidData
}

// shareSetInfo is NetrShareSetInfo, [MS-SRVS] 3.1.4.11.
func (v *service) shareSetInfo(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	level := d.U32()
	row, parmErr := decodeShare(d, level)
	if d.Err() != nil {
		return
	}
	editor, ok := v.server.(ShareEditor)
	change, settable := shareChange(level, row)
	var member uint32
	code := netapi.OK
	switch {
	case !ok || v.admin(ctx) != netapi.OK:
		code = netapi.AccessDenied
	case !settable:
		code = netapi.InvalidLevel
	case name == "", row == nil:
		code = netapi.InvalidParameter
	case change.Comment != nil && len(utf16.Encode([]rune(*change.Comment))) > maxRemark:
		member, code = memberRemark, netapi.InvalidParameter
	case !validDescriptor(change.SecurityDescriptor):
		member, code = memberDescriptor, netapi.InvalidParameter
	default:
		code = v.change(ctx, editor, name, change)
	}
	finishShare(e, parmErr, member, code)
}

// change changes a share that there is, and that isn't one of the server's own.
func (v *service) change(ctx context.Context, editor ShareEditor, name string, c ShareChange) netapi.Code {
	switch s, ok := v.server.Share(ctx, name); {
	case !ok:
		return netapi.NErrNetNameNotFound
	case s.Type&TypeSpecial != 0:
		return netapi.InvalidParameter
	}
	return editCode(editor.ChangeShare(ctx, name, c), netapi.NErrNetNameNotFound)
}

// shareChange returns what a level sets. Members that it has besides are ignored, and so
// is a descriptor that isn't there.
func shareChange(level uint32, row netapi.Row) (c ShareChange, settable bool) {
	switch level {
	case 1, 2, 502, 503, 1004, 1005, 1006, 1501:
	default:
		return c, false
	}
	if row == nil {
		return c, true
	}
	str := func(i int) *string { s := row[i].Text(); return &s }
	num := func(i int) *uint32 { n := row[i].Number(); return &n }
	switch level {
	case 1:
		c.Comment = str(2)
	case 2, 502, 503:
		c.Comment, c.MaxUses = str(2), num(4)
		if level != 2 {
			c.SecurityDescriptor = row[len(row)-1].Octets()
		}
	case 1004:
		c.Comment = str(0)
	case 1005:
		c.Flags = num(0)
	case 1006:
		c.MaxUses = num(0)
	case 1501:
		c.SecurityDescriptor = row[1].Octets()
	}
	if c.MaxUses != nil {
		*c.MaxUses = orNone(*c.MaxUses)
	}
	return c, true
}

// shareDel is NetrShareDel, [MS-SRVS] 3.1.4.12.
func (v *service) shareDel(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	d.U32() // Reserved
	if d.Err() != nil {
		return
	}
	e.U32(uint32(v.remove(ctx, name)))
}

// shareDelEx is NetrShareDelEx, [MS-SRVS] 3.1.4.47. The server has one name only, so it
// doesn't matter which the share is to be found under.
func (v *service) shareDelEx(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	level := d.U32()
	if d.U32() != level {
		d.Fail()
	}
	row := netapi.DecodePtr(d, shareShapes[level])
	if d.Err() != nil {
		return
	}
	code := netapi.InvalidLevel
	switch {
	case level != 503:
	case row == nil:
		code = netapi.InvalidParameter
	default:
		code = v.remove(ctx, row[0].Text())
	}
	e.U32(uint32(code))
}

// remove ends a share.
func (v *service) remove(ctx context.Context, name string) netapi.Code {
	editor, ok := v.server.(ShareEditor)
	if !ok || v.admin(ctx) != netapi.OK {
		return netapi.AccessDenied
	}
	switch s, ok := v.server.Share(ctx, name); {
	case name == "":
		return netapi.InvalidParameter
	case !ok:
		return netapi.NErrNetNameNotFound
	case s.Type&TypeSpecial != 0:
		return netapi.AccessDenied
	}
	return editCode(editor.RemoveShare(ctx, name), netapi.NErrNetNameNotFound)
}
