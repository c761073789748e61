// Package initshutdown is the interface by which a computer is shut down over the
// network, InitShutdown of [MS-RSP]. It refuses everybody, so that tools that try it learn
// so at once.
package initshutdown

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "initshutdown"

// Interface returns the initshutdown interface.
func Interface() dcerpc.Interface {
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("894de0c0-0d55-11d3-a322-00c04fa321a1"),
		Major: 1,
		Call: func(_ context.Context, c *dcerpc.Call) error {
			const operations = 3 // BaseInitiateShutdown, BaseAbortShutdown, BaseInitiateShutdownEx
			if c.Opnum >= operations {
				return dcerpc.FaultOpRange
			}
			c.Out.U32(uint32(netapi.AccessDenied))
			return nil
		},
	}
}
