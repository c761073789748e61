package smb_test

import (
	"runtime"
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// What an open costs that waits for a break: no goroutine, and little memory.
func TestWaitingOpenCost(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	r := newRig(t, nil)
	holder := r.caching(smb.Dialect311, 1)
	id := r.batch(holder, "f")
	const conns, each = 4, 250
	var clients []*smbtest.Client
	for range conns {
		c := r.caching(smb.Dialect311, 2)
		c.Echo()
		clients = append(clients, c)
	}
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	var waiting []uint64
	for _, c := range clients {
		for range each {
			e := c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
			c.Send(e)
			c.WaitInterim(e.MessageID)
			waiting = append(waiting, e.MessageID)
		}
	}
	if n := runtime.NumGoroutine() - goroutines; n > 80 { // workers without work
		t.Errorf("%d goroutines for %d that wait", n, conns*each)
	}
	if n := (memory() - before) / (conns * each); n > 4<<10 {
		t.Errorf("%d bytes for each that waits", n)
	} else {
		t.Logf("%d bytes for each of %d", n, conns*each)
	}
	want(t, "answer", holder.AckOplock(id, smb2.OplockNone), ok)
	for i, mid := range waiting {
		want(t, "CREATE", clients[i/each].Wait(mid).Status, ok)
	}
}
