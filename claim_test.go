package smb

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func newClaims() *mount { return &mount{claims: make(map[string]*claimed)} }

// Each waits for what is in its way alone, and when that is gone it is the turn of those who can go on
// together, or of one.
func TestClaimTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, bg := newClaims(), context.Background()
		var done []string
		var mu sync.Mutex
		want := func(names ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(done, " "); got != strings.Join(names, " ") {
				t.Errorf("%s went on, want %s", got, names)
			}
			done = nil
		}
		// start claims; what it returns gives up.
		start := func(ctx context.Context, name string, want ...claim) (end func()) {
			synctest.Wait()
			var got bool
			go func() {
				err := m.claim(ctx, want...)
				mu.Lock()
				defer mu.Unlock()
				got = err == nil
				if err != nil {
					name = err.Error()
				}
				done = append(done, name)
			}()
			synctest.Wait()
			return func() {
				if got {
					m.unclaim(want...)
				}
			}
		}
		alone, shared, tree := func(k string) claim { return claim{key: k, exclusive: true} }, func(k string) claim { return claim{key: k} },
			func(k string) claim { return claim{key: k, exclusive: true, subtree: true} }

		a := start(bg, "a", alone("x"))
		b := start(bg, "b", alone("x"))
		ctx, cancel := context.WithCancelCause(bg)
		start(ctx, "c", alone("x"))
		d := start(bg, "d", alone("x"))
		want("a")
		cancel(errors.New("canceled"))
		want("canceled")
		a()
		want("b")
		b()
		want("d")
		e, f := start(bg, "e", shared("x")), start(bg, "f", shared("x"))
		g := start(bg, "g", alone("x"))
		d()
		synctest.Wait()
		mu.Lock()
		if len(done) != 2 {
			t.Errorf("%s went on, want e and f", done)
		}
		done = nil
		mu.Unlock()
		e()
		want()
		f()
		want("g")

		// h's turn is the next one's, since it still waits for y.
		y := start(bg, "y", alone("y"))
		h := start(bg, "h", alone("x"), alone("y"))
		i := start(bg, "i", alone("x"))
		want("y")
		g()
		want("i")
		i()
		want()
		y()
		want("h")
		h()

		// What is below a directory waits for it, and it for all of them.
		j, k := start(bg, "j", shared("d/1")), start(bg, "k", alone("d/2"))
		l := start(bg, "l", tree("d"))
		want("j", "k")
		n := start(bg, "n", shared("other"))
		j()
		want("n")
		k()
		want("l")
		o, p, q := start(bg, "o", alone("d/3")), start(bg, "p", alone("d/4")), start(bg, "q", shared("d/5/6"))
		want()
		if !m.claimedBelow("d/7") || m.claimedBelow("dd") {
			t.Error("what is below isn't claimed, or what is beside is")
		}
		l()
		synctest.Wait()
		if len(done) != 3 {
			t.Errorf("%s went on, want o, p and q", done)
		}
		o()
		p()
		q()
		n()
		if len(m.claims)+len(m.subtrees) != 0 {
			t.Errorf("%d names and %d trees stay claimed", len(m.claims), len(m.subtrees))
		}
	})
}

// Whatever is claimed and canceled, nobody waits for good or has what another has.
func TestClaimAtRandom(t *testing.T) {
	m := newClaims()
	var wg sync.WaitGroup
	keys := []string{"a", "a/b", "a/b/c", "a/d", "e"}
	var holders [5]atomic.Int32 // exclusive ones count 1000
	for w := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 3000 {
				var have []claim
				var held []int
				for _, k := range r.Perm(len(keys))[:1+r.IntN(2)] {
					have = append(have, claim{key: keys[k], exclusive: r.IntN(2) == 0, subtree: r.IntN(8) == 0})
					held = append(held, k)
				}
				if len(have) == 2 && (below(have[0].key, have[1].key) || below(have[1].key, have[0].key)) {
					have, held = have[:1], held[:1] // nobody wants both
				}
				ctx, cancel := context.WithCancel(context.Background())
				if r.IntN(4) == 0 {
					go cancel()
				}
				if m.claim(ctx, have...) == nil {
					for i, c := range have {
						weight := int32(1)
						if c.alone() {
							weight = 1000
						}
						if n := holders[held[i]].Add(weight); n > weight && (n >= 1000) {
							t.Errorf("%s is claimed by %d", c.key, n)
						}
						if c.subtree {
							for k := range keys {
								if k != held[i] && below(keys[k], c.key) && holders[k].Load() != 0 {
									t.Errorf("%s is claimed below %s", keys[k], c.key)
								}
							}
						}
					}
					for i, c := range have {
						weight := int32(-1)
						if c.alone() {
							weight = -1000
						}
						holders[held[i]].Add(weight)
					}
					m.unclaim(have...)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if len(m.claims)+len(m.subtrees) != 0 {
		t.Errorf("%d names and %d trees stay claimed", len(m.claims), len(m.subtrees))
	}
}

// TestClaimSharerGone: who waits to share a name gives up; whoever waits for it alone must still get it.
func TestClaimSharerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, bg := newClaims(), context.Background()
		x := claim{key: "x", exclusive: true}
		if err := m.claim(bg, x); err != nil { // holder
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(bg)
		go m.claim(ctx, claim{key: "x"}) // sharer, whose session ends
		synctest.Wait()
		last, stop := context.WithCancel(bg)
		defer stop()
		got := make(chan error, 1)
		go func() { got <- m.claim(last, x) }()
		synctest.Wait()
		cancel(errors.New("session ended"))
		synctest.Wait()
		m.unclaim(x)
		synctest.Wait()
		select {
		case <-got:
		default:
			t.Errorf("nobody has the name, but who waits for it isn't woken")
		}
		stop()
		synctest.Wait()
	})
}
