package smb

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gosmbd/smb/smb2"
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

// All of a file, locked in two parts, stays locked: there is no length for 64 bits.
func TestPosixLockWhole(t *testing.T) {
	a, b := &open{posix: true}, &open{posix: true}
	for _, parts := range [][2]byteLock{
		{{off: 0, len: 1 << 63}, {off: 1 << 63, len: 1 << 63}},
		{{off: 1 << 63, len: 1 << 63}, {off: 0, len: 1 << 63}},
		{{off: 0, len: 1<<64 - 1}, {off: 1<<64 - 1, len: 1}},
	} {
		var l locks
		for _, p := range parts {
			p.exclusive, p.owner = true, a
			l.add(p)
		}
		for _, off := range []uint64{0, 100, 1 << 63, 1<<64 - 1} {
			if !l.conflict(off, 1, true, true, b) {
				t.Errorf("another open gets byte %d: held %+v", off, l.held)
			}
		}
	}
}

// What a persistent open had of the ranges of a LOCK, in case it can't be stored, takes no more than both have parts,
// and it gets that back.
func TestPosixLocksBefore(t *testing.T) {
	const held, elems, longest = 1000, 5000, 2 * time.Second
	for name, at := range map[string]func(i uint64) (off, n uint64){
		"the same":    func(uint64) (uint64, uint64) { return 1, 1 << 40 },
		"overlapping": func(i uint64) (uint64, uint64) { return elems - i, 1 + i%7 },
		"apart":       func(i uint64) (uint64, uint64) { return 3 * (elems - i), 2 },
		"to the end":  func(i uint64) (uint64, uint64) { return i, -i },
	} {
		t.Run(name, func(t *testing.T) {
			o := &open{posix: true, file: &file{}}
			o.durability.persistent = true
			l := &o.file.locks
			for i := range uint64(held) {
				l.held = append(l.held, byteLock{10 * i, 7, i%2 == 0, o})
			}
			l.held = append(l.held, byteLock{1<<64 - 1, 1, true, o})
			before := slices.Clone(l.held)
			var req []smb2.LockElement
			for i := range uint64(elems) {
				off, n := at(i + 1)
				req = append(req, smb2.LockElement{Offset: off, Length: n})
			}
			began := time.Now()
			had := o.posixLocks(req)
			if len(had) > held+elems {
				t.Fatalf("%d parts of %d locks and %d ranges", len(had), held, elems)
			}
			o.restore(req, had)
			if took := time.Since(began); took > longest {
				t.Errorf("it took %v", took)
			}
			slices.SortFunc(l.held, func(a, b byteLock) int { return cmp.Compare(a.off, b.off) })
			if !slices.Equal(l.held, before) {
				t.Errorf("%d locks, and then %d", len(before), len(l.held))
			}
		})
	}
}

// await adds a lock that has to wait.
func (l *locks) await(t *testing.T, b byteLock) *lockWait {
	t.Helper()
	if !l.conflict(b.off, b.len, b.exclusive, true, b.owner) {
		t.Fatalf("%+v doesn't have to wait", b)
	}
	w := &lockWait{byteLock: b, ready: make(chan struct{})}
	l.waits = append(l.waits, w)
	return w
}

// A lock that was waited for may take the place of the one that others wait for.
func TestPosixLockDowngrade(t *testing.T) {
	for _, posix := range []bool{true, false} {
		a, b, x := &open{posix: true}, &open{posix: true}, &open{posix: posix}
		var l locks
		l.add(byteLock{0, 10, true, a})
		l.add(byteLock{15, 5, true, x})
		second := l.await(t, byteLock{0, 5, false, b})
		first := l.await(t, byteLock{0, 20, false, a})
		if posix {
			l.carve(15, 19, x)
			l.grant(nil)
		} else if err := l.unlock(15, 5, x); err != nil {
			t.Fatal(err)
		}
		if !first.granted || !second.granted {
			t.Errorf("granted %v and %v: held %+v", first.granted, second.granted, l.held)
		}
	}
}

// Many locks, taken and given up at random by opens of both kinds: who waits is one who has to, and has not
// been forgotten.
func TestLocksWait(t *testing.T) {
	const size = 40
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		opens := []*open{{posix: true}, {posix: true}, {}, {}}
		var l locks
		granted := 0
		for step := range 80 {
			o, off := opens[r.IntN(len(opens))], uint64(r.IntN(size))
			b := byteLock{off, 1 + uint64(r.IntN(size-int(off))), r.IntN(2) == 0, o}
			mine := slices.IndexFunc(l.held, func(h byteLock) bool { return h.owner == o })
			switch {
			case r.IntN(20) == 0:
				l.release(o)
			case r.IntN(2) == 0 && mine >= 0 && !o.posix:
				h := l.held[mine]
				if err := l.unlock(h.off, h.len, o); err != nil {
					t.Fatal(err)
				}
			case r.IntN(2) == 0 && o.posix:
				l.carve(b.off, b.last(), o)
				l.grant(nil)
			case l.conflict(b.off, b.len, b.exclusive, true, o):
				l.await(t, b)
			default:
				l.add(b)
				l.grant(nil)
			}
			for _, w := range l.waits {
				if !l.conflict(w.off, w.len, w.exclusive, true, w.owner) {
					t.Fatalf("round %d, step %d: nothing is in the way of %+v: held %+v", round, step, w.byteLock, l.held)
				}
				if w.granted {
					t.Fatalf("round %d, step %d: %+v waits, and is granted", round, step, w.byteLock)
				}
			}
			granted += len(l.held)
		}
		if granted == 0 {
			t.Fatal("nothing was locked")
		}
	}
}

// Who gives up a lock doesn't have all that wait for it compared with all that is held.
func BenchmarkUnlockMany(b *testing.B) {
	var l locks
	a, x, y := &open{}, &open{}, &open{}
	for i := range 8000 {
		l.held = append(l.held, byteLock{uint64(1000 + 2*i), 1, true, a})
	}
	l.held = append(l.held, byteLock{50, 1, true, a})
	for range 8000 {
		l.waits = append(l.waits, &lockWait{byteLock: byteLock{0, 100, true, y}, ready: make(chan struct{})})
	}
	for b.Loop() {
		l.add(byteLock{0, 10, true, x})
		if err := l.unlock(0, 10, x); err != nil {
			b.Fatal(err)
		}
	}
}
