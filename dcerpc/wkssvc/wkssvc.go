// Package wkssvc is the Workstation Service Remote Protocol, [MS-WKST], as far as
// clients of a file server use it: what the computer is called and which domain or
// workgroup it is in.
//
// # Limitations
//
// The server has no SMB client to tell about: there are no transports, no connections to
// other servers, no statistics and no settings to change. Whoever has a session counts as
// logged on. The operations that would join a domain, rename the computer, or add network
// uses return ERROR_ACCESS_DENIED; those that Windows has for itself only
// ERROR_NOT_SUPPORTED, and the older ones that look into a domain RPC_E_REMOTE_DISABLED,
// as from Windows.
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

// UserLister is a Workstation that knows its users. Without it there are none.
type UserLister interface {
	// Users lists who is logged on, each once. It is called for administrators only.
	Users(ctx context.Context) []User
}

// User is somebody who is logged on, [MS-WKST] 2.2.5.10.
type User struct {
	Name   string
	Domain string // that knows him; the computer's name if empty
}

// Info describes the computer, [MS-WKST] 2.2.5.1 to 2.2.5.3.
type Info struct {
	Name         string // computer name
	Domain       string // domain or workgroup; WORKGROUP if empty
	Joined       bool   // Domain is a domain
	Major, Minor uint32 // version of the operating system; 10.0 if both are zero
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
// ServerName. What is reserved for local use is not supported.
var operations = map[uint16]operation{
	0:  (*service).getInfo,
	1:  deniedParameter, // NetrWkstaSetInfo
	2:  (*service).userEnum,
	4:  notSupported, // NetrWkstaUserSetInfo
	5:  (*service).transportEnum,
	6:  (*service).transportAdd,
	7:  (*service).transportDel,
	8:  deniedParameter, // NetrUseAdd
	9:  (*service).useGetInfo,
	10: (*service).useDel,
	11: (*service).useEnum,
	12: notSupported, // NetrMessageBufferSend
	13: (*service).statisticsGet,
	16: notSupported, // NetrJoinDomain
	17: notSupported, // NetrUnjoinDomain
	18: notSupported, // NetrRenameMachineInDomain
	19: notSupported, // NetrValidateName
	20: (*service).joinInformation,
	21: (*service).joinableOUs,
	22: denied,                    // NetrJoinDomain2
	23: denied,                    // NetrUnjoinDomain2
	24: denied,                    // NetrRenameMachineInDomain2
	25: (*service).remoteDisabled, // NetrValidateName2
	26: (*service).joinableOUs2,
	27: denied, // NetrAddAlternateComputerName
	28: denied, // NetrRemoveAlternateComputerName
	29: denied, // NetrSetPrimaryComputerName
	30: (*service).computerNames,
	31: denied, // NetrJoinDomain3
}

// withoutServer are the operations that have no ServerName in front.
var withoutServer = map[uint16]operation{
	3:  (*service).userGetInfo,
	14: notSupported, // NetrLogonDomainNameAdd
	15: notSupported, // NetrLogonDomainNameDel
}

func (v *service) call(ctx context.Context, c *dcerpc.Call) error {
	op := withoutServer[c.Opnum]
	if op == nil {
		if op = operations[c.Opnum]; op == nil {
			return dcerpc.FaultOpRange
		}
		c.In.UniqueWString() // ServerName
	}
	if c.In.Err() != nil {
		return c.In.Err()
	}
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

func notSupported(_ *service, _ context.Context, _ *ndr.Decoder, e *ndr.Encoder) {
	e.U32(uint32(netapi.NotSupported))
}

// admin returns AccessDenied unless the caller is an administrator.
func (v *service) admin(ctx context.Context) netapi.Code {
	if !v.workstation.Admin(ctx) {
		return netapi.AccessDenied
	}
	return netapi.OK
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

// row gives i as the structure of a level; nil if there is none. users are logged on.
func (i Info) row(level, users uint32) netapi.Row {
	const platformNT = 500
	num, str := netapi.Num, netapi.Str
	one := netapi.Row{num(platformNT), str(i.Name), str(i.Domain), num(i.Major), num(i.Minor)}
	switch level {
	case 100:
		return one
	case 101:
		return append(one, str(""))
	case 102:
		return append(one, str(""), num(users))
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
	code := netapi.OK
	var users uint32
	if level >= 102 {
		if code = v.admin(ctx); code == netapi.OK {
			users = uint32(len(v.users(ctx)))
		}
	}
	row := v.info(ctx).row(level, users)
	switch {
	case row == nil:
		code = netapi.InvalidLevel
	case code != netapi.OK:
		row = nil
	}
	netapi.AppendInfo(e, level, row, code)
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
