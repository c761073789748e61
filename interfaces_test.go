package smb_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// askInterfaces asks c's server for its addresses.
func askInterfaces(t *testing.T, c *smbtest.Client, maxOut uint32) (smb2.NetworkInterfaceInfo, smb2.Status) {
	t.Helper()
	out, st := c.Ioctl(smb2.RelatedFileID, smb2.FsctlQueryNetworkInterfaceInfo, nil, maxOut)
	if len(out) == 0 {
		return nil, st
	}
	info, err := smb2.ParseNetworkInterfaceInfo(out)
	if err != nil {
		t.Fatal(err)
	}
	return info, st
}

// TestInterfacesOfLoopback: a client that came through the loopback is told of that
// alone, and not of a family that the server doesn't listen on.
func TestInterfacesOfLoopback(t *testing.T) {
	r := newRig(t, nil)
	c, _, served := r.dialTCP()
	if _, st := c.Negotiate([]smb.Dialect{smb.Dialect311}, smbtest.NegotiateOptions{}); st != ok {
		t.Fatal(st)
	}
	r.setup(c, "ann", password)
	r.tree(c, "s")
	info, st := askInterfaces(t, c, 4096)
	if st != ok || len(info) != 1 || info[0].Addr != netip.MustParseAddr("127.0.0.1") || info[0].IfIndex == 0 || info[0].LinkSpeed != 10e9 {
		t.Errorf("%v: %+v", st, info)
	}
	r.srv.Close()
	if err := <-served; !errors.Is(err, smb.ErrServerClosed) {
		t.Error(err)
	}
}

// TestInterfacesOfApplication: what the application says goes unchanged, but for
// what can't be told.
func TestInterfacesOfApplication(t *testing.T) {
	r := newRig(t, func(s *smb.Server) {
		s.Interfaces = func() ([]smb.Interface, error) {
			return []smb.Interface{
				{Index: 7, Addr: netip.MustParseAddr("::ffff:203.0.113.7"), Speed: 40e9, RSS: true},
				{Index: 0, Addr: netip.MustParseAddr("203.0.113.8")},
				{Index: 9},
				{Index: 8, Addr: netip.MustParseAddr("fe80::8%eth0")},
				{Index: 1, Addr: netip.MustParseAddr("127.0.0.1")},
			}, nil
		}
	})
	c := r.logon(smb.Dialect311)
	want := smb2.NetworkInterfaceInfo{
		{IfIndex: 7, Capability: smb2.InterfaceRSSCapable, LinkSpeed: 40e9, Addr: netip.MustParseAddr("203.0.113.7")},
		{IfIndex: 8, LinkSpeed: 1e9, Addr: netip.MustParseAddr("fe80::8")},
		{IfIndex: 1, LinkSpeed: 1e9, Addr: netip.MustParseAddr("127.0.0.1")},
	}
	for _, test := range []struct {
		room uint32
		st   smb2.Status
		n    int
	}{{4096, ok, 3}, {152 * 3, ok, 3}, {152*3 - 1, smb2.StatusBufferOverflow, 2}, {151, smb2.StatusBufferTooSmall, 0}} {
		info, st := askInterfaces(t, c, test.room)
		if st != test.st || len(info) != test.n {
			t.Errorf("%d bytes: %v, %d entries, want %v, %d", test.room, st, len(info), test.st, test.n)
			continue
		}
		for i := range info {
			if info[i] != want[i] {
				t.Errorf("%+v, want %+v", info[i], want[i])
			}
		}
	}
	if _, st := askInterfaces(t, r.logon(smb.Dialect210), 4096); st != smb2.StatusNotSupported {
		t.Errorf("2.1: %v", st)
	}
}
