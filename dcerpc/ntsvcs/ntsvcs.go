// Package ntsvcs is the interface of Windows' plug and play service, as far as tools ask a
// server for its devices: there are none. It is not specified; what clients send and expect
// is known from Samba and its tests.
package ntsvcs

import (
	"context"

	"github.com/gosmbd/smb/dcerpc"
	"github.com/gosmbd/smb/dcerpc/ndr"
)

// PipeName is the name of the pipe that clients open, below IPC$.
const PipeName = "ntsvcs"

// Interface returns the ntsvcs interface.
func Interface() dcerpc.Interface {
	return dcerpc.Interface{
		UUID:  dcerpc.MustUUID("8d9f4e40-a03d-11ce-8f69-08003e30051b"),
		Major: 1,
		Call:  call,
	}
}

// configRet is a result of the configuration manager, CONFIGRET.
type configRet uint32

const (
	success        configRet = 0
	invalidPointer configRet = 3
	noSuchDevice   configRet = 13 // CR_NO_SUCH_DEVINST
	bufferSmall    configRet = 26
)

// operations are indexed by operation number.
var operations = map[uint16]func(d *ndr.Decoder, e *ndr.Encoder) configRet{
	2:  version,
	10: deviceList,
	11: deviceListSize,
	13: deviceProperty,
}

func call(_ context.Context, c *dcerpc.Call) error {
	op := operations[c.Opnum]
	if op == nil {
		return dcerpc.FaultOpRange
	}
	code := op(c.In, c.Out)
	c.Out.U32(uint32(code))
	return c.In.Err()
}

// version is PNP_GetVersion: 4.0, as all Windows versions say.
func version(_ *ndr.Decoder, e *ndr.Encoder) configRet {
	e.U16(0x400)
	return success
}

// listLen is the length of an empty list of strings, which has a terminator and nothing
// else, in 16-bit units.
const listLen = 1

// filterFlags are those by which a list needs a filter: the name of an enumerator, of a
// service, or of a device that others relate to.
const filterFlags = 0x3f

// deviceList is PNP_GetDeviceList.
func deviceList(d *ndr.Decoder, e *ndr.Encoder) configRet {
	named := d.Ptr()
	if named {
		d.WString()
	}
	length, flags := d.U32(), d.U32()
	code := success
	switch {
	case flags&filterFlags != 0 && !named:
		code = invalidPointer
	case length < listLen:
		code = bufferSmall
	}
	n := 0
	if code == success {
		n = listLen
	}
	e.Varying(n, n, make([]byte, 2*n))
	e.U32(uint32(n))
	return code
}

// deviceListSize is PNP_GetDeviceListSize.
func deviceListSize(d *ndr.Decoder, e *ndr.Encoder) configRet {
	named := d.Ptr()
	if named {
		d.WString()
	}
	if flags := d.U32(); flags&filterFlags != 0 && !named {
		e.U32(0)
		return invalidPointer
	}
	e.U32(listLen)
	return success
}

// deviceProperty is PNP_GetDeviceRegProp.
func deviceProperty(d *ndr.Decoder, e *ndr.Encoder) configRet {
	d.WString()
	for range 5 {
		d.U32()
	}
	e.U32(0) // type
	e.Varying(0, 0, nil)
	e.U32(0) // its size
	e.U32(0) // what is needed
	return noSuchDevice
}
