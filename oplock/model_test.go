package oplock

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The model is the other end: what every client believes to cache, after what it
// was told, and what that means for the others. It knows nothing of how File
// does it.

// cache is what a client believes to have, by an oplock or a lease.
type cache struct {
	key    byte // of a lease
	level  bool // it is an oplock
	opens  []*modelOpen
	state  State
	told   *Break // what it owes an answer to
	chain  State  // what it had when the first of a row of breaks came
	limit  State  // what operations leave it
	due    time.Time
	epoch  uint16
	epochs bool
}

type modelOpen struct {
	h      *Holder
	quiet  bool
	share  bool // gets along with others of its kind
	lease  byte
	level  Level
	want   State
	parent byte
	cache  *cache
}

func (o *modelOpen) String() string { return fmt.Sprintf("%p", o.h) }

type model struct {
	*rapid.T
	table  Table
	f      *File
	now    time.Time
	dir    bool
	opens  []*modelOpen
	caches []*cache
	pend   []*pending

	violation bool // the last open failed by share modes
}

// pending is an operation that waits.
type pending struct {
	try  func() <-chan struct{}
	wait <-chan struct{}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{T: t, f: &File{}, now: time.Unix(0, 0)}
		m.dir = rapid.IntRange(0, 4).Draw(t, "directory") == 0
		t.Repeat(map[string]func(*rapid.T){
			"open":   func(*rapid.T) { m.open() },
			"op":     func(*rapid.T) { m.operate() },
			"ack":    func(*rapid.T) { m.ack() },
			"close":  func(*rapid.T) { m.close() },
			"tick":   func(*rapid.T) { m.tick(time.Duration(rapid.IntRange(1, 20).Draw(t, "s")) * time.Second) },
			"cancel": func(*rapid.T) { m.cancel() },
			"flags": func(*rapid.T) {
				m.f.Locked, m.f.Deleted = rapid.Bool().Draw(t, "locked"), rapid.Bool().Draw(t, "deleted")
			},
			"": func(*rapid.T) { m.invariants() },
		})
		m.drain()
	})
}

// invariants are what holds between any two steps.
func (m *model) invariants() {
	m.wakeups()
	for _, c := range m.caches {
		if c.state&Write == 0 {
			continue
		}
		for _, o := range m.opens {
			if o.cache != c && (!o.quiet || o.cache != nil && o.cache.state != 0) {
				m.Fatalf("%v caches writes, but %v has the file open", c.opens, o)
			}
		}
	}
	due, ok := m.f.Deadline()
	for _, c := range m.caches {
		if c.told != nil && (!ok || c.due.Before(due)) {
			m.Fatalf("nobody will overrule %v", c.opens)
		}
		if c.told == nil && c.state&^c.limit != 0 {
			m.Fatalf("%v may cache %v only, and wasn't told", c.opens, c.limit)
		}
		g := c.opens[0].h.Granted()
		if g.Breaking != (c.told != nil) || c.epochs && g.Epoch != c.epoch || !c.level && g.State != c.state {
			m.Fatalf("%v has %v, its client believes %v", c.opens, granted(g), c.state)
		}
	}
}

// wakeups tries again who was woken, and makes sure that nobody else could go on.
func (m *model) wakeups() {
	for i := 0; i < len(m.pend); {
		p := m.pend[i]
		woken := false
		select {
		case <-p.wait:
			woken = true
		default:
		}
		n := len(m.pend)
		m.pend = slices.Delete(m.pend, i, i+1)
		m.violation = false
		p.wait = p.try()
		switch {
		case p.wait != nil:
			m.pend = slices.Insert(m.pend, i, p)
			i++
		case m.violation:
			// Meanwhile another with the same lease came to forbid the open.
			// That it fails can wait until the break is over.
			i = 0
		case !woken:
			m.Fatalf("an operation could go on and wasn't woken (%d wait)", n)
		default:
			i = 0 // others may have been woken by what it did
		}
	}
}

// deliver tells the clients.
func (m *model) deliver(breaks []Break) {
	for _, b := range breaks {
		c := m.cacheOf(b)
		switch {
		case c.told != nil:
			m.Fatalf("%v is told of a break and hasn't answered the last", c.opens)
		case b.To&^c.state != 0 || b.To == c.state || legal(b.To) != b.To:
			m.Fatalf("break to %v of %v", b.To, c.state)
		case b.From != c.state || len(b.Owners) != len(c.opens):
			m.Fatalf("break from %v of %v", b.From, c.state)
		case b.AckRequired != (c.state&(Write|Handle) != 0):
			m.Fatalf("break of %v, answer %v", c.state, b.AckRequired)
		}
		if c.chain == 0 {
			c.epoch++
		}
		if !b.AckRequired {
			c.state = b.To
			c.chain = 0
			continue
		}
		if c.chain == 0 {
			c.chain = c.state
		}
		c.told = &b
		c.due = m.now.Add(AckTimeout)
	}
}

func (m *model) cacheOf(b Break) *cache {
	for _, c := range m.caches {
		if slices.ContainsFunc(c.opens, func(o *modelOpen) bool { return o.h == b.Holder }) {
			if b.Lease != !c.level || b.Lease && b.Key[0] != c.key {
				m.Fatalf("break is for another")
			}
			return c
		}
	}
	m.Fatalf("break for nobody")
	return nil
}

// effect is what an operation means to one cache: what it can't have afterwards,
// and what must be gone before.
type effect struct{ takes, first State }

// judge checks what came of an operation: waits is whether it has to wait.
func (m *model) judge(what string, waits bool, on func(*cache) effect) {
	needed := false
	for _, c := range m.caches {
		e := on(c)
		if c.state&e.takes != 0 || c.chain&e.takes != 0 {
			c.limit = legal(c.limit &^ e.takes)
		}
		if c.told != nil && c.chain&e.first != 0 {
			needed = true
		}
		if waits {
			continue
		}
		if c.state&e.first != 0 {
			m.Fatalf("%v goes on while %v has %v", what, c.opens, c.state)
		}
		if c.state&e.takes != 0 && c.told == nil {
			m.Fatalf("%v goes on and %v keeps %v", what, c.opens, c.state)
		}
	}
	if waits && !needed {
		m.Fatalf("%v waits for nothing", what)
	}
}

func (m *model) open() {
	o := &modelOpen{
		quiet: rapid.IntRange(0, 3).Draw(m.T, "quiet") == 0,
		share: rapid.IntRange(0, 3).Draw(m.T, "share") != 0,
		want:  State(rapid.IntRange(0, 7).Draw(m.T, "want")),
	}
	r := Request{Access: 1, Directory: m.dir}
	if o.quiet {
		r.Access = 0x80
	}
	switch n := rapid.IntRange(0, 7).Draw(m.T, "kind"); {
	case n == 0:
	case n <= 3 && !m.dir:
		o.level = []Level{II, Exclusive, Batch}[n-1]
		r.Level = o.level
	default:
		o.lease = byte(rapid.IntRange(1, 3).Draw(m.T, "key"))
		o.parent = byte(rapid.IntRange(0, 3).Draw(m.T, "parent"))
		r.Level = Lease
		r.Lease = &LeaseRequest{
			Key: Key{o.lease}, State: o.want, Version: 2,
			HasParent: o.parent != 0, Parent: Key{o.parent},
		}
	}
	o.h = NewHolder(r)
	overwrite := !m.dir && rapid.IntRange(0, 3).Draw(m.T, "overwrite") == 0
	m.run(func() <-chan struct{} { return m.tryOpen(o, overwrite) })
}

// run does an operation or lets it wait.
func (m *model) run(try func() <-chan struct{}) {
	if wait := try(); wait != nil {
		m.pend = append(m.pend, &pending{try, wait})
	}
}

func (m *model) tryOpen(o *modelOpen, overwrite bool) <-chan struct{} {
	conflict := false
	for _, p := range m.opens {
		conflict = conflict || !o.quiet && !p.quiet && !(o.share && p.share)
	}
	breaks, wait := m.f.CheckOpen(m.now, o.h, overwrite, conflict)
	m.deliver(breaks)
	m.judge("open", wait != nil, func(c *cache) effect {
		switch {
		case o.lease != 0 && o.lease == c.key, o.quiet && !overwrite:
			return effect{}
		case conflict && !c.level:
			return effect{Handle, Handle}
		case conflict && c.chain&Handle == 0 && c.state&Handle == 0:
			return effect{}
		case conflict && overwrite:
			return effect{Read | Write | Handle, Handle}
		case conflict:
			return effect{Write | Handle, Handle}
		case overwrite:
			return effect{Read | Write | Handle, Write}
		case c.level:
			return effect{Write | Handle, Write}
		}
		return effect{Write, Write}
	})
	if wait != nil || conflict {
		m.violation = wait == nil
		return wait
	}
	m.grant(o)
	return nil
}

// grant checks what an open gets.
func (m *model) grant(o *modelOpen) {
	var c *cache
	for _, p := range m.caches {
		if o.lease != 0 && p.key == o.lease {
			c = p
		}
	}
	want := o.want
	if m.dir {
		want &^= Write
	}
	want = legal(want)
	g, err := m.f.Grant(&m.table, o.h)
	if err != nil {
		m.Fatal(err)
	}
	switch {
	case o.lease == 0 && o.level == None:
		m.equal(g.Level, None)
	case o.lease == 0:
		s := map[Level]State{None: 0, II: Read, Exclusive: Read | Write, Batch: Read | Write | Handle}
		best := II
		if o.level != II && m.permits(o, s[o.level]) {
			best = o.level
		} else if !m.permits(o, Read) {
			best = None
		}
		m.equal(g.Level, best)
		if best != None {
			c = &cache{level: true, state: s[best]}
			m.caches = append(m.caches, c)
		}
	case c == nil:
		c = &cache{key: o.lease, epochs: true}
		for _, s := range []State{Read, Read | Handle, Read | Write, Read | Write | Handle} {
			if s&^want == 0 && m.permits(o, s) {
				c.state, c.epoch = s, 1
			}
		}
		m.caches = append(m.caches, c)
	case c.told == nil && want != c.state && want&c.state == c.state && m.permits(o, want):
		c.state = want
		c.epoch++
	}
	if c != nil {
		if c.told == nil {
			c.limit = c.state
		}
		o.cache = c
		c.opens = append(c.opens, o)
	}
	if c != nil && !c.level {
		m.equal(granted(g), granted(Granted{
			Level: Lease, State: c.state, Version: 2, Epoch: c.epoch, Breaking: c.told != nil,
			HasParent: g.HasParent, Parent: g.Parent,
		}))
	}
	m.opens = append(m.opens, o)
}

func (m *model) equal(got, want any) {
	if got != want {
		m.Fatalf("got %v, want %v", got, want)
	}
}

// permits reports whether o can have s, given what the others have: the rules of
// [MS-FSA] 2.1.5.18 as one comparison with each.
func (m *model) permits(o *modelOpen, s State) bool {
	if s&Write == 0 && m.f.Locked || s&Handle != 0 && m.f.Deleted && o.lease != 0 {
		return false
	}
	for _, p := range m.opens {
		if o.lease != 0 && p.lease == o.lease {
			continue
		}
		var has State
		if p.cache != nil {
			has = p.cache.state
		}
		switch {
		case has&Write != 0,
			s&Write != 0 && (!p.quiet || has != 0),
			s&Handle != 0 && has != 0 && p.lease == 0,
			s != 0 && o.lease == 0 && has&Handle != 0:
			return false
		}
	}
	return true
}

func (m *model) operate() {
	op := rapid.SampledFrom([]Op{OpRead, OpWrite, OpSetSize, OpLock, OpRename, OpReplace, OpDelete, OpSetSecurity, OpRenameParent, OpChangeEntry}).Draw(m.T, "op")
	o := m.pick(true)
	m.run(func() <-chan struct{} {
		var h *Holder
		if o != nil {
			h = o.h
			if !slices.Contains(m.opens, o) {
				return nil // closed meanwhile
			}
		}
		breaks, wait := m.f.Check(m.now, h, op)
		m.deliver(breaks)
		m.judge(fmt.Sprint("operation ", op), wait != nil, func(c *cache) effect {
			own := o != nil && o.cache == c
			if op == OpChangeEntry {
				own = o != nil && o.parent != 0 && o.parent == c.key
			}
			switch op {
			case OpRead:
				if own {
					return effect{}
				}
				if c.level {
					return effect{Write | Handle, Write}
				}
				return effect{Write, Write}
			case OpWrite, OpSetSize, OpLock, OpChangeEntry:
				if own && !(c.level && c.state == Read && op != OpChangeEntry) {
					return effect{}
				}
				return effect{Read | Write | Handle, Write}
			}
			switch {
			case own, c.level && (op == OpDelete || op == OpSetSecurity || (c.state|c.chain)&Handle == 0):
				return effect{}
			case c.level:
				return effect{Read | Write | Handle, Handle}
			}
			return effect{Handle, Handle}
		})
		return wait
	})
}

// pick returns one of the opens, or nobody.
func (m *model) pick(nobody bool) *modelOpen {
	first := 0
	if nobody {
		first = -1
	}
	if len(m.opens) == 0 && !nobody {
		m.Skip("no opens")
	}
	i := rapid.IntRange(first, len(m.opens)-1).Draw(m.T, "who")
	if i < 0 {
		return nil
	}
	return m.opens[i]
}

func (m *model) ack() {
	var asked []*cache
	for _, c := range m.caches {
		if c.told != nil {
			asked = append(asked, c)
		}
	}
	if len(asked) == 0 {
		m.Skip("no break")
	}
	m.answer(rapid.SampledFrom(asked).Draw(m.T, "client"), State(rapid.IntRange(0, 7).Draw(m.T, "answer")))
}

func (m *model) answer(c *cache, s State) {
	b := c.told
	var more []Break
	var err error
	if c.level {
		level := None
		if s&Read != 0 {
			level = II
		}
		s = s & Read & b.To
		_, more, err = m.f.AckOplock(m.now, c.opens[0].h, level)
	} else {
		m.equal(m.table.Find(Key{}, Key{c.key}), m.f)
		_, more, err = m.f.AckLease(m.now, Key{}, Key{c.key}, s)
		if s&^b.To != 0 {
			m.equal(err, ErrNotSubset)
			return
		}
		s = legal(s)
	}
	if err != nil {
		m.Fatal(err)
	}
	c.told = nil
	c.state = s
	m.deliver(more)
	if c.told == nil {
		m.settled(c)
	}
}

// settled notes that a client owes no more answers.
func (m *model) settled(c *cache) {
	if c.state&^c.limit != 0 {
		m.Fatalf("%v keeps %v, may have %v", c.opens, c.state, c.limit)
	}
	c.chain, c.limit = 0, c.state
}

func (m *model) close() {
	o := m.pick(false)
	m.f.Close(&m.table, o.h)
	m.opens = slices.DeleteFunc(m.opens, func(p *modelOpen) bool { return p == o })
	c := o.cache
	if c == nil {
		return
	}
	c.opens = slices.DeleteFunc(c.opens, func(p *modelOpen) bool { return p == o })
	if len(c.opens) == 0 {
		m.caches = slices.DeleteFunc(m.caches, func(p *cache) bool { return p == c })
	}
}

func (m *model) cancel() {
	if len(m.pend) == 0 {
		m.Skip("nobody waits")
	}
	i := rapid.IntRange(0, len(m.pend)-1).Draw(m.T, "waiter")
	m.pend = slices.Delete(m.pend, i, i+1)
}

func (m *model) tick(d time.Duration) {
	m.now = m.now.Add(d)
	late := m.f.Expire(m.now)
	for _, c := range m.caches {
		if c.told != nil && !m.now.Before(c.due) {
			if !slices.ContainsFunc(late, func(h *Holder) bool { return h == c.opens[0].h }) {
				m.Fatalf("%v isn't overruled", c.opens)
			}
			c.told, c.state, c.chain, c.limit = nil, 0, 0, 0
		}
	}
}

// drain waits until nothing is left to wait for, and closes everything.
func (m *model) drain() {
	for range 4 {
		m.tick(AckTimeout)
		m.invariants()
	}
	if _, ok := m.f.Deadline(); ok || len(m.pend) > 0 {
		m.Fatalf("%d operations still wait", len(m.pend))
	}
	for len(m.opens) > 0 {
		m.f.Close(&m.table, m.opens[0].h)
		m.opens = m.opens[1:]
	}
	if !m.f.Idle() || len(m.f.holdings) != 0 || len(m.table.leases) != 0 {
		m.Fatal("something is left of a file that nobody has open")
	}
}
