package dcerpc

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// UUID is a universally unique identifier as it stands on the wire in
// little-endian data representation (the GUID packet form of [MS-DTYP] 2.3.4.2).
type UUID [16]byte

// MustUUID parses the text form, "4b324fc8-1670-01d3-1278-5a47bf6ee188". It
// panics if s isn't one; it is for constants in the program.
func MustUUID(s string) UUID {
	p, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(p) != 16 || len(s) != 36 {
		panic("dcerpc: not a UUID: " + s)
	}
	return UUID(p).swapped()
}

// String returns the text form.
func (u UUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(u[0:]),
		binary.LittleEndian.Uint16(u[4:]), binary.LittleEndian.Uint16(u[6:]), u[8:10], u[10:])
}

// swapped turns the big-endian form on the wire into ours.
func (u UUID) swapped() UUID {
	binary.LittleEndian.PutUint32(u[0:], binary.BigEndian.Uint32(u[0:]))
	binary.LittleEndian.PutUint16(u[4:], binary.BigEndian.Uint16(u[4:]))
	binary.LittleEndian.PutUint16(u[6:], binary.BigEndian.Uint16(u[6:]))
	return u
}
