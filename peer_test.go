package smb

import (
	"net"
	"testing"
)

type otherAddr string

func (otherAddr) Network() string  { return "other" }
func (a otherAddr) String() string { return string(a) }

// Limits count by address, without the port, whatever kind of address a listener has.
func TestPeerKey(t *testing.T) {
	for _, tt := range []struct {
		a, b net.Addr
		same bool
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 6}, true},
		{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 6}, true},
		{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 5}, false},
		{otherAddr("192.0.2.1:5"), otherAddr("192.0.2.1:6"), true},
		{otherAddr("[2001:db8::1]:5"), otherAddr("[2001:db8::2%eth0]:6"), true},
		{otherAddr("[2001:db8:0:1::1]:5"), otherAddr("[2001:db8:0:2::1]:5"), false},
		{otherAddr("one"), otherAddr("another"), false},
	} {
		if a, b := peerKey(tt.a), peerKey(tt.b); (a == b) != tt.same {
			t.Errorf("%v and %v: %q, %q", tt.a, tt.b, a, b)
		}
	}
}
