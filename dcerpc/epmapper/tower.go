package epmapper

import (
	"encoding/binary"
	"errors"

	"github.com/gosmbd/smb/dcerpc"
)

// The protocol identifiers of a tower's floors that matter here, C706 appendix I.
const (
	protocolUUID = 0x0d
	protocolNCA  = 0x0b // connection-oriented RPC
	protocolPipe = 0x0f // named pipes of SMB
	protocolHost = 0x11 // NetBIOS
)

// maxTower is the longest tower, [MS-RPCE] 2.2.1.2.2.
const maxTower = 2000

var errTower = errors.New("epmapper: malformed tower")

// ndr32 is the transfer syntax of all endpoints.
var ndr32 = dcerpc.MustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860")

// floor is one layer of a tower, C706 appendix L.
type floor struct {
	protocol byte
	left     []byte // behind the protocol
	right    []byte
}

// parseTower reads the floors of a tower. Its integers are little-endian always.
func parseTower(b []byte) ([]floor, error) {
	if len(b) < 2 || len(b) > maxTower {
		return nil, errTower
	}
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	var floors []floor
	for range n {
		var left, right []byte
		var ok1, ok2 bool
		left, b, ok1 = side(b)
		right, b, ok2 = side(b)
		if !ok1 || !ok2 || len(left) == 0 {
			return nil, errTower
		}
		floors = append(floors, floor{left[0], left[1:], right})
	}
	return floors, nil
}

// side takes one side of a floor off b.
func side(b []byte) (v, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n > len(b)-2 {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// syntax returns what a floor names: an interface or a transfer syntax, with its version.
func (f floor) syntax() (id dcerpc.UUID, major, minor uint16, ok bool) {
	if f.protocol != protocolUUID || len(f.left) != 18 || len(f.right) < 2 {
		return id, 0, 0, false
	}
	le := binary.LittleEndian
	return dcerpc.UUID(f.left[:16]), le.Uint16(f.left[16:]), le.Uint16(f.right), true
}

func appendFloor(dst []byte, protocol byte, left, right []byte) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint16(dst, uint16(1+len(left)))
	dst = append(append(dst, protocol), left...)
	dst = le.AppendUint16(dst, uint16(len(right)))
	return append(dst, right...)
}

func appendSyntax(dst []byte, id dcerpc.UUID, major, minor uint16) []byte {
	le := binary.LittleEndian
	return appendFloor(dst, protocolUUID, le.AppendUint16(id[:], major), le.AppendUint16(nil, minor))
}

// tower returns the tower that leads to e: interface, transfer syntax, protocol, pipe
// and host.
func (e Endpoint) tower() []byte {
	b := []byte{5, 0}
	b = appendSyntax(b, e.UUID, e.Major, e.Minor)
	b = appendSyntax(b, ndr32, 2, 0)
	b = appendFloor(b, protocolNCA, nil, []byte{0, 0})
	b = appendFloor(b, protocolPipe, nil, append([]byte(`\pipe\`+e.Pipe), 0))
	return appendFloor(b, protocolHost, nil, append([]byte(`\\`+e.Host), 0))
}

// leadsTo reports whether a client that asks for the tower floors can use e: the same
// interface, in a compatible version, by a named pipe.
func leadsTo(floors []floor, e Endpoint) bool {
	if len(floors) < 4 || floors[2].protocol != protocolNCA || floors[3].protocol != protocolPipe {
		return false
	}
	id, major, minor, ok := floors[0].syntax()
	if !ok || id != e.UUID || major != e.Major || minor > e.Minor {
		return false
	}
	id, major, _, ok = floors[1].syntax()
	return ok && id == ndr32 && major == 2
}
