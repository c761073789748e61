package frame

import (
	"runtime"
	"testing"
	"time"
)

func TestGet(t *testing.T) {
	for _, n := range []int{0, 1, 1024, 1025, 64 << 10, 64<<10 + Headroom + Tailroom + 80, 8 << 20, 20 << 20} {
		b := Get(n)
		if len(b.B) != n {
			t.Errorf("Get(%d) has length %d", n, len(b.B))
		}
		if got := Size(n); cap(b.B) < n || n <= 8<<20 && cap(b.B) != got {
			t.Errorf("Get(%d) has capacity %d, Size says %d", n, cap(b.B), got)
		}
		b.Free()
	}
}

// A payload of a power of two fits, with its headers, the class made for it.
func TestClasses(t *testing.T) {
	const headers = Headroom + 64 + 16 + Tailroom
	for n := 16 << 10; n <= 8<<20; n *= 4 {
		if got := Size(n + headers); got > n+n/8 {
			t.Errorf("a payload of %d takes a buffer of %d", n, got)
		}
	}
}

func TestGrow(t *testing.T) {
	b := Get(0)
	for i := range 5000 {
		b.Grow(1)
		b.B = append(b.B, byte(i))
	}
	for i, v := range b.B {
		if v != byte(i) {
			t.Fatalf("byte %d is %d after growing", i, v)
		}
	}
	b.Free()

	// One that outgrew the pools by itself is left to the garbage collector.
	b = Get(10)
	b.B = append(b.B, make([]byte, 100_001)...)
	b.Free()
	var none *Buf
	none.Free()
}

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops what is pooled now and then")
	}
	n := testing.AllocsPerRun(100, func() { Get(70 << 10).Free() })
	if n > 0.1 {
		t.Errorf("%v allocations for a buffer from the pool", n)
	}
}

// Who gets a large buffer on another processor gets the one that was freed last, and none is kept that isn't needed.
func TestStack(t *testing.T) {
	var s stack
	a, b := new(Buf), new(Buf)
	s.push(a)
	s.push(b)
	if got := s.pop(); got != b {
		t.Error("not the last one")
	}
	s.push(b)
	s.trim() // a and b have been used since the one before, of which there is none
	if len(s.free) != 2 {
		t.Fatalf("%d buffers, want 2", len(s.free))
	}
	if s.pop() != b {
		t.Error("not the last one")
	}
	s.push(b)
	s.trim()
	if len(s.free) != 1 || s.free[0] != b {
		t.Fatal("the one that was not used is still there, or the other is not")
	}
	s.trim()
	if s.pop() != nil {
		t.Error("one that was not used is still there")
	}
}

func TestTrimAfterGC(t *testing.T) {
	Get(8 << 20).Free()
	large := &stacks[len(stacks)-1]
	for range 100 {
		runtime.GC()
		large.mu.Lock()
		n := len(large.free)
		large.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a buffer is still kept after a hundred garbage collections")
}
