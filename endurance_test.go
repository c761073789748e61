package smb_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// cycles is how often an endurance test repeats what it does: full times with
// SMB_ENDURANCE=1, which takes minutes.
func cycles(full int) int {
	switch {
	case os.Getenv("SMB_ENDURANCE") != "":
		return full
	case testing.Short() || raceEnabled:
		return full / 2000
	}
	return full / 200
}

// idleWorkers is how many goroutines more may wait for work at one time than at
// another.
const idleWorkers = 80

// endure does something n times and checks that it leaves nothing behind: neither
// on the heap nor as goroutines.
func endure(t *testing.T, n int, do func(i int)) {
	t.Helper()
	for i := range n/10 + 20 {
		do(i)
	}
	heap, routines := settledHeap(t, 0)
	for i := range n {
		do(i)
	}
	// The runtime keeps some of the timers that were stopped. Anything of the
	// server's that was left would be hundreds of bytes for each.
	most := heap + 256<<10 + uint64(min(32*n, 1<<20))
	after, now := settledHeap(t, routines+idleWorkers)
	t.Logf("%d times: heap %d to %d bytes, goroutines %d to %d", n, heap, after, routines, now)
	if after > most {
		t.Errorf("the heap grew from %d to %d bytes in %d cycles", heap, after, n)
	}
}

// settledHeap returns the size of the heap, and the number of goroutines once it is
// no more than most.
func settledHeap(t *testing.T, most int) (heap uint64, routines int) {
	t.Helper()
	if most > 0 {
		if err := settled(most); err != nil {
			t.Error(err)
		}
	}
	if os.Getenv("SMB_ENDURANCE") != "" {
		// A net.Pipe that is closed lives on until its write deadline passes.
		time.Sleep(31 * time.Second)
	}
	for range 3 {
		runtime.GC() // pools take two to be emptied
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}

// A million times: a lease is granted, broken and answered.
func TestManyLeaseBreaks(t *testing.T) {
	r := newRig(t, nil)
	a, b := r.caching(smb.Dialect311, 1), r.caching(smb.Dialect311, 2)
	endure(t, cycles(1_000_000), func(i int) {
		name, key := fmt.Sprint("f", i%7), leaseKey(byte(i%7))
		id, _ := r.leased(a, name, smbtest.Lease2(key, leaseRWH, 0), leaseRWH)
		mid := startOpen(b, smbtest.CreateReq(name, smb2.Open), smbtest.Lease2(key, leaseRWH, 0))
		leaseBroken(t, a, key, leaseRWH, leaseRH, 2)
		ackLease(t, a, key, leaseRH)
		resp, g, st := b.Opened(b.Wait(mid))
		if st != ok || g.State() != leaseRH {
			t.Fatalf("CREATE: %v, %+v", st, g.Lease)
		}
		want(t, "CLOSE", a.CloseFile(id), ok)
		want(t, "CLOSE", b.CloseFile(resp.FileID), ok)
	})
}

// A hundred thousand times: the connection of a durable handle is cut, and the
// handle is taken back. Some are never taken back, but closed by somebody else's
// open.
func TestManyDurableDisconnects(t *testing.T) {
	r := newRig(t, nil)
	const each = 20 // handles on a connection
	other := r.caching(smb.Dialect311, 2)
	endure(t, cycles(100_000)/each, func(i int) {
		r, end := r.scope()
		defer end()
		c := r.caching(smb.Dialect311, 1)
		var list []handle
		for n := range each {
			list = append(list, r.durable(c, fmt.Sprint("f", n), 2-n%2))
		}
		previous := c.Session.ID
		c.Close()
		c = r.channel(smb.Dialect311, 1)
		_, st := c.Logon(&smbtest.Logon{User: "ann", Password: password, Previous: previous})
		want(t, "logon", st, ok)
		r.tree(c, "s")
		for n := range list {
			if n == i%each {
				id := r.create(other, smbtest.CreateReq(list[n].name, smb2.Open))
				want(t, "CLOSE", other.CloseFile(id), ok)
				want(t, "reconnect", list[n].back(c), notFound)
				continue
			}
			want(t, "reconnect", list[n].back(c), ok)
			want(t, "CLOSE", c.CloseFile(list[n].id), ok)
		}
		c.Close()
	})
}

// A hundred thousand times: a channel joins a session that stays, and goes.
func TestManyChannels(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.caching(smb.Dialect311, 1)
		endure(t, cycles(100_000), func(int) {
			r, end := r.scope()
			defer end()
			r.bind(a, 1).Close()
			time.Sleep(31 * time.Second) // as long as a net.Pipe that is closed lives on
			alive(t, a)
		})
	})
}

// Nothing is left of clients that never come back.
func TestManyAbandonedHandles(t *testing.T) {
	r := newRig(t, nil)
	endure(t, cycles(20_000), func(i int) {
		r, end := r.scope()
		defer end()
		c := r.caching(smb.Dialect311, 1)
		req := batchReq(fmt.Sprint("f", i%5))
		_, _, st := c.Open(req, smbtest.Durable2(createGUID(byte(i)), 1, 0))
		if st != ok && st != smb2.StatusDuplicateObjectid {
			t.Fatalf("CREATE: %v", st)
		}
		c.Close()
	})
}

// scope returns a rig whose clients are forgotten by end, and not only when the test
// ends.
func (r *rig) scope() (inner *rig, end func()) {
	s := &scope{TB: r.t}
	return &rig{t: s, srv: r.srv, fs: r.fs}, s.end
}

type scope struct {
	testing.TB
	cleanups []func()
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) end() {
	for _, f := range s.cleanups {
		f()
	}
}
