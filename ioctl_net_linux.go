package smb

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// adapter tells the speed of a network adapter in bits per second, zero if it
// isn't known, and whether it has several receive queues.
func adapter(name string) (speed uint64, rss bool) {
	return sysAdapter(os.DirFS("/sys/class/net"), name)
}

// sysAdapter is adapter for a directory like /sys/class/net.
func sysAdapter(sys fs.FS, name string) (speed uint64, rss bool) {
	queues, _ := fs.Glob(sys, path.Join(name, "queues/rx-*"))
	rss = len(queues) > 1
	// Many drivers return an error, or -1, if the speed isn't known.
	b, _ := fs.ReadFile(sys, path.Join(name, "speed"))
	if mbit, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 32); err == nil && mbit > 0 {
		return uint64(mbit) * 1e6, rss
	}
	if isVirtual(sys, name) {
		return 10e9, rss
	}
	return 0, rss
}

// isVirtual tells whether an adapter is made of software, here or in the host of a
// virtual machine: it has no device, or one on a bus that hosts make up.
func isVirtual(sys fs.FS, name string) bool {
	if _, err := fs.Stat(sys, path.Join(name, "device")); err != nil {
		return true
	}
	bus, _ := fs.ReadLink(sys, path.Join(name, "device/subsystem"))
	switch path.Base(bus) {
	case "virtio", "xen", "vmbus":
		return true
	}
	return false
}
