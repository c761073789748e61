package smb

import (
	"context"
	"slices"
	"strings"
)

// A claim keeps the names that an operation is about as they are while the
// backend works on them, without a lock being held. Operations that may create
// or remove a name claim it exclusively, those that open what is there share
// it. A rename of a directory claims all that is below.
type claim struct {
	key       string // folded path
	exclusive bool
	subtree   bool // with all that is below; implies exclusive
}

// alone reports whether nobody else may have a claim to what c is about.
func (c claim) alone() bool { return c.exclusive || c.subtree }

// claimed is a name that somebody has a claim to, or waits for. Who waits is woken when nobody
// has a claim to it any more: those who share it together, of the others one at a time.
type claimed struct {
	shared    int
	exclusive bool
	sharers   chan struct{}   // closed for those who wait to share it; nil: nobody does
	sharing   int             // how many those are
	others    []chan struct{} // each closed when it is its turn
}

func (c *claimed) held() bool { return c.exclusive || c.shared > 0 }

// claim waits until all of want can be had, and takes them together, so that
// two operations never wait for each other.
func (m *mount) claim(ctx context.Context, want ...claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	woken := ""
	for {
		key, alone, blocked := m.inTheWay(want)
		if !blocked {
			for _, w := range want {
				m.take(w)
			}
		}
		m.pass(woken) // if it is still free, it is the next one's turn
		if !blocked {
			return nil
		}
		turn := m.claims[key].wait(alone)
		m.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
		}
		m.mu.Lock()
		if ctx.Err() != nil {
			if c := m.claims[key]; c != nil {
				c.giveUp(turn)
			}
			m.pass(key)
			return context.Cause(ctx)
		}
		woken = key
	}
}

// wait returns what is closed when it is the caller's turn, who wants to have c alone or to share it.
func (c *claimed) wait(alone bool) chan struct{} {
	if alone {
		turn := make(chan struct{})
		c.others = append(c.others, turn)
		return turn
	}
	if c.sharers == nil {
		c.sharers = make(chan struct{})
	}
	c.sharing++
	return c.sharers
}

// giveUp undoes wait, unless it was the caller's turn already.
func (c *claimed) giveUp(turn chan struct{}) {
	if turn == c.sharers {
		if c.sharing--; c.sharing == 0 {
			c.sharers = nil
		}
	}
	c.others = slices.DeleteFunc(c.others, func(other chan struct{}) bool { return other == turn })
}

// pass wakes who waits for key if nobody has it. The caller holds m.mu.
func (m *mount) pass(key string) {
	c := m.claims[key]
	if c == nil || c.held() {
		return
	}
	switch {
	case c.sharers != nil: // the last of them to be done, or not to want it any more, wakes others
		close(c.sharers)
		c.sharers, c.sharing = nil, 0
	case len(c.others) > 0:
		close(c.others[0])
		c.others = c.others[1:]
	default:
		delete(m.claims, key)
	}
}

// inTheWay returns a name that somebody has who keeps the caller from having all of want, and whether the caller
// would have it alone. The caller holds m.mu.
func (m *mount) inTheWay(want []claim) (key string, alone, blocked bool) {
	for _, w := range want {
		if c := m.claims[w.key]; c != nil && c.held() && (w.alone() || c.exclusive) {
			return w.key, w.alone(), true
		}
		for _, s := range m.subtrees {
			if below(w.key, s) {
				return s, w.alone(), true
			}
		}
		if !w.subtree {
			continue
		}
		for key, c := range m.claims {
			if c.held() && below(key, w.key) {
				return key, true, true
			}
		}
	}
	return "", false, false
}

// take is one step of claim.
func (m *mount) take(w claim) {
	c := m.claims[w.key]
	if c == nil {
		c = &claimed{}
		m.claims[w.key] = c
	}
	if w.alone() {
		c.exclusive = true
	} else {
		c.shared++
	}
	if w.subtree {
		m.subtrees = append(m.subtrees, w.key)
	}
}

// unclaim gives up what claim took.
func (m *mount) unclaim(have ...claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range have {
		c := m.claims[w.key]
		if w.alone() {
			c.exclusive = false
		} else {
			c.shared--
		}
		if w.subtree {
			i := slices.Index(m.subtrees, w.key)
			m.subtrees = slices.Delete(m.subtrees, i, i+1)
		}
		m.pass(w.key)
	}
}

// claimedBelow reports whether an operation is at work on the name, or on what it is below.
func (m *mount) claimedBelow(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.claims[key]
	return c != nil && c.held() || slices.ContainsFunc(m.subtrees, func(s string) bool { return below(key, s) })
}

// below reports whether the folded path key is dir or lies below it.
func below(key, dir string) bool {
	if dir == "." {
		return true
	}
	return strings.HasPrefix(key, dir) && (len(key) == len(dir) || key[len(dir)] == '/')
}
