package smb

import (
	"context"
	"net"
	"net/netip"

	"github.com/gosmbd/smb/smb2"
)

// Interface is an address of the server that clients may connect to.
type Interface struct {
	Index int
	Addr  netip.Addr
	Speed uint64 // bits per second; zero: 1 Gbit/s
	RSS   bool   // the adapter spreads its connections over processors
}

// queryInterfaces tells the addresses of the server. [MS-SMB2] 3.3.5.15.11
func queryInterfaces(_ context.Context, r *request, q *control) error {
	if r.c.params.dialect < Dialect300 {
		return smb2.StatusNotSupported
	}
	find := r.c.srv.Interfaces
	if find == nil {
		find = machineInterfaces
	}
	list, err := find()
	if err != nil {
		return err
	}
	info := make(smb2.NetworkInterfaceInfo, 0, len(list))
	for _, i := range list {
		n := smb2.NetworkInterface{IfIndex: uint32(i.Index), LinkSpeed: i.Speed, Addr: i.Addr.Unmap().WithZone("")}
		if n.LinkSpeed == 0 {
			n.LinkSpeed = 1e9
		}
		if i.RSS {
			n.Capability |= smb2.InterfaceRSSCapable
		}
		info = append(info, n)
	}
	out, n := info.AppendMax(nil, int(q.MaxOutputResponse))
	if len(info) > 0 && n == 0 {
		return smb2.StatusBufferTooSmall
	}
	if n < len(info) {
		q.status = smb2.StatusBufferOverflow
	}
	q.out = out
	return nil
}

// machineInterfaces returns the addresses of the machine that others can reach,
// or those of the loopback if there are no others.
func machineInterfaces() ([]Interface, error) {
	ifs, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var list, loop []Interface
	for _, i := range ifs {
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			ip, ok := netip.AddrFromSlice(n.IP)
			if !ok || ip.IsLinkLocalUnicast() {
				continue
			}
			entry := Interface{Index: i.Index, Addr: ip.Unmap()}
			if ip.IsLoopback() {
				loop = append(loop, entry)
			} else {
				list = append(list, entry)
			}
		}
	}
	if len(list) == 0 {
		list = loop
	}
	return list, nil
}
