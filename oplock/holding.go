package oplock

import "time"

// holding is the caching that an oplock or a lease stands for. An oplock counts
// as the lease of one open: level II is R, exclusive RW, batch RWH.
type holding struct {
	// Immutable.
	lease       bool
	client, key Key
	parent      Key
	hasParent   bool
	version     int
	timeout     time.Duration

	holders []*Holder // never empty while it is part of a File
	state   State
	level   Level  // of an oplock
	epoch   uint16 // of a lease, version 2; it counts changes of state

	// While breaking, which is while the client owes an answer. An answer may be
	// followed by another break at once; chain is what it had before the first.
	breaking bool
	chain    State
	to       State     // what the client was told it may keep
	need     State     // what the operations since then permit, part of to
	deadline time.Time // when the client is overruled

	// told is whether the end of a level II oplock was announced, which needs no
	// answer. A client that answers gets another error than one that does so
	// without being asked.
	told bool
}

// legal reduces s to a combination that exists: nothing is cached without R.
func legal(s State) State {
	if s&Read == 0 {
		return 0
	}
	return s & (Read | Handle | Write)
}

// settle ends a break, if there is one, with state s.
func (g *holding) settle(s State) {
	g.state = s
	g.breaking, g.chain, g.to, g.need = false, 0, 0, 0
	if g.lease {
		return
	}
	switch {
	case s == 0:
		g.level = None
	case s == Read:
		g.level = II
	}
}

// begin breaks g to a smaller state and returns what the client is to be told.
// A client that caches writes or handles has to answer. [MS-SMB2] 3.3.4.7
func (g *holding) begin(now time.Time, to State) Break {
	b := Break{Holder: g.holders[0], From: g.state, To: to, AckRequired: g.state&(Write|Handle) != 0}
	// The steps of a break that goes on have one epoch, as smbtorture's
	// smb2.lease.v2_breaking3 wants it.
	if g.lease && g.version >= 2 && !g.breaking {
		g.epoch++
	}
	g.describe(&b)
	if !b.AckRequired {
		g.settle(to)
		g.told = true
		return b
	}
	if !g.breaking {
		g.breaking, g.chain = true, g.state
		g.need = to
	}
	g.to, g.deadline = to, now.Add(g.timeout)
	return b
}

// describe fills in who is told, and of what.
func (g *holding) describe(b *Break) {
	for _, h := range g.holders {
		b.Owners = append(b.Owners, h.owner)
	}
	switch {
	case g.lease:
		b.Lease, b.Client, b.Key = true, g.client, g.key
		if g.version >= 2 {
			b.Epoch = g.epoch
		}
	case b.To == Read:
		b.Level = II
	}
}

// answered takes the client's answer to a break, and tells it to give up more if
// operations since then demand it: step by step, since a client may have relied
// on each. The break is over when ok.
func (g *holding) answered(now time.Time, s State) (more []Break, ok bool) {
	if s&^g.need == 0 {
		g.settle(s)
		return nil, true
	}
	g.state = s
	to := g.need
	if s&(Write|Handle) != 0 {
		to |= Read
	}
	more = append(more, g.begin(now, to))
	return more, !g.breaking
}
