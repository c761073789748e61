package smb

import (
	"math/rand/v2"
	"testing"
)

// The locks of POSIX opens against a model that knows each byte.
func TestPosixLocksModel(t *testing.T) {
	const size, owners = 24, 3
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var l locks
		var opens [owners]*open
		for i := range opens {
			opens[i] = &open{posix: true}
		}
		var model [owners][size]byte // 0, 's' or 'x'
		// base moves all of it to where sums may wrap.
		base := uint64(0)
		if r.IntN(2) == 0 {
			base = ^uint64(0) - size + 1
		}
		for step := range 60 {
			who, off := r.IntN(owners), r.IntN(size)
			n := 1 + r.IntN(size-off)
			o, exclusive := opens[who], r.IntN(2) == 0
			if r.IntN(3) == 0 {
				l.carve(base+uint64(off), base+uint64(off+n-1), o)
				clear(model[who][off : off+n])
			} else {
				free := true
				for other := range model {
					for _, b := range model[other][off : off+n] {
						free = free && (other == who || b == 0 || b == 's' && !exclusive)
					}
				}
				if got := !l.conflict(base+uint64(off), uint64(n), exclusive, true, o); got != free {
					t.Fatalf("step %d: possible %v, want %v", step, got, free)
				}
				if free {
					l.add(byteLock{base + uint64(off), uint64(n), exclusive, o})
					for i := off; i < off+n; i++ {
						model[who][i] = map[bool]byte{true: 'x', false: 's'}[exclusive]
					}
				}
			}
			checkPosixLocks(t, &l, opens[:], base, func(who, at int) byte { return model[who][at] }, size)
		}
	}
}

// checkPosixLocks checks that l holds what the model has, in as few locks as can be, and
// that only other kinds of opens are kept from reading and writing.
func checkPosixLocks(t *testing.T, l *locks, opens []*open, base uint64, model func(who, at int) byte, size int) {
	t.Helper()
	runs := 0
	for who, o := range opens {
		last := byte(0)
		for at := range size {
			want := model(who, at)
			if want != 0 && want != last {
				runs++
			}
			last = want
			got := byte(0)
			for _, h := range l.held {
				if h.owner != o || base+uint64(at) < h.off || base+uint64(at) > h.last() {
					continue
				}
				if got != 0 {
					t.Fatalf("byte %d is locked twice: %+v", at, l.held)
				}
				got = map[bool]byte{true: 'x', false: 's'}[h.exclusive]
			}
			if got != want {
				t.Fatalf("byte %d of %d is %q, want %q: %+v", at, who, got, want, l.held)
			}
			if l.conflict(base+uint64(at), 1, true, false, o) {
				t.Fatalf("byte %d can't be written by a POSIX open", at)
			}
			windows, locked := &open{}, byte(0)
			for other := range opens {
				locked = max(locked, model(other, at))
			}
			if got := l.conflict(base+uint64(at), 1, true, false, windows); got != (locked != 0) {
				t.Fatalf("byte %d, %q: another open's write is refused: %v", at, locked, got)
			}
			if got := l.conflict(base+uint64(at), 1, false, false, windows); got != (locked == 'x') {
				t.Fatalf("byte %d, %q: another open's read is refused: %v", at, locked, got)
			}
		}
	}
	if runs != len(l.held) {
		t.Fatalf("%d locks for %d ranges: %+v", len(l.held), runs, l.held)
	}
}
