package smb2

import (
	"encoding/binary"
	"net/netip"
)

// Capabilities of a network interface, [MS-SMB2] 2.2.32.5.
const (
	InterfaceRSSCapable  uint32 = 1
	InterfaceRDMACapable uint32 = 2
)

// NetworkInterface is one address of one interface of the server.
type NetworkInterface struct {
	IfIndex    uint32
	Capability uint32
	LinkSpeed  uint64     // bits per second
	Addr       netip.Addr // without zone. Invalid if the family is neither IPv4 nor IPv6
}

// NetworkInterfaceInfo lists the addresses of a server, [MS-SMB2] 2.2.32.5.
type NetworkInterfaceInfo []NetworkInterface

const (
	interfaceSize = 152
	sockaddrAt    = 24
	familyIPv4    = 0x0002
	familyIPv6    = 0x0017
)

// ParseNetworkInterfaceInfo parses b.
func ParseNetworkInterfaceInfo(b []byte) (NetworkInterfaceInfo, error) {
	return parseList(b, interfaceSize, func(b []byte) (NetworkInterface, error) {
		c := cursor(b[4:sockaddrAt])
		i := NetworkInterface{IfIndex: c.u32(), Capability: c.u32()}
		c.skip(4)
		i.LinkSpeed = c.u64()
		switch s := b[sockaddrAt:]; binary.LittleEndian.Uint16(s) {
		case familyIPv4: // family, port, address
			i.Addr = netip.AddrFrom4([4]byte(s[4:8]))
		case familyIPv6: // family, port, flow, address, scope
			i.Addr = netip.AddrFrom16([16]byte(s[8:24]))
		}
		return i, nil
	})
}

// Append appends the payload.
func (l NetworkInterfaceInfo) Append(dst []byte) []byte {
	dst, _ = l.AppendMax(dst, noMax)
	return dst
}

// AppendMax appends as many whole entries as fit into max bytes, and returns how
// many those are.
func (l NetworkInterfaceInfo) AppendMax(dst []byte, max int) ([]byte, int) {
	return appendList(dst, l, 8, max, func(dst []byte, i NetworkInterface) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u32(i.IfIndex)
		w.u32(i.Capability)
		w.u32(0)
		w.u64(i.LinkSpeed)
		// The port is reserved and stays 0.
		switch {
		case i.Addr.Is4():
			w.u16(familyIPv4)
			w.u16(0)
			a := i.Addr.As4()
			w.bytes(a[:])
		case i.Addr.Is6():
			w.u16(familyIPv6)
			w.zero(6)
			w.bytes16(i.Addr.As16())
		}
		w.atLeast(interfaceSize)
		return w.b
	})
}
