package smb_test

import (
	"runtime"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/osfs"
)

// maxWaiting is what a CREATE that waits for a break may hold, in bytes.
const maxWaiting = 4 << 10

// Opens that wait until somebody answers a break cost little memory, stacks
// counted.
func TestWaitingOpensCost(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const clients, each = 4, 250
	r := newRig(t, nil)
	holder := r.caching(smb.Dialect311, 200)
	id := r.batch(holder, "f")
	var list []*smbtest.Client
	for n := range byte(clients) {
		c := r.caching(smb.Dialect311, n)
		c.Ask = 512
		for range 4 {
			alive(t, c)
		}
		list = append(list, c)
	}
	var mids []uint64
	open := func(c *smbtest.Client) { mids = append(mids, startOpen(c, smbtest.CreateReq("f", smb2.Open))) }
	open(list[0]) // what the first costs the rest shares
	before := memoryInUse()
	for _, c := range list {
		for range each {
			open(c)
		}
	}
	cost := (memoryInUse() - before) / (clients * each)
	t.Logf("%d bytes for each of %d that wait", cost, clients*each)
	if cost > maxWaiting {
		t.Errorf("%d bytes for each that waits, want at most %d", cost, maxWaiting)
	}
	broken(t, holder, id, smb2.OplockLevelII)
	want(t, "acknowledgement", holder.AckOplock(id, smb2.OplockLevelII), ok)
	for i, mid := range mids {
		c := list[0]
		if i > 0 {
			c = list[(i-1)/each]
		}
		want(t, "CREATE", c.Wait(mid).Status, ok)
	}
}

// Nor do they keep the descriptor of what they wait for.
func TestWaitingOpensKeepNoDescriptor(t *testing.T) {
	disk, err := osfs.New(t.TempDir(), nil)
	noErr(t, err)
	defer disk.Close()
	put(t, disk, "f", "x")
	aces := []vfs.ACE{allow(vfs.SIDEveryone, vfs.AccessFull)}
	for range 400 { // as many as ext4 has room for
		aces = append(aces, vfs.ACE{Type: 4, Raw: []byte{4, 0, 4, 0}})
	}
	secure(t, disk, "f", aces...)
	r := newRig(t, func(s *smb.Server) { s.Shares = smb.Shares{"s": {FS: disk}} })
	r.batch(r.caching(smb.Dialect311, 200), "f")
	c := r.caching(smb.Dialect311, 1)
	c.Ask = 512
	for range 4 {
		alive(t, c)
	}
	n := keptEach(100, func(int) { startOpen(c, smbtest.CreateReq("f", smb2.Open)) })
	if n > 2*maxWaiting && !raceEnabled {
		t.Errorf("%d bytes for each that waits", n)
	}
}

// memoryInUse returns the bytes of heap and stacks after a collection.
func memoryInUse() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
