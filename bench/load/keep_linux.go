package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// Keep has each of the clients keep depth operations under way until n are done in all. Do
// returns the next frame of an operation, and none if it is done. If file isn't empty, each
// client opens it before. Begin is called before the first operation. One thread does it all,
// and sends together what is to be sent at a time. The clients are used up.
func Keep(clients []*Client, file string, depth, n int, do func(*Op) []Request, begin func() error) (Result, error) {
	l, err := newLoop(clients, file, do)
	if err != nil {
		return Result{}, err
	}
	defer l.end()
	if err := begin(); err != nil {
		return Result{}, err
	}
	begun := 0
	next := func(p *peer, op *Op) {
		if begun < n {
			l.begin(p, op, begun, time.Since(l.start))
			begun++
		}
	}
	l.done = next
	l.start = time.Now()
	for range depth {
		for _, p := range l.peers {
			next(p, new(Op))
		}
	}
	for _, p := range l.peers {
		if err := l.flush(p); err != nil {
			return Result{}, err
		}
	}
	events := make([]unix.EpollEvent, 64)
	var h heard
	for len(l.took) < n {
		came, err := l.turn(events, patience)
		if err == nil {
			err = h.check(came, true)
		}
		if err != nil {
			return Result{}, err
		}
	}
	return l.result(n), nil
}
