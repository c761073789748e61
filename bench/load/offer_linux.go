package load

import (
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// Offer has the clients read blocks of length bytes of a file of size bytes, n in all and
// rate in a second, whatever the server makes of it: at random times (Poisson), each by
// a client that chance picks. How long a read took is counted from when it was due, so a
// slow answer also counts for those that had to wait behind it. One thread does it all, so
// that many clients take hardly more of the CPU than few. Begin is called before the first
// read. The clients are used up.
func Offer(clients []*Client, file string, size int64, length int, rate float64, n int, begin func() error) (Result, error) {
	l, err := newLoop(clients, file, ReadBlock(size, length))
	if err != nil {
		return Result{}, err
	}
	defer l.end()
	// Sleep no longer than asked for.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return Result{}, err
	}
	if err := begin(); err != nil {
		return Result{}, err
	}
	l.done = func(*peer, *Op) {}
	l.start = time.Now()
	gap := func() time.Duration { return time.Duration(rand.ExpFloat64() / rate * float64(time.Second)) }
	events := make([]unix.EpollEvent, 64)
	var late []time.Duration
	var h heard
	for due, offered := gap(), 0; len(l.took) < n; {
		now := time.Since(l.start)
		for ; offered < n && due <= now; offered++ {
			p := l.peers[rand.IntN(len(l.peers))]
			late = append(late, time.Since(l.start)-due)
			l.begin(p, new(Op), offered, due)
			if err := l.flush(p); err != nil {
				return Result{}, err
			}
			due += gap()
		}
		wait := patience
		if offered < n {
			wait = due - time.Since(l.start)
		}
		came, err := l.turn(events, wait)
		if err == nil {
			err = h.check(came, offered > len(l.took))
		}
		if err != nil {
			return Result{}, err
		}
	}
	r := l.result(n)
	_, r.Late = quantiles(late)
	return r, nil
}
