package signing

import (
	"fmt"
	"slices"
	"testing"
)

var benchSizes = []int{64, 64 << 10, 1 << 20}

func BenchmarkSign(b *testing.B) {
	for _, a := range algorithms {
		s := newSigner(b, a)
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", a, n), func(b *testing.B) {
				msg := testMessage(n, 8, 8, 1)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					s.Sign(msg)
				}
			})
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range ciphers {
		s := newSealer(b, c)
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", c, n), func(b *testing.B) {
				f := plainFrame(c, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					s.Seal(f)
				}
			})
		}
	}
}

// BenchmarkOpen includes the copy that brings the frame back.
func BenchmarkOpen(b *testing.B) {
	for _, c := range ciphers {
		s := newSealer(b, c)
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", c, n), func(b *testing.B) {
				f := plainFrame(c, n)
				s.Seal(f)
				sealed := slices.Clone(f)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					copy(f, sealed)
					if s.Open(f) != nil {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}
