package srvsvc

import (
	"context"
	"slices"

	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// clusterTypes are the bits of a share's type that are never sent, [MS-SRVS] 3.1.4.8.
const clusterTypes = 0x02000000 | 0x04000000 | 0x08000000

// row gives s as the structure of a level, [MS-SRVS] 2.2.4.22 to 2.2.4.31; nil if
// there is none.
func (s Share) row(level uint32) netapi.Row {
	num, str := netapi.Num, netapi.Str
	one := netapi.Row{str(s.Name), num(s.Type &^ clusterTypes), str(s.Comment)}
	two := append(one[:3:3], num(s.Permissions), num(orAll(s.MaxUses)), num(s.CurrentUses),
		str(s.Path), str("")) // and no password
	descriptor := netapi.Row{num(uint32(len(s.SecurityDescriptor))), netapi.Buf(s.SecurityDescriptor)}
	switch level {
	case 0:
		return one[:1]
	case 1:
		return one
	case 2:
		return two
	case 501:
		return append(one[:3:3], num(s.Flags))
	case 502:
		return append(two, descriptor...)
	case 503:
		return append(append(two, str("*")), descriptor...)
	case 1004:
		return netapi.Row{str(s.Comment)}
	case 1005:
		return netapi.Row{num(s.Flags)}
	case 1006:
		return netapi.Row{num(orAll(s.MaxUses))}
	case 1007: // of Samba's, for Windows clients of old
		return netapi.Row{num(0), str("")}
	case 1501:
		return descriptor
	}
	return nil
}

// shareLevel says whether the caller may ask for a level, [MS-SRVS] notes <58>, <61>.
func (v *service) shareLevel(ctx context.Context, level uint32) netapi.Code {
	switch level {
	case 2, 502, 503, 1501:
		return v.admin(ctx)
	}
	return netapi.OK
}

// shareEnum is NetrShareEnum, [MS-SRVS] 3.1.4.8.
func (v *service) shareEnum(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	v.enumShares(ctx, d, e, v.server.Shares, []uint32{0, 1, 2, 501, 502, 503})
}

// shareEnumSticky is NetrShareEnumSticky, [MS-SRVS] 3.1.4.9. All shares are sticky,
// as the application's configuration, but those that the server itself makes.
func (v *service) shareEnumSticky(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	sticky := func(ctx context.Context) []Share {
		all := slices.Clone(v.server.Shares(ctx))
		return slices.DeleteFunc(all, func(s Share) bool { return s.Type&TypeSpecial != 0 })
	}
	v.enumShares(ctx, d, e, sticky, []uint32{0, 1, 2, 502, 503})
}

func (v *service) enumShares(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder,
	list func(context.Context) []Share, levels []uint32) {
	q := netapi.DecodeEnumOf(d, levels, 501, 1004, 1005, 1006, 1007)
	if d.Err() != nil {
		return
	}
	code := v.shareLevel(ctx, q.Level)
	var rows []netapi.Row
	if code == netapi.OK && q.Known() {
		for _, s := range list(ctx) {
			rows = append(rows, s.row(q.Level))
		}
	}
	q.Append(e, rows, code)
}

// shareGetInfo is NetrShareGetInfo, [MS-SRVS] 3.1.4.10. NetName is a reference
// pointer: the string stands in place, without a referent ID.
func (v *service) shareGetInfo(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	name := d.WString()
	level := d.U32()
	if d.Err() != nil {
		return
	}
	row, code := v.shareInfo(ctx, name, level)
	netapi.AppendInfo(e, level, row, code)
}

func (v *service) shareInfo(ctx context.Context, name string, level uint32) (netapi.Row, netapi.Code) {
	if name == "" {
		return nil, netapi.InvalidParameter
	}
	if (Share{}).row(level) == nil {
		return nil, netapi.InvalidLevel
	}
	if code := v.shareLevel(ctx, level); code != netapi.OK {
		return nil, code
	}
	s, ok := v.server.Share(ctx, name)
	if !ok {
		return nil, netapi.NErrNetNameNotFound
	}
	return s.row(level), netapi.OK
}

// shareCheck is NetrShareCheck, [MS-SRVS] 3.1.4.16: it asks for the type of a share
// by the directory or device shared. IPC$ has none, so that an empty name stands for it.
func (v *service) shareCheck(ctx context.Context, _ string, d *ndr.Decoder, e *ndr.Encoder) {
	device := d.WString()
	if d.Err() != nil {
		return
	}
	for _, s := range v.server.Shares(ctx) {
		if netapi.SameName(s.Path, device) {
			e.U32(s.Type &^ (clusterTypes | TypeSpecial))
			e.U32(uint32(netapi.OK))
			return
		}
	}
	e.U32(0)
	e.U32(uint32(netapi.NErrDeviceNotShared))
}
