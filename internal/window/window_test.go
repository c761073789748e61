package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestZeroValue(t *testing.T) {
	var w Window
	if w.Available() != 1 || w.Room() != maxSpan-1 {
		t.Fatalf("available %d, room %d", w.Available(), w.Room())
	}
	if w.Take(1, 1) {
		t.Fatal("took 1 before it was granted")
	}
	if !w.Take(0, 0) {
		t.Fatal("0 not available")
	}
	if w.Take(0, 1) {
		t.Fatal("took 0 twice")
	}
	if w.Available() != 0 || w.Room() != maxSpan {
		t.Fatalf("available %d, room %d", w.Available(), w.Room())
	}
}

// The examples of [MS-SMB2] 3.3.1.1.
func TestSpecExamples(t *testing.T) {
	var w Window
	w.Grant(3)
	if w.Available() != 4 {
		t.Fatalf("available %d", w.Available())
	}
	for _, id := range []uint64{2, 0, 3, 1} {
		if !w.Take(id, 1) {
			t.Fatalf("%d refused", id)
		}
	}
	if w.Take(4, 1) || w.Available() != 0 {
		t.Fatal("4 was never granted")
	}
}

func TestCharge(t *testing.T) {
	var w Window
	w.Take(0, 1)
	w.Grant(10) // 1..10
	for _, c := range []struct {
		id     uint64
		charge uint16
		ok     bool
	}{
		{5, 3, true},  // 5 6 7
		{3, 3, false}, // 5 is gone
		{3, 2, true},  // nothing was consumed by the refusal
		{8, 4, false}, // 11 isn't there
		{8, 65535, false},
		{0, 2, false}, // reaches in from below
		{8, 3, true},
		{1, 2, true},
	} {
		if got := w.Take(c.id, c.charge); got != c.ok {
			t.Fatalf("Take(%d, %d) = %v", c.id, c.charge, got)
		}
	}
	if w.Available() != 0 || w.Room() != maxSpan {
		t.Fatalf("available %d, room %d", w.Available(), w.Room())
	}
}

// A client that skips an id gets less and less and in the end nothing, is never dropped, and recovers once it uses the id.
func TestSkippedID(t *testing.T) {
	var w Window
	w.Grant(1)
	next := uint64(1) // 0 is skipped
	for w.Available() > 1 {
		if !w.Take(next, 1) {
			t.Fatalf("%d refused", next)
		}
		next++
		w.Grant(1)
	}
	if next != maxSpan || w.Room() != 0 || w.Grant(5) != 0 {
		t.Fatalf("stalled at %d, room %d", next, w.Room())
	}
	if !w.Take(0, 1) || w.Room() != maxSpan || w.Available() != 0 {
		t.Fatalf("room %d, available %d", w.Room(), w.Available())
	}
	if w.Grant(math.MaxUint16) != maxSpan || !w.Take(maxSpan, maxSpan) {
		t.Fatal("full window refused")
	}
}

func TestNoWrap(t *testing.T) {
	w := Window{low: maxID - 5, top: maxID - 3}
	if w.Room() != 3 || w.Grant(100) != 3 || w.Grant(1) != 0 {
		t.Fatalf("room %d, top %#x", w.Room(), w.top)
	}
	if w.Take(math.MaxUint64, 1) || w.Take(maxID, 2) || w.Take(maxID-2, math.MaxUint16) || w.Take(0, 1) {
		t.Fatal("went round")
	}
	if !w.Take(maxID-5, 6) || w.Available() != 0 || w.Room() != 0 || w.Take(maxID, 1) || w.Take(0, 1) {
		t.Fatal("the end of the sequence")
	}
}

// naive is the specification: a set.
type naive struct {
	set map[uint64]bool
	top uint64
}

func (n *naive) low() uint64 {
	low := n.top + 1
	for id := range n.set {
		low = min(low, id)
	}
	return low
}

func (n *naive) take(id uint64, charge uint16) bool {
	for i := range uint64(max(charge, 1)) {
		if !n.set[id+i] {
			return false
		}
	}
	for i := range uint64(max(charge, 1)) {
		delete(n.set, id+i)
	}
	return true
}

func (n *naive) room() int {
	return int(min(n.low()+maxSpan-1-n.top, maxID-n.top))
}

func (n *naive) grant(k uint16) uint16 {
	k = uint16(min(int(k), n.room()))
	for range k {
		n.top++
		n.set[n.top] = true
	}
	return k
}

func TestAgainstSet(t *testing.T) {
	for seed := range uint64(16) {
		r := rand.New(rand.NewPCG(seed, 1))
		// Some start low, some a little before the end of all ids, some where the ring goes round.
		start := []uint64{0, maxID - 3000, maxSpan - 100, 1 << 32}[seed%4]
		w := Window{low: start, top: start}
		n := naive{map[uint64]bool{start: true}, start}
		for step := range 400 {
			if r.IntN(4) == 0 {
				k := uint16(r.IntN(1 << r.IntN(12)))
				if got, want := w.Grant(k), n.grant(k); got != want {
					t.Fatalf("seed %d step %d: Grant(%d) = %d, want %d", seed, step, k, got, want)
				}
			} else {
				id, charge := w.low+uint64(r.IntN(40)), uint16(r.IntN(9))
				switch r.IntN(16) {
				case 0:
					id = w.low + uint64(r.IntN(2*maxSpan)) - 100
				case 1:
					id = w.top - uint64(r.IntN(10)) + 3
				case 2, 3, 4, 5:
					id = w.low
				}
				if got, want := w.Take(id, charge), n.take(id, charge); got != want {
					t.Fatalf("seed %d step %d: Take(%d, %d) = %v", seed, step, id, charge, got)
				}
			}
			if w.Available() != len(n.set) || w.low != n.low() || w.Room() != n.room() {
				t.Fatalf("seed %d step %d: available %d, %d; low %d, %d; room %d, %d", seed, step,
					w.Available(), len(n.set), w.low, n.low(), w.Room(), n.room())
			}
		}
	}
}

func FuzzTake(f *testing.F) {
	f.Add(uint64(0), uint16(1), uint16(10), uint64(1), uint16(3))
	f.Add(uint64(math.MaxUint64), uint16(math.MaxUint16), uint16(math.MaxUint16), uint64(maxID), uint16(0))
	f.Fuzz(func(t *testing.T, id1 uint64, c1, grant uint16, id2 uint64, c2 uint16) {
		var w Window
		w.Take(id1, c1)
		w.Grant(grant)
		before := w.Available()
		ok := w.Take(id2, c2)
		taken := before - w.Available()
		if ok && taken != int(max(c2, 1)) || !ok && taken != 0 || ok && w.Take(id2, c2) {
			t.Fatalf("%v, %d taken of %d", ok, taken, before)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	var w Window
	w.Take(0, 1)
	b.ReportAllocs()
	for id := uint64(1); b.Loop(); id += 16 {
		w.Grant(16)
		if !w.Take(id, 16) {
			b.Fatal(id)
		}
	}
}
