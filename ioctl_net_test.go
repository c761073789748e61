package smb

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestUsefulTo(t *testing.T) {
	at := func(index int, addr string, private bool) nic {
		return nic{Interface{Index: index, Addr: netip.MustParseAddr(addr), Speed: uint64(index) * 1e9}, private}
	}
	all := []nic{
		at(1, "127.0.0.1", false), at(1, "::1", false),
		at(2, "192.0.2.2", false), at(2, "2001:db8::2", false), at(2, "fe80::2", true),
		at(3, "198.51.100.3", false),
		at(4, "10.8.0.4", true), // a tunnel
	}
	const lan = "192.0.2.2 2001:db8::2 198.51.100.3"
	tests := []struct {
		name, reached string
		bound         []string
		want          string
	}{
		{"an adapter", "192.0.2.2", []string{"::"}, lan},
		{"listener unknown", "192.0.2.2", nil, lan},
		{"loopback", "127.0.0.1", []string{"::"}, "127.0.0.1 ::1"},
		{"loopback over IPv6", "::1", []string{"::"}, "127.0.0.1 ::1"},
		{"another loopback address", "127.0.0.5", []string{"127.0.0.5"}, "127.0.0.5"},
		{"IPv4 only", "192.0.2.2", []string{"0.0.0.0"}, "192.0.2.2 198.51.100.3"},
		{"loopback, IPv4 only", "127.0.0.1", []string{"0.0.0.0"}, "127.0.0.1"},
		{"one address", "192.0.2.2", []string{"192.0.2.2"}, "192.0.2.2"},
		{"two addresses", "192.0.2.2", []string{"2001:db8::2", "192.0.2.2", "127.0.0.1"}, "192.0.2.2 2001:db8::2"},
		{"reached, though not bound", "198.51.100.3", []string{"192.0.2.2"}, "192.0.2.2 198.51.100.3"},
		{"link-local", "fe80::2", []string{"::"}, "192.0.2.2 2001:db8::2 fe80::2 198.51.100.3"},
		{"through the tunnel", "10.8.0.4", []string{"::"}, lan + " 10.8.0.4"},
		{"not the machine's, as behind NAT", "203.0.113.9", []string{"::"}, lan},
		{"unknown", "", nil, lan},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reached, _ := netip.ParseAddr(test.reached)
			var bound []netip.Addr
			for _, b := range test.bound {
				bound = append(bound, netip.MustParseAddr(b))
			}
			if got := addrs(usefulTo(reached, bound, all)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if got := addrs(usefulTo(netip.Addr{}, nil, all[:2])); got != "127.0.0.1 ::1" {
		t.Errorf("a machine without a network: %s", got)
	}
	if got := usefulTo(netip.MustParseAddr("127.0.0.5"), nil, all); got[2].Index != 1 {
		t.Errorf("%+v, want the adapter of the loopback", got[2])
	}
}

func addrs(list []Interface) (s string) {
	for i, e := range list {
		if i > 0 {
			s += " "
		}
		s += e.Addr.String()
	}
	return s
}

type fakeListener struct{ addr net.Addr }

func (l *fakeListener) Addr() net.Addr            { return l.addr }
func (l *fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (l *fakeListener) Close() error              { return nil }

func TestBoundTo(t *testing.T) {
	s := &Server{listeners: make(map[net.Listener]struct{})}
	listen := func(a net.Addr) { s.listeners[&fakeListener{a}] = struct{}{} }
	if got := s.boundTo(445); got != nil {
		t.Errorf("%v without listeners", got)
	}
	listen(&net.TCPAddr{IP: net.ParseIP("192.0.2.2"), Port: 445})
	listen(&net.TCPAddr{IP: net.ParseIP("fe80::2"), Zone: "eth0", Port: 445})
	listen(&net.TCPAddr{IP: net.ParseIP("198.51.100.3"), Port: 4450})
	got := s.boundTo(445)
	slices.SortFunc(got, netip.Addr.Compare)
	if fmt.Sprint(got) != "[192.0.2.2 fe80::2]" {
		t.Errorf("port 445: %v", got)
	}
	if got := s.boundTo(4450); fmt.Sprint(got) != "[198.51.100.3]" {
		t.Errorf("port 4450: %v", got)
	}
	listen(&net.UnixAddr{Name: "a socket that something forwards to", Net: "unix"})
	if got := s.boundTo(445); got != nil {
		t.Errorf("%v with a listener of another kind", got)
	}
}

func TestNICCache(t *testing.T) {
	var c nicCache
	first, err := c.list()
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == 0 {
		t.Skip("no network at all")
	}
	for _, n := range first {
		if n.Index == 0 || !n.Addr.IsValid() || n.Addr.IsLoopback() && n.Speed != 10e9 {
			t.Errorf("%+v", n)
		}
	}
	if again, err := c.list(); err != nil || &again[0] != &first[0] {
		t.Errorf("asked the system again at once, %v", err)
	}
	c.until = time.Now().Add(-time.Nanosecond)
	if later, err := c.list(); err != nil || &later[0] == &first[0] {
		t.Errorf("the answer never gets old, %v", err)
	}
}
