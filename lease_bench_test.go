package smb_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// BenchmarkCreate is CREATE and CLOSE of a file that nobody else has open, with and
// without a lease.
func BenchmarkCreate(b *testing.B) {
	leaseCost(b, func() *rig {
		r := newRig(b, nil)
		put(b, r.fs, "f", "content")
		return r
	})
}

// leaseCost compares CREATE and CLOSE with a lease to those without, on a server each that
// has a file f. They take turns, and what is compared is the medians: the machine's other
// work touches both alike.
func leaseCost(b *testing.B, serve func() *rig) {
	const turn = 20
	var took [2][]float64
	var each [2]func()
	for i, x := range [][]smb2.CreateContext{nil, {smbtest.Lease2(leaseKey(1), leaseRWH, 0)}} {
		r := serve()
		c := r.caching(smb.Dialect311, 1)
		req := smbtest.With(smbtest.CreateReq("f", smb2.Open), x...)
		each[i] = func() { want(b, "CLOSE", c.CloseFile(r.create(c, req)), ok) }
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range each {
			start := time.Now()
			for range turn {
				each[i]()
			}
			took[i] = append(took[i], float64(time.Since(start))/turn)
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	plain, lease := took[0][len(took[0])/2], took[1][len(took[1])/2]
	b.ReportMetric(plain, "plain-ns")
	b.ReportMetric(lease, "lease-ns")
	b.ReportMetric(lease/plain, "lease/plain")
}
