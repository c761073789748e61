package smb_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"

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
	// What is left of each may be a fraction of a byte: tables that have grown.
	after, now := settledHeap(t, routines)
	t.Logf("%d times: heap %d to %d bytes, goroutines %d to %d", n, heap, after, routines, now)
	if after > heap+256<<10 {
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
