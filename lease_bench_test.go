package smb_test

import (
	"testing"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// BenchmarkCreate is CREATE and CLOSE of a file that nobody else has open, with and
// without a lease.
func BenchmarkCreate(b *testing.B) {
	for name, x := range map[string][]smb2.CreateContext{
		"plain": nil,
		"lease": {smbtest.Lease2(leaseKey(1), leaseRWH, 0)},
	} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, nil)
			c := r.caching(smb.Dialect311, 1)
			put(b, r.fs, "f", "content")
			req := smbtest.With(smbtest.CreateReq("f", smb2.Open), x...)
			b.ReportAllocs()
			for b.Loop() {
				want(b, "CLOSE", c.CloseFile(r.create(c, req)), ok)
			}
		})
	}
}
