package smb_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// What an open costs that waits for a break: issue 3 allows 4 KiB.
func TestWaitingOpenCost(t *testing.T) {
	r := newRig(t, nil)
	holder := r.caching(smb.Dialect311, 1)
	r.batch(holder, "f")
	const conns, each = 4, 250
	var clients []*smbtest.Client
	for range conns {
		clients = append(clients, r.caching(smb.Dialect311, 2))
	}
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	for _, c := range clients {
		c.Echo()
	}
	before := memory()
	for _, c := range clients {
		for range each {
			e := c.Req(smb2.CommandCreate, smbtest.CreateReq("f", smb2.Open))
			c.Send(e)
			c.WaitInterim(e.MessageID)
		}
	}
	time.Sleep(50 * time.Millisecond)
	t.Logf("%d bytes for each of %d", (memory()-before)/(conns*each), conns*each)
}
