// Package svcctl is the Service Control Manager Remote Protocol, [MS-SCMR], as far as a
// file server has a use for it: administrators can list a few services that don't change
// and look at them, and all that would start, stop, make or change one is refused.
//
// # Limitations
//
// Only members of BUILTIN\Administrators can open the service manager. What a handle may do
// is checked, but what it grants to change something is refused with ERROR_ACCESS_DENIED
// when it is used, unless nothing would change. The operations with strings of 8 bits
// and those that wait or give notice fault with nca_op_rng_error.
package svcctl

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "svcctl"

// Service is a service that is listed.
type Service struct {
	Name        string
	DisplayName string
	Description string
	Running     bool
}

// Interface returns the svcctl interface over services, which must not be changed any
// more. The context that comes to Conn.Write carries the caller (vfs.CallerFrom).
func Interface(services []Service) dcerpc.Interface {
	v := &manager{services}
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("367abb81-9844-35f1-ad32-98f038001003"),
		Major: 2,
		Call:  v.call,
	}
}

// manager holds the operations.
type manager struct{ services []Service }

// handle is the manager, if service is nil, or a service.
type handle struct {
	service *Service
	access  uint32 // granted when it was opened
}

// lacks returns the code for a handle without a right, OK for one that has it.
func (h *handle) lacks(access uint32) netapi.Code {
	if h.access&access != access {
		return netapi.AccessDenied
	}
	return netapi.OK
}

// call is a call of an operation on a handle.
type call struct {
	ctx context.Context
	*dcerpc.Call
	h  *handle
	id ndr.Handle
}

// operation reads its parameters behind the handle and writes its results but for the
// code that it returns last. An error is a fault.
type operation struct {
	of  object
	run func(m *manager, c call) (netapi.Code, error)
}

// object is what an operation wants a handle of.
type object uint8

const (
	ofAny object = iota
	ofManager
	ofService
)

// operations are indexed by operation number.
var operations = map[uint16]operation{
	0:  {ofAny, (*manager).closeHandle},
	1:  {ofService, (*manager).controlService},
	2:  {ofService, denied},       // RDeleteService
	3:  {ofManager, deniedHandle}, // RLockServiceDatabase
	4:  {ofAny, (*manager).querySecurity},
	5:  {ofAny, (*manager).setSecurity},
	6:  {ofService, (*manager).queryStatus},
	11: {ofService, (*manager).changeConfig},
	12: {ofManager, deniedCreate}, // RCreateServiceW
	13: {ofService, (*manager).enumDependent},
	14: {ofManager, (*manager).enumServices},
	16: {ofManager, (*manager).openService},
	17: {ofService, (*manager).queryConfig},
	19: {ofService, (*manager).startService},
	37: {ofService, denied}, // RChangeServiceConfig2W
	39: {ofService, (*manager).queryConfig2},
	40: {ofService, (*manager).queryStatusEx},
	42: {ofManager, (*manager).enumServicesEx},
	45: {ofManager, deniedCreate}, // RCreateServiceWOW64W
}

// openManager is the number of the one operation without a handle, ROpenSCManagerW.
const openManager = 15

func (m *manager) call(ctx context.Context, c *dcerpc.Call) error {
	if c.Opnum == openManager {
		return m.open(ctx, c)
	}
	op, ok := operations[c.Opnum]
	if !ok {
		return dcerpc.FaultOpRange
	}
	h, id, err := dcerpc.HandleOf[*handle](c)
	if err != nil {
		return err
	}
	if op.of == ofManager && h.service != nil || op.of == ofService && h.service == nil {
		return dcerpc.FaultContext
	}
	code, err := op.run(m, call{ctx, c, h, id})
	if err != nil {
		return err
	}
	c.Out.U32(uint32(code))
	return c.In.Err()
}

// denied answers the operations that change something: their parameters don't matter.
func denied(_ *manager, _ call) (netapi.Code, error) { return netapi.AccessDenied, nil }

// deniedHandle is denied for those that return a handle.
func deniedHandle(_ *manager, c call) (netapi.Code, error) {
	c.Out.Handle(ndr.Handle{})
	return netapi.AccessDenied, nil
}

// deniedCreate is denied for those that return a tag and a handle.
func deniedCreate(m *manager, c call) (netapi.Code, error) {
	c.Out.Ptr(false)
	return deniedHandle(m, c)
}
