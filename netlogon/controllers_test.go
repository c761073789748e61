package netlogon

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for c, want := range map[Controller][2]string{
		{Name: "dc1"}:                         {"dc1", ""},
		{Name: "dc1", Addr: "10.0.0.1"}:       {"10.0.0.1", ""},
		{Name: "dc1", Addr: "10.0.0.1:49152"}: {"10.0.0.1", "49152"},
		{Name: "dc1", Addr: "::1"}:            {"::1", ""},
		{Name: "dc1", Addr: "[::1]"}:          {"::1", ""},
		{Name: "dc1", Addr: "[::1]:49152"}:    {"::1", "49152"},
	} {
		if host, port := c.address(); host != want[0] || port != want[1] {
			t.Errorf("%+v: %q %q", c, host, port)
		}
	}
}

// TestLocate has DNS name the controllers.
func TestLocate(t *testing.T) {
	var asked string
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer ours.Close()
			query := make([]byte, 512)
			n, _ := io.ReadAtLeast(ours, query, 2)
			asked = string(query[14:n])
			ours.Write(srvAnswer(query[2:n], "dc2.example.com", "dc1.example.com"))
		}()
		return theirs, nil
	}}
	a, err := New(Config{Domain: "EXAMPLE", DNSDomain: "example.com", Computer: "FILES", Secret: Password("x"), Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.locate(t.Context())
	if want := []Controller{{Name: "dc2.example.com"}, {Name: "dc1.example.com"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if want := string(dnsName("_ldap._tcp.dc._msdcs.example.com")); !strings.Contains(asked, want) {
		t.Errorf("asked for %q", asked)
	}
}

// srvAnswer answers a DNS query over TCP with SRV records of rising priority numbers.
func srvAnswer(query []byte, targets ...string) []byte {
	question := query[12 : 12+len(dnsName("_ldap._tcp.dc._msdcs.example.com"))+4]
	b := append([]byte{0, 0}, query[:2]...)
	b = append(b, 0x84, 0, 0, 1, 0, byte(len(targets)), 0, 0, 0, 0)
	b = append(b, question...)
	for i, target := range targets {
		name := dnsName(target)
		b = append(b, 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 1, 0, byte(6+len(name)))
		b = append(b, 0, byte(i), 0, 0, 1, 133)
		b = append(b, name...)
	}
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	return b
}

func dnsName(s string) (b []byte) {
	for label := range strings.SplitSeq(s, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
