package smb

import (
	"strings"
	"sync"
	"time"
)

// logonGate slows down the guessing of passwords. Answers to logons of one user
// from one address, over however many connections, come no faster than one in
// delay once one of them failed; so nobody learns more than that. It holds no
// goroutine: who asks waits with a timer.
type logonGate struct {
	delay time.Duration

	mu   sync.Mutex
	next map[gateKey]time.Time // when the answer after the next may be given
}

type gateKey struct{ ip, user string }

// gateSize bounds the memory of the gate; when it is full, keys whose time has
// passed are dropped, and else all of one address share one.
const gateSize = 1 << 16

func (g *logonGate) init(delay time.Duration) {
	g.delay = delay
	g.next = make(map[gateKey]time.Time)
}

// backlog is how many answers for one key may be held back at a time. Further
// attempts are refused whatever they are worth, together with the last of those,
// so that guesses can't shut a user out for longer than that.
const backlog = 4

// enter returns how long to hold back the outcome of an attempt, and whether it
// is refused whatever it is. A success waits as long as a failure would, or the
// time would tell them apart.
func (g *logonGate) enter(ip, user string, failed bool) (wait time.Duration, refused bool) {
	if g.delay < 0 {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	k := g.key(ip, user, now)
	at := now
	if t := g.next[k]; t.After(at) {
		at = t
	}
	if at.Sub(now) > (backlog-1)*g.delay {
		return at.Sub(now), true
	}
	if failed {
		at = at.Add(g.delay)
		g.next[k] = at
	}
	return at.Sub(now), false
}

func (g *logonGate) key(ip, user string, now time.Time) gateKey {
	k := gateKey{ip, strings.ToLower(user)}
	if len(g.next) < gateSize {
		return k
	}
	for old, t := range g.next {
		if t.Before(now) {
			delete(g.next, old)
		}
	}
	if len(g.next) >= gateSize {
		k.user = ""
	}
	return k
}
