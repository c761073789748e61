package smb

import (
	"context"
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

type gateKey struct {
	ip, user string
	renewal  bool
}

// asker is who tries to log on.
type asker struct {
	ip string

	// owner is whose session is to be renewed, as gateName has it; empty: none is. To log on
	// again as him has a place of its own in the gate: guesses of others, who have no session of
	// his, must not take from him what he has open.
	owner string
}

// gateName is the same for all spellings of user that somebody may take for one.
func gateName(user string) string { return foldStream(user) }

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
func (g *logonGate) enter(a asker, user string, failed bool) (wait time.Duration, refused bool) {
	if g.delay < 0 {
		return 0, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	k := g.key(a, user, now)
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

// enter is logonGate.enter for l, which user tried and which ended with err.
func (c *conn) enter(l *logon, a asker, user string, err error) (wait time.Duration, refused bool) {
	if err == nil {
		if u, ok := l.result().(interface{ Unguessable() bool }); ok && u.Unguessable() {
			return 0, false // it tells nothing of a password
		}
	}
	return c.srv.gate.enter(a, user, err != nil)
}

// full reports whether an attempt would be refused whatever it is worth.
func (g *logonGate) full(a asker, user string) bool {
	if g.delay < 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	return g.next[g.key(a, user, now)].Sub(now) > (backlog-1)*g.delay
}

// askKey is the key of a context's function that asks the gate.
type askKey struct{}

// ask returns a context in which [TooManyLogons] knows of those that count for a.
func (g *logonGate) ask(ctx context.Context, a asker) context.Context {
	return context.WithValue(ctx, askKey{}, func(user string) bool { return g.full(a, user) })
}

// TooManyLogons reports whether so many logons as user failed lately, from the address
// that ctx is about, that another one is refused even if it is right. A [Mechanism] that
// finds out who tries asks it, with the context that [Acceptor] gets, before it checks a
// password: an attempt that leads to nothing should cost nothing, least of all at a
// server elsewhere, which may lock the account. It then fails with an error of its own.
func TooManyLogons(ctx context.Context, user string) bool {
	full, ok := ctx.Value(askKey{}).(func(string) bool)
	return ok && full(user)
}

// key returns what attempts of a to log on as user count for.
func (g *logonGate) key(a asker, user string, now time.Time) gateKey {
	k := gateKey{ip: a.ip, user: gateName(user)}
	k.renewal = a.owner != "" && a.owner == k.user
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
