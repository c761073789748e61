package krb

import (
	"sync"
	"time"
)

// replaySize bounds the cache. It is what a server sees in ten minutes of 400 logons a
// second, and takes 20 MB.
const replaySize = 1 << 18

// replayCache remembers authenticators for as long as they would be accepted, RFC 4120
// 3.2.3. When it is full nobody is let in who could be a replay, which is everybody, until
// the oldest have run out. The zero value is ready for use.
type replayCache struct {
	mu    sync.Mutex
	seen  map[[16]byte]struct{}
	order []replayEntry // by time of arrival, so nearly by end
	size  int           // zero: replaySize
}

type replayEntry struct {
	id  [16]byte
	end time.Time
}

// verdict is what the cache says.
type verdict int

const (
	fresh verdict = iota
	replayed
	overfull
)

// note remembers id until end.
func (r *replayCache) note(id [16]byte, now, end time.Time) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 && r.order[0].end.Before(now) {
		delete(r.seen, r.order[0].id)
		r.order = r.order[1:]
	}
	size := r.size
	if size == 0 {
		size = replaySize
	}
	_, known := r.seen[id]
	switch {
	case known:
		return replayed
	case len(r.order) >= size:
		return overfull
	}
	if r.seen == nil {
		r.seen = make(map[[16]byte]struct{})
	}
	r.seen[id] = struct{}{}
	r.order = append(r.order, replayEntry{id, end})
	return fresh
}
