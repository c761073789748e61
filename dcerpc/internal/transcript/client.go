package transcript

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
	"github.com/gosmbd/smb/vfs"
)

// Call executes an operation outside of any connection, as a Conn would.
func Call(ctx context.Context, i dcerpc.Interface, handles *dcerpc.Handles, opnum uint16, stub []byte) ([]byte, error) {
	c := &dcerpc.Call{Opnum: opnum, In: ndr.NewDecoder(stub), Out: &ndr.Encoder{}, Handles: handles}
	if err := i.Call(ctx, c); err != nil {
		return nil, err
	}
	return c.Out.Bytes(), c.In.Err()
}

// As returns the interface as who sees it.
func As(who *vfs.Caller, i dcerpc.Interface) dcerpc.Interface {
	call := i.Call
	i.Call = func(ctx context.Context, c *dcerpc.Call) error { return call(vfs.WithCaller(ctx, who), c) }
	return i
}

// A Client is somebody who calls the operations of an interface, and has his handles.
// All of them return a code C last.
type Client[C ~uint32] struct {
	testing.TB
	Interface dcerpc.Interface
	Handles   dcerpc.Handles
}

// Try calls an operation and returns its results in front of the code.
func (c *Client[C]) Try(op uint16, params func(e *ndr.Encoder)) ([]byte, C, error) {
	c.Helper()
	var e ndr.Encoder
	params(&e)
	out, err := Call(context.Background(), c.Interface, &c.Handles, op, e.Bytes())
	if err != nil {
		return nil, 0, err
	}
	n := len(out) - 4
	return out[:n], C(binary.LittleEndian.Uint32(out[n:])), nil
}

// Call is Try for an operation that must not fault.
func (c *Client[C]) Call(op uint16, params func(e *ndr.Encoder)) ([]byte, C) {
	c.Helper()
	out, code, err := c.Try(op, params)
	if err != nil {
		c.Fatalf("operation %d: %v", op, err)
	}
	return out, code
}

// Want is Call for an operation that must return the code want.
func (c *Client[C]) Want(op uint16, want C, params func(e *ndr.Encoder)) *ndr.Decoder {
	c.Helper()
	out, code := c.Call(op, params)
	if code != want {
		c.Fatalf("operation %d: %#x; want %#x", op, uint32(code), uint32(want))
	}
	return ndr.NewDecoder(out)
}
