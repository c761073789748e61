package srvsvc

import (
	"context"
	"slices"
	"strings"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// maxQualifier bounds the names that an enumeration is restricted to, with their
// terminator.
const maxQualifier = 1024

// row gives s as the structure of a level, [MS-SRVS] 2.2.4.11 to 2.2.4.15.
func (s Session) row(level uint32) netapi.Row {
	num, str := netapi.Num, netapi.Str
	const guest = 1 // SESS_GUEST
	var flags uint32
	if s.Guest {
		flags = guest
	}
	client, active, idle := str(s.Client), num(seconds(s.Active)), num(seconds(s.Idle))
	one := netapi.Row{client, str(s.User), num(s.Files), active, idle, num(flags)}
	switch level {
	case 0:
		return netapi.Row{client}
	case 1:
		return one
	case 2:
		return append(one, str(s.ClientType))
	case 10:
		return netapi.Row{client, str(s.User), active, idle}
	case 502:
		return append(one, str(s.ClientType), str(s.Transport))
	}
	return nil
}

// sessionEnum is NetrSessionEnum, [MS-SRVS] 3.1.4.5.
func (v *service) sessionEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	client := d.UniqueWString()
	user := d.UniqueWString()
	q := netapi.DecodeEnum(d, 0, 1, 2, 10, 502)
	if d.Err() != nil {
		return
	}
	rows, code := v.sessions(ctx, client, user, q.Level)
	q.Append(e, rows, code)
}

func (v *service) sessions(ctx context.Context, client, user string, level uint32) ([]netapi.Row, netapi.Code) {
	if code := v.admin(ctx); code != netapi.OK {
		return nil, code
	}
	client, code := clientName(client)
	if code != netapi.OK {
		return nil, code
	}
	if len(user) >= maxQualifier {
		return nil, netapi.InvalidParameter
	}
	var rows []netapi.Row
	for _, s := range v.server.Sessions(ctx) {
		if (client == "" || netapi.SameName(s.Client, client)) && (user == "" || netapi.SameName(s.User, user)) {
			rows = append(rows, s.row(level))
		}
	}
	switch {
	case rows != nil:
	case client != "":
		return nil, netapi.NErrClientNameNotFound
	case user != "":
		return nil, netapi.NErrUserNotFound
	}
	return rows, netapi.OK
}

// clientName checks a computer name that restricts an operation, and takes the
// backslashes from its front. "" means any.
func clientName(s string) (string, netapi.Code) {
	if s == "" {
		return "", netapi.OK
	}
	if len(s) >= maxQualifier {
		return "", netapi.InvalidParameter
	}
	name, ok := strings.CutPrefix(s, `\\`)
	if !ok || name == "" {
		return "", netapi.NErrInvalidComputer
	}
	return name, netapi.OK
}

// sessionDel is NetrSessionDel, [MS-SRVS] 3.1.4.6.
func (v *service) sessionDel(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	client, code := clientName(d.UniqueWString())
	user := d.UniqueWString()
	if d.Err() != nil {
		return
	}
	closer, ok := v.server.(SessionCloser)
	switch {
	case !ok || v.admin(ctx) != netapi.OK:
		code = netapi.AccessDenied
	case code != netapi.OK:
	case client == "" && user == "", len(user) >= maxQualifier:
		code = netapi.InvalidParameter
	case closer.CloseSessions(ctx, client, user) > 0:
	case client != "":
		code = netapi.NErrClientNameNotFound
	default:
		code = netapi.NErrUserNotFound
	}
	e.U32(uint32(code))
}

// row gives f as the structure of a level, [MS-SRVS] 2.2.4.6 and 2.2.4.7.
func (f File) row(level uint32) netapi.Row {
	num, str := netapi.Num, netapi.Str
	switch level {
	case 2:
		return netapi.Row{num(f.ID)}
	case 3:
		return netapi.Row{num(f.ID), num(f.Permissions), num(f.Locks), str(f.Path), str(f.User)}
	}
	return nil
}

// fileEnum is NetrFileEnum, [MS-SRVS] 3.1.4.2. BasePath is a prefix of the paths
// to return.
func (v *service) fileEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	base := d.UniqueWString()
	user := d.UniqueWString()
	q := netapi.DecodeEnum(d, 2, 3)
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	if len(base) >= maxQualifier || len(user) >= maxQualifier {
		code = netapi.InvalidParameter
	}
	var rows []netapi.Row
	if code == netapi.OK {
		for _, f := range v.server.Files(ctx) {
			if (user == "" || netapi.SameName(f.User, user)) && hasPrefix(f.Path, base) {
				rows = append(rows, f.row(q.Level))
			}
		}
	}
	q.Append(e, rows, code)
}

func hasPrefix(s, prefix string) bool {
	return strings.HasPrefix(strings.ToUpper(s), strings.ToUpper(prefix))
}

// fileGetInfo is NetrFileGetInfo, [MS-SRVS] 3.1.4.3.
func (v *service) fileGetInfo(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	id := d.U32()
	level := d.U32()
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	var row netapi.Row
	switch {
	case (File{}).row(level) == nil:
		code = netapi.InvalidLevel
	case code == netapi.OK:
		code = netapi.FileNotFound
		files := v.server.Files(ctx)
		if i := slices.IndexFunc(files, func(f File) bool { return f.ID == id }); i >= 0 {
			row, code = files[i].row(level), netapi.OK
		}
	}
	netapi.AppendInfo(e, level, row, code)
}

// fileClose is NetrFileClose, [MS-SRVS] 3.1.4.4.
func (v *service) fileClose(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	id := d.U32()
	if d.Err() != nil {
		return
	}
	code := netapi.NErrFileIDNotFound
	closer, ok := v.server.(FileCloser)
	switch {
	case !ok || v.admin(ctx) != netapi.OK:
		code = netapi.AccessDenied
	case closer.CloseFile(ctx, id):
		code = netapi.OK
	}
	e.U32(uint32(code))
}

// row gives c as the structure of a level, [MS-SRVS] 2.2.4.1 and 2.2.4.2.
func (c Connection) row(level uint32) netapi.Row {
	num, str := netapi.Num, netapi.Str
	switch level {
	case 0:
		return netapi.Row{num(c.ID)}
	case 1:
		return netapi.Row{num(c.ID), num(c.Type), num(c.Files), num(c.Users), num(seconds(c.Active)),
			str(c.User), str(c.Name)}
	}
	return nil
}

// connectionEnum is NetrConnectionEnum, [MS-SRVS] 3.1.4.1.
func (v *service) connectionEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	qualifier := d.UniqueWString()
	q := netapi.DecodeEnum(d, 0, 1)
	if d.Err() != nil {
		return
	}
	rows, code := v.connections(ctx, qualifier, q.Level)
	q.Append(e, rows, code)
}

func (v *service) connections(ctx context.Context, qualifier string, level uint32) ([]netapi.Row, netapi.Code) {
	if code := v.admin(ctx); code != netapi.OK {
		return nil, code
	}
	if qualifier == "" || len(qualifier) >= maxQualifier {
		return nil, netapi.InvalidParameter
	}
	if !strings.HasPrefix(qualifier, `\\`) {
		if _, ok := v.server.Share(ctx, qualifier); !ok {
			return nil, netapi.NErrNetNameNotFound
		}
	}
	var rows []netapi.Row
	for _, c := range v.server.Connections(ctx, qualifier) {
		rows = append(rows, c.row(level))
	}
	if rows == nil && strings.HasPrefix(qualifier, `\\`) {
		return nil, netapi.NErrClientNameNotFound
	}
	return rows, netapi.OK
}
