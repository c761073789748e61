package smb

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gosmbd/smb/smb2"
)

// Interface is an address of the server that clients may connect to.
type Interface struct {
	Index int // of the adapter, the same for all its addresses; never zero
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
		find = r.c.interfaces
	}
	list, err := find()
	if err != nil {
		return err
	}
	info := make(smb2.NetworkInterfaceInfo, 0, len(list))
	for _, i := range list {
		// "The server MUST NOT include the IP address for a network interface
		// with IfIndex equal to zero."
		if i.Index == 0 || !i.Addr.IsValid() {
			continue
		}
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

// interfaces returns the addresses of the machine that c's client can use as well
// as the one it is connected to.
func (c *conn) interfaces() ([]Interface, error) {
	all, err := c.srv.nics.list()
	if err != nil {
		return nil, err
	}
	reached := addrPort(c.nc.LocalAddr())
	return usefulTo(reached.Addr(), c.srv.boundTo(reached.Port()), all), nil
}

// addrPort returns a TCP address, without zone; the zero value for any other.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// boundTo returns the addresses that the listeners of a port are bound to; none
// if they can't be told, as when the application accepts connections itself.
func (s *Server) boundTo(port uint16) []netip.Addr {
	s.mu.RLock()
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.RUnlock()
	var bound []netip.Addr
	for _, l := range listeners {
		switch a := addrPort(l.Addr()); {
		case !a.Addr().IsValid():
			return nil
		case a.Port() == port:
			bound = append(bound, a.Addr())
		}
	}
	return bound
}

// listening tells whether listeners that are bound so have connections to a.
func listening(bound []netip.Addr, a netip.Addr) bool {
	if len(bound) == 0 {
		return true
	}
	return slices.ContainsFunc(bound, func(b netip.Addr) bool {
		// The unspecified address of IPv6 stands for both families.
		return b == a || b.IsUnspecified() && (b.Is6() || a.Is4())
	})
}

// usefulTo returns those of the machine's addresses that are useful to a client
// which is connected to reached, an invalid address if that isn't known. The
// loopback is for a client on the machine that came through it, which in turn has
// no use for others.
func usefulTo(reached netip.Addr, bound []netip.Addr, all []nic) []Interface {
	var list, loop []Interface
	found := false
	for _, n := range all {
		switch {
		case n.Addr == reached:
			found = true
		case n.private || !listening(bound, n.Addr):
			continue
		}
		if n.Addr.IsLoopback() {
			loop = append(loop, n.Interface)
		} else {
			list = append(list, n.Interface)
		}
	}
	if !reached.IsLoopback() {
		if len(list) == 0 && !reached.IsValid() {
			return loop
		}
		return list
	}
	if !found {
		// All of 127.0.0.0/8 is the machine's, though only one address is listed.
		if i := slices.IndexFunc(all, func(n nic) bool { return n.Addr.IsLoopback() }); i >= 0 {
			n := all[i].Interface
			n.Addr = reached
			loop = append(loop, n)
		}
	}
	return loop
}

// nic is an address of the machine. A private one is only told to who reached it
// already: it says nothing without a zone, or its adapter has no carrier, or is one
// end of a tunnel, which another client would rather not take.
type nic struct {
	Interface
	private bool
}

// nicCache remembers the machine's addresses for a while, since every client asks
// again and again.
type nicCache struct {
	mu    sync.Mutex // held while the system is asked, so that one asks for all
	nics  []nic
	until time.Time
}

// nicsAge is how old an answer may be.
const nicsAge = 5 * time.Second

// list returns the addresses of the machine. The caller must not change them.
func (c *nicCache) list() ([]nic, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.After(c.until) {
		nics, err := machineNICs()
		if err != nil {
			return nil, err
		}
		c.nics, c.until = nics, now.Add(nicsAge)
	}
	return c.nics, nil
}

func machineNICs() ([]nic, error) {
	ifs, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var list []nic
	for _, i := range ifs {
		addrs, err := i.Addrs()
		if err != nil || len(addrs) == 0 || i.Flags&net.FlagUp == 0 {
			continue // an error: it may have gone
		}
		entry := nic{Interface: Interface{Index: i.Index, Speed: 10e9}}
		if i.Flags&net.FlagLoopback == 0 {
			entry.Speed, entry.RSS = adapter(i.Name)
			entry.private = i.Flags&net.FlagRunning == 0 || i.Flags&net.FlagPointToPoint != 0
		}
		for _, a := range addrs {
			n, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				e := entry
				e.Addr = ip.Unmap()
				e.private = e.private || ip.IsLinkLocalUnicast()
				list = append(list, e)
			}
		}
	}
	return list, nil
}
