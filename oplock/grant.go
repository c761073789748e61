package oplock

// Grant adds h, an open that has taken effect, to f, and gives it as much of what
// it asked for as the other opens permit. A lease key that the client uses for f
// already gives it a share in that lease; the lease may become more by that, but
// never less. The caller saw [File.CheckOpen] pass under the same lock. The only
// error is [ErrKeyInUse]; h isn't part of f then.
func (f *File) Grant(t *Table, h *Holder) (Granted, error) {
	var err error
	switch {
	case h.level == Lease:
		err = f.grantLease(t, h)
	case !h.directory:
		f.grantOplock(h)
	}
	if err != nil {
		return Granted{}, err
	}
	h.file = f
	f.holders = append(f.holders, h)
	return h.Granted(), nil
}

// Restore adds h with the caching that it had before the server was started
// again. Of a lease of h's key that is restored already there is left what both
// had. The only error is [ErrKeyInUse].
func (f *File) Restore(t *Table, h *Holder, had Granted) (Granted, error) {
	switch had.Level {
	case Lease:
		g, err := f.lease(t, h)
		if err != nil {
			return Granted{}, err
		}
		if len(g.holders) > 1 { // one of them may have been stored before a break
			had.State, had.Epoch = had.State&g.state, max(had.Epoch, g.epoch)
		}
		g.state, g.epoch = legal(had.State), had.Epoch
	case II:
		f.hold(h, II, Read)
	case Exclusive:
		f.hold(h, Exclusive, Read|Write)
	case Batch:
		f.hold(h, Batch, Read|Write|Handle)
	}
	h.file = f
	f.holders = append(f.holders, h)
	return h.Granted(), nil
}

// grantOplock gives h an oplock. Exclusive ones need an open without company;
// whoever asks in vain gets level II if that can be had.
// [MS-FSA] 2.1.5.18, [MS-SMB2] 3.3.5.9
func (f *File) grantOplock(h *Holder) {
	c := f.company(h)
	switch {
	case h.level == Batch && !c.data:
		f.hold(h, Batch, Read|Write|Handle)
	case h.level == Exclusive && !c.data:
		f.hold(h, Exclusive, Read|Write)
	case h.level == None, c.write, c.handle, f.Locked:
	case h.level == II, h.level == Exclusive, h.level == Batch:
		f.hold(h, II, Read)
	}
}

func (f *File) hold(h *Holder, level Level, s State) {
	g := &holding{level: level, state: s, timeout: h.timeout, holders: []*Holder{h}}
	h.holding = g
	f.holdings = append(f.holdings, g)
}

// grantLease gives h its share of a lease. [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11
func (f *File) grantLease(t *Table, h *Holder) error {
	if h.directory && h.lease.Version < 2 {
		return nil // clients know no leases on directories before SMB 3.0
	}
	g, err := f.lease(t, h)
	if err != nil {
		return err
	}
	want := legal(h.lease.State)
	if h.directory {
		want &^= Write
	}
	got := f.permitted(h, want)
	// A lease that there was grows to what is asked for or not at all, and never while
	// its client owes an answer. [MS-FSA] 2.1.5.18
	if len(g.holders) > 1 && (g.breaking || got != want || want&g.state != g.state) || got == g.state {
		return nil
	}
	g.state = got
	if g.version >= 2 {
		g.epoch++
	}
	return nil
}

// lease finds or makes the lease of h's key and adds h to it.
func (f *File) lease(t *Table, h *Holder) (*holding, error) {
	for _, g := range f.holdings {
		if h.has(g) {
			t.touch(g, h.deleteOnClose)
			g.holders = append(g.holders, h)
			h.holding = g
			return g, nil
		}
	}
	l := &h.lease
	g := &holding{
		lease: true, client: l.Client, key: l.Key, version: l.Version,
		parent: l.Parent, hasParent: l.HasParent,
		timeout: h.timeout, holders: []*Holder{h},
	}
	if g.version >= 2 {
		g.epoch = l.Epoch
	}
	if err := t.add(f, g, h); err != nil {
		return nil, err
	}
	h.holding = g
	f.holdings = append(f.holdings, g)
	return g, nil
}

// permitted returns what h may have of the lease state that it wants.
func (f *File) permitted(h *Holder, want State) State {
	c := f.company(h)
	if c.write {
		return 0
	}
	if c.data {
		want &^= Write
	}
	if c.levelII || f.Deleted {
		want &^= Handle
	}
	if f.Locked && want&Write == 0 {
		return 0
	}
	return want
}

// company is what the other opens of a file are and have.
type company struct {
	data    bool // there is one that may touch data, or caches something
	write   bool // writes are cached
	handle  bool // handles are cached
	levelII bool // there is an oplock of level II
}

// company looks at all opens but those that share h's lease.
func (f *File) company(h *Holder) company {
	var c company
	for _, o := range f.holders {
		g := o.holding
		if g == nil || g.state == 0 {
			c.data = c.data || o.access&^quietForLeases != 0 && (g == nil || !h.has(g))
			continue
		}
		if h.has(g) {
			continue
		}
		c.data = true
		c.write = c.write || g.state&Write != 0
		c.handle = c.handle || g.state&Handle != 0
		c.levelII = c.levelII || !g.lease
	}
	return c
}
