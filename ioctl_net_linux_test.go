package smb

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSysAdapter(t *testing.T) {
	sys := t.TempDir()
	// add makes an adapter; a bus other than "" is that of its device.
	add := func(name, speed, bus string, queues ...string) {
		for _, q := range append(queues, "tx-0", "tx-1") {
			if err := os.MkdirAll(filepath.Join(sys, name, "queues", q), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if speed != "" {
			if err := os.WriteFile(filepath.Join(sys, name, "speed"), []byte(speed), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if bus != "" {
			device := filepath.Join(sys, name, "device")
			if err := os.Mkdir(device, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("../../../bus/"+bus, filepath.Join(device, "subsystem")); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("lan", "1000\n", "pci", "rx-0")
	add("fast", "25000\n", "pci", "rx-0", "rx-1", "rx-10")
	add("unplugged", "-1\n", "pci", "rx-0")
	add("wlan", "", "pci", "rx-0")
	add("vm", "-1\n", "virtio", "rx-0", "rx-1")
	add("hyperv", "", "vmbus", "rx-0")
	add("veth", "10000\n", "", "rx-0")
	add("bridge", "", "", "rx-0")
	add("tun", "10\n", "", "rx-0")
	add("odd", "fast", "pci")
	add("huge", "99999999999999999999\n", "pci", "rx-0")
	tests := []struct {
		name  string
		speed uint64
		rss   bool
	}{
		{"lan", 1e9, false},
		{"fast", 25e9, true},
		{"unplugged", 0, false},
		{"wlan", 0, false},
		{"vm", 10e9, true},
		{"hyperv", 10e9, false},
		{"veth", 10e9, false},
		{"bridge", 10e9, false},
		{"tun", 10e6, false},
		{"odd", 0, false},
		{"huge", 0, false},
	}
	for _, test := range tests {
		if speed, rss := sysAdapter(os.DirFS(sys), test.name); speed != test.speed || rss != test.rss {
			t.Errorf("%s: %d bit/s, RSS %t, want %d, %t", test.name, speed, rss, test.speed, test.rss)
		}
	}
}
