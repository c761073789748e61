// Package spoolss is the Print System Remote Protocol, [MS-RPRN], of a server without
// printers: their list is empty, and none can be opened. Windows Explorer asks for them when
// it looks at a server, and shows the shares sooner if it gets an answer.
//
// # Limitations
//
// Operations on a printer fault, as there never is a handle of one, and so do those on
// drivers, ports, forms and print processors. No operation makes the server call a client
// back.
package spoolss

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/internal/netapi"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "spoolss"

// Interface returns the spoolss interface.
func Interface() dcerpc.Interface {
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("12345678-1234-abcd-ef00-0123456789ab"),
		Major: 1,
		Call:  call,
	}
}

func call(_ context.Context, c *dcerpc.Call) error {
	switch c.Opnum {
	case 0:
		return enumPrinters(c)
	case 1, 69: // RpcOpenPrinter, RpcOpenPrinterEx: [MS-RPRN] 3.1.4.2.2, 3.1.4.2.14
		c.Out.Handle(ndr.Handle{})
		c.Out.U32(uint32(netapi.InvalidPrinterName))
		return nil
	case 29: // RpcClosePrinter
		return dcerpc.FaultContext
	}
	return dcerpc.FaultOpRange
}

// enumPrinters is RpcEnumPrinters, [MS-RPRN] 3.1.4.2.1. The place for the list is both
// parameter and result.
func enumPrinters(c *dcerpc.Call) error {
	d, e := c.In, c.Out
	d.U32()           // Flags
	d.UniqueWString() // Name
	level := d.U32()
	placed := d.Ptr()
	var place []byte
	if placed {
		n := d.U32()
		place = d.Bytes(d.Count(n, 1))
	}
	if size := d.U32(); placed && size != uint32(len(place)) {
		d.Fail()
	}
	if d.Err() != nil {
		return d.Err()
	}
	e.Ptr(placed)
	if placed {
		e.U32(uint32(len(place)))
		e.Raw(make([]byte, len(place)))
	}
	e.U32(0) // pcbNeeded
	e.U32(0) // pcReturned
	code := netapi.OK
	if level > 5 {
		code = netapi.InvalidLevel
	}
	e.U32(uint32(code))
	return nil
}
