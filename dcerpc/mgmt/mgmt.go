// Package mgmt is the remote management interface of RPC servers, C706 appendix Q with
// [MS-RPCE] 2.2.1.3, which is on every pipe.
//
// # Limitations
//
// Nobody stops the server by rpc_mgmt_stop_server_listening: it is denied.
package mgmt

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// The status codes that are sent, [MS-ERREF] 2.2.
const (
	statusOK           = 0
	accessDenied       = 5
	insufficientBuffer = 0x7a
	unknownAuth        = 0x6d3 // RPC_S_UNKNOWN_AUTHN_SERVICE
)

// The bounds of [MS-RPCE] 2.2.1.3.
const (
	maxStatistics = 50
	maxPrincipal  = 4096
)

// service is the interface of one pipe.
type service struct {
	server    *dcerpc.Server
	ifaces    []dcerpc.Interface
	principal func(provider uint8) string
}

// Interface returns the management interface of a pipe that offers ifaces. principal names
// the server as a security provider knows it, "" if that isn't served.
func Interface(s *dcerpc.Server, ifaces []dcerpc.Interface, principal func(provider uint8) string) dcerpc.Interface {
	v := &service{s, ifaces, principal}
	return dcerpc.Interface{
		UUID:         dcerpc.MustUUID("afa8bd80-7d8a-11c9-bef4-08002b102989"),
		Major:        1,
		AllowConnect: true,
		Call:         v.call,
	}
}

func (v *service) call(_ context.Context, c *dcerpc.Call) error {
	switch c.Opnum {
	case 0:
		v.interfaces(c.Out)
	case 1:
		v.statistics(c.In, c.Out)
	case 2: // rpc_mgmt_is_server_listening
		c.Out.U32(statusOK)
		c.Out.U32(1)
	case 3: // rpc_mgmt_stop_server_listening
		c.Out.U32(accessDenied)
	case 4:
		v.principalName(c.In, c.Out)
	default:
		return dcerpc.FaultOpRange
	}
	return nil
}

// interfaces is rpc_mgmt_inq_if_ids, with the layout of [MS-RPCE] 2.2.1.3.1.
func (v *service) interfaces(e *ndr.Encoder) {
	n := uint32(len(v.ifaces))
	e.Ptr(true)
	e.U32(n)
	e.U32(n)
	for range v.ifaces {
		e.Ptr(true)
	}
	for _, f := range v.ifaces {
		e.UUID(f.UUID)
		e.U16(f.Major)
		e.U16(f.Minor)
	}
	e.U32(statusOK)
}

// statistics is rpc_mgmt_inq_stats, [MS-RPCE] 2.2.1.3.3.
func (v *service) statistics(d *ndr.Decoder, e *ndr.Encoder) {
	n := d.U32()
	if n > maxStatistics {
		d.Fail()
	}
	s := v.server.Statistics()
	list := []uint32{s.CallsIn, s.CallsOut, s.PacketsIn, s.PacketsOut}
	list = list[:min(int(n), len(list))]
	e.U32(uint32(len(list)))
	e.U32(uint32(len(list)))
	for _, x := range list {
		e.U32(x)
	}
	e.U32(statusOK)
}

// principalName is rpc_mgmt_inq_princ_name, [MS-RPCE] 2.2.1.3.4.
func (v *service) principalName(d *ndr.Decoder, e *ndr.Encoder) {
	provider, size := d.U32(), d.U32()
	if size == 0 || size > maxPrincipal {
		d.Fail()
		return
	}
	name, status := "", uint32(unknownAuth)
	if provider <= 0xff {
		name = v.principal(uint8(provider))
	}
	switch {
	case name == "":
	case len(name)+1 > int(size):
		name, status = "", insufficientBuffer
	default:
		status = statusOK
	}
	e.U32(size)
	e.U32(0)
	e.U32(uint32(len(name) + 1))
	e.Raw(append([]byte(name), 0))
	e.U32(status)
}
