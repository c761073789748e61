// Package wkssvc is the Workstation Service Remote Protocol, [MS-WKST], as far as
// clients of a file server use it: what the computer is called and which domain or
// workgroup it is in.
//
// # Limitations
//
// The server has no SMB client to tell about: there are no users logged on, no
// transports and no settings to change. The operations that would join a domain,
// rename the computer, or add network uses return ERROR_ACCESS_DENIED.
package wkssvc

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "wkssvc"

// Workstation is what the operations tell about. ctx carries the caller of the
// session as it came to Conn.Write. Implementations must be safe for concurrent use.
type Workstation interface {
	// Workstation describes the computer.
	Workstation(ctx context.Context) Info
	// Admin says whether the caller is an administrator of the computer.
	Admin(ctx context.Context) bool
}

// Info describes the computer, [MS-WKST] 2.2.5.1 to 2.2.5.3.
type Info struct {
	Name         string // computer name
	Domain       string // domain or workgroup; WORKGROUP if empty
	Joined       bool   // Domain is a domain
	Major, Minor uint32 // version of the operating system; 10.0 if both are zero
	Users        uint32 // logged on; told to administrators only
}

// Interface returns the wkssvc interface over w.
func Interface(w Workstation) dcerpc.Interface {
	v := &service{w}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("6bffd098-a112-3610-9833-46c3f87e345a"),
		Major: 1,
		Call:  v.call,
	}
}

// service holds the operations.
type service struct{ workstation Workstation }

type operation func(v *service, ctx context.Context, d *ndr.Decoder, e *ndr.Encoder)

// operations are indexed by operation number, [MS-WKST] 3.2.4. They begin behind
// ServerName, where there is one.
var operations = map[uint16]operation{
	0:  (*service).getInfo,
	1:  deniedParameter, // NetrWkstaSetInfo
	2:  (*service).userEnum,
	5:  (*service).transportEnum,
	6:  deniedParameter, // NetrWkstaTransportAdd
	7:  denied,          // NetrWkstaTransportDel
	8:  deniedParameter, // NetrUseAdd
	10: denied,          // NetrUseDel
	20: (*service).joinInformation,
	22: denied, // NetrJoinDomain2
	23: denied, // NetrUnjoinDomain2
	24: denied, // NetrRenameMachineInDomain2
	27: denied, // NetrAddAlternateComputerName
	28: denied, // NetrRemoveAlternateComputerName
	29: denied, // NetrSetPrimaryComputerName
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op := operations[c.Opnum]
	if op == nil {
		return dcerpc.FaultOpRange
	}
	c.In.UniqueWString() // ServerName, the same in all
	op(v, ctx, c.In, c.Out)
	return nil
}

func denied(_ *service, _ context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	e.U32(uint32(netapi.AccessDenied))
}

// deniedParameter is denied for operations that also return the index of the
// parameter that is wrong.
func deniedParameter(v *service, ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	e.Ptr(false)
	denied(v, ctx, d, e)
}

func (v *service) info(ctx context.Context) Info {
	i := v.workstation.Workstation(ctx)
	if i.Domain == "" {
		i.Domain, i.Joined = "WORKGROUP", false
	}
	if i.Major == 0 && i.Minor == 0 {
		i.Major = 10
	}
	return i
}

// row gives i as the structure of a level; nil if there is none.
func (i Info) row(level uint32) netapi.Row {
	const platformNT = 500
	num, str := netapi.Num, netapi.Str
	one := netapi.Row{num(platformNT), str(i.Name), str(i.Domain), num(i.Major), num(i.Minor)}
	switch level {
	case 100:
		return one
	case 101:
		return append(one, str(""))
	case 102:
		return append(one, str(""), num(i.Users))
	case 502:
		return settings()
	}
	return nil
}

// settings is WKSTA_INFO_502, [MS-WKST] 2.2.5.4: the defaults of Windows, which
// tune an SMB 1 client and mean nothing here.
func settings() netapi.Row {
	values := [35]uint32{3600, 250, 16, 600, 15, 45, 4096, 17, 6144, 10, 500, 10, 500, 10, 45,
		0xffffffff, 3, 20, 5, 60, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0}
	r := make(netapi.Row, len(values))
	for i, n := range values {
		r[i] = netapi.Num(n)
	}
	return r
}

// getInfo is NetrWkstaGetInfo, [MS-WKST] 3.2.4.1. Levels 102 and 502 are for
// administrators, note <29>.
func (v *service) getInfo(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	level := d.U32()
	if d.Err() != nil {
		return
	}
	row, code := v.info(ctx).row(level), netapi.OK
	switch {
	case row == nil:
		code = netapi.InvalidLevel
	case level >= 102 && !v.workstation.Admin(ctx):
		row, code = nil, netapi.AccessDenied
	}
	netapi.AppendInfo(e, level, row, code)
}

// userEnum is NetrWkstaUserEnum, [MS-WKST] 3.2.4.3: nobody is logged on at the
// server itself.
func (v *service) userEnum(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0, 1)
	if d.Err() != nil {
		return
	}
	code := netapi.OK
	if !v.workstation.Admin(ctx) {
		code = netapi.AccessDenied
	}
	q.Append(e, nil, code)
}

// transportEnum is NetrWkstaTransportEnum, [MS-WKST] 3.2.4.4.
func (v *service) transportEnum(_ context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	q := netapi.DecodeEnum(d, 0)
	if d.Err() != nil {
		return
	}
	q.Append(e, nil, netapi.OK)
}

// joinInformation is NetrGetJoinInformation, [MS-WKST] 3.2.4.14. NameBuffer is both
// parameter and result; what the client puts there doesn't matter.
func (v *service) joinInformation(ctx context.Context, d *ndr.Decoder, e *ndr.Encoder) {
	d.UniqueWString()
	if d.Err() != nil {
		return
	}
	const workgroup, domain = 2, 3 // NETSETUP_JOIN_STATUS
	i := v.info(ctx)
	status := uint16(workgroup)
	if i.Joined {
		status = domain
	}
	e.UniqueWString(i.Domain)
	e.U16(status)
	e.U32(uint32(netapi.OK))
}
