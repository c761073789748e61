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
// the oldest have run out. One client's are at most a sixteenth, so that he doesn't shut
// others out. The zero value is ready for use.
type replayCache struct {
	mu    sync.Mutex
	seen  map[[16]byte]struct{}
	by    map[clientID]int
	order []replayEntry // by time of arrival, so nearly by end
	size  int           // zero: replaySize
}

type replayEntry struct {
	id  [16]byte
	who clientID
	end time.Time
}

// clientID stands for the name of a client.
type clientID [8]byte

// verdict is what the cache says.
type verdict int

const (
	fresh verdict = iota
	replayed
	overfull
)

// note remembers id, by who, until end.
func (r *replayCache) note(id [16]byte, who clientID, now, end time.Time) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.order) > 0 && r.order[0].end.Before(now) {
		old := r.order[0]
		delete(r.seen, old.id)
		if r.by[old.who]--; r.by[old.who] == 0 {
			delete(r.by, old.who)
		}
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
	case len(r.order) >= size, r.by[who] >= max(size/16, 1):
		return overfull
	}
	if r.seen == nil {
		r.seen, r.by = make(map[[16]byte]struct{}), make(map[clientID]int)
	}
	r.seen[id] = struct{}{}
	r.by[who]++
	r.order = append(r.order, replayEntry{id, who, end})
	return fresh
}
