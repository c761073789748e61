package wkssvc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// users lists who is logged on, with the domains filled in.
func (v *service) users(ctx context.Context) []User {
	l, ok := v.workstation.(UserLister)
	if !ok {
		return nil
	}
	list := append([]User(nil), l.Users(ctx)...)
	name := v.info(ctx).Name
	for i := range list {
		if list[i].Domain == "" {
			list[i].Domain = name
		}
	}
	return list
}

// row gives u as the structure of a level, [MS-WKST] 2.2.5.9 and 2.2.5.10.
func (u User) row(level uint32, server string) netapi.Row {
	str := netapi.Str
	if level == 0 {
		return netapi.Row{str(u.Name)}
	}
	return netapi.Row{str(u.Name), str(u.Domain), str(""), str(server)}
}

// userEnum is NetrWkstaUserEnum, [MS-WKST] 3.2.4.3.
func (v *service) userEnum(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0, 1)
	if d.Err() != nil {
		return
	}
	code := v.admin(ctx)
	var rows []netapi.Row
	if code == netapi.OK {
		server := v.info(ctx).Name
		for _, u := range v.users(ctx) {
			rows = append(rows, u.row(q.Level, server))
		}
	}
	q.Append(e, rows, code)
}

// userGetInfo is NetrWkstaUserGetInfo, which Windows has for the user at the computer
// itself: the service has none.
func (v *service) userGetInfo(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	reserved := d.UniqueWString()
	level := d.U32()
	if d.Err() != nil {
		return
	}
	const otherDomains = 1101
	switch {
	case level != 0 && level != 1 && level != otherDomains:
		netapi.AppendInfo(e, level, nil, netapi.InvalidLevel)
	case reserved != "":
		netapi.AppendInfo(e, level, nil, netapi.InvalidParameter)
	case level == otherDomains:
		netapi.AppendInfo(e, level, netapi.Row{netapi.Str("")}, netapi.OK)
	default:
		netapi.AppendInfo(e, level, nil, netapi.NoSuchLogonSession)
	}
}
