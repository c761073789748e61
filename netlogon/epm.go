package netlogon

import (
	"context"
	"encoding/binary"
	"errors"
	"net"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// The endpoint mapper, C706 appendix O and [MS-RPCE] 2.2.1.2: it knows on which port
// the Netlogon service listens.
const (
	epmapperPort = "135"
	opMap        = 3 // ept_map
)

// The protocols of a tower's floors, C706 appendix I and L.
const (
	floorUUID = 0x0d
	floorRPC  = 0x0b // connection-oriented
	floorTCP  = 0x07
	floorIP   = 0x09
)

var errNoEndpoint = errors.New("netlogon: the machine offers no Netlogon service over TCP: is it a domain controller?")

// findPort asks the endpoint mapper on conn for the port of an interface. Nothing
// protects the answer, but it can only lead to another port of the same machine.
func findPort(ctx context.Context, conn net.Conn, iface syntax) (uint16, error) {
	c, err := bind(ctx, conn, ifaceEpmapper, nil, nil)
	if err != nil {
		return 0, err
	}
	defer c.close()
	reply, err := c.call(ctx, opMap, appendMap(iface))
	if err != nil {
		return 0, err
	}
	return parseMap(reply)
}

// appendMap builds the parameters of ept_map: no object, a tower, no handle, one
// answer.
func appendMap(iface syntax) []byte {
	var e ndr.Encoder
	e.Ptr(false)
	e.Ptr(true)
	tower := appendTower(iface, 0)
	e.U32(uint32(len(tower)))
	e.U32(uint32(len(tower)))
	e.Raw(tower)
	e.Handle(ndr.Handle{})
	e.U32(1)
	return e.Bytes()
}

// appendTower builds a protocol tower for an interface over TCP, C706 appendix L: each
// floor is a left and a right side, with their lengths.
func appendTower(iface syntax, port uint16) []byte {
	id := func(s syntax) []byte {
		b := append([]byte{floorUUID}, s.id[:]...)
		return binary.LittleEndian.AppendUint16(b, s.major)
	}
	floors := [][2][]byte{
		{id(iface), {0, 0}},
		{id(ndr32), {0, 0}},
		{{floorRPC}, {0, 0}},
		{{floorTCP}, binary.BigEndian.AppendUint16(nil, port)},
		{{floorIP}, {0, 0, 0, 0}},
	}
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(floors)))
	for _, f := range floors {
		for _, side := range f {
			b = binary.LittleEndian.AppendUint16(b, uint16(len(side)))
			b = append(b, side...)
		}
	}
	return b
}

// parseMap reads the results of ept_map and returns the port of the first tower.
func parseMap(stub []byte) (uint16, error) {
	d := ndr.NewDecoder(stub)
	d.Handle()
	n := d.U32()
	d.U32() // the array's capacity
	if offset, actual := d.U32(), d.U32(); offset != 0 || actual != n {
		d.Fail()
	}
	if d.Err() != nil {
		return 0, d.Err()
	}
	if n == 0 {
		return 0, errNoEndpoint
	}
	if n > 1 {
		return 0, errPDU
	}
	if !d.Ptr() {
		return 0, errNoEndpoint
	}
	size := d.U32()
	tower := d.Bytes(d.Count(d.U32(), 1))
	if d.Err() != nil || int(size) != len(tower) {
		return 0, errPDU
	}
	return towerPort(tower)
}

// towerPort finds the TCP port of a tower.
func towerPort(tower []byte) (uint16, error) {
	d := ndr.NewDecoder(tower)
	// Nothing is aligned in a tower.
	u16 := func() int {
		if b := d.Bytes(2); b != nil {
			return int(binary.LittleEndian.Uint16(b))
		}
		return 0
	}
	for n := u16(); n > 0 && d.Err() == nil; n-- {
		left := d.Bytes(u16())
		right := d.Bytes(u16())
		if len(left) == 1 && left[0] == floorTCP && len(right) == 2 {
			if port := binary.BigEndian.Uint16(right); port != 0 {
				return port, nil
			}
		}
	}
	return 0, errNoEndpoint
}
