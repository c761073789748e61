package dcerpc

import (
	"errors"
	"fmt"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// Fault is the status of a fault PDU, the answer to a call that could not be
// executed. An operation returns one as its error. Zero is not a fault.
type Fault uint32

// The faults of C706 appendix E and [MS-RPCE] 2.2.2.5 that a server sends.
const (
	FaultAccessDenied Fault = 0x00000005 // ERROR_ACCESS_DENIED
	FaultInvalidTag   Fault = 0x000006C5 // RPC_S_INVALID_TAG: a union has no such case
	FaultNoCall       Fault = 0x000006BD // RPC_S_NO_CALL_ACTIVE: it was canceled before it began
	FaultSecurity     Fault = 0x00000721 // RPC_S_SEC_PKG_ERROR: a logon failed, or a signature is wrong
	FaultBadStub      Fault = 0x000006F7 // RPC_X_BAD_STUB_DATA
	FaultOpRange      Fault = 0x1C010002 // nca_op_rng_error: no such operation
	FaultUnknownIf    Fault = 0x1C010003 // nca_unk_if: no such presentation context
	FaultProto        Fault = 0x1C01000B // nca_proto_error: a PDU that must not come now
	FaultContext      Fault = 0x1C00001A // nca_s_fault_context_mismatch: no such handle
	FaultNoMemory     Fault = 0x1C00001B // nca_s_fault_remote_no_memory: a limit was reached
	FaultUnspec       Fault = 0x1C000012 // nca_s_fault_unspec: anything else
)

// Error returns the status in hexadecimal.
func (f Fault) Error() string { return fmt.Sprintf("dcerpc: fault 0x%08x", uint32(f)) }

// faultOf gives the status that tells the client about err.
func faultOf(err error) Fault {
	var f Fault
	switch {
	case errors.As(err, &f) && f != 0:
		return f
	case errors.Is(err, ndr.ErrBadStub):
		return FaultBadStub
	}
	return FaultUnspec
}
