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

// leaseCost compares CREATE with a lease to CREATE without, on a server each that has a
// file f; and both with the CLOSE that follows. They take turns, and what is compared is the
// medians: the machine's other work touches both alike.
func leaseCost(b *testing.B, serve func() *rig) {
	var creates, pairs [2][]float64
	var each [2]func() (create, pair time.Duration)
	for i, x := range [][]smb2.CreateContext{nil, {smbtest.Lease2(leaseKey(1), leaseRWH, 0)}} {
		r := serve()
		c := r.caching(smb.Dialect311, 1)
		req := smbtest.With(smbtest.CreateReq("f", smb2.Open), x...)
		each[i] = func() (create, pair time.Duration) {
			start := time.Now()
			id := r.create(c, req)
			create = time.Since(start)
			want(b, "CLOSE", c.CloseFile(id), ok)
			return create, time.Since(start)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range each {
			create, pair := each[i]()
			creates[i], pairs[i] = append(creates[i], float64(create)), append(pairs[i], float64(pair))
		}
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return list[len(list)/2]
	}
	plain, lease := median(creates[0]), median(creates[1])
	b.ReportMetric(plain, "plain-ns")
	b.ReportMetric(lease, "lease-ns")
	b.ReportMetric(lease/plain, "lease/plain")
	b.ReportMetric(median(pairs[1])/median(pairs[0]), "with-close")
}
