package oplock

import "time"

// AckOplock takes the client's answer to the break of h's oplock. What it has
// then is returned, with an error as well. The caller replies first and sends the
// breaks that may follow afterwards. [MS-SMB2] 3.3.5.22.1, [MS-FSA] 2.1.5.19
func (f *File) AckOplock(now time.Time, h *Holder, level Level) (Granted, []Break, error) {
	if h == nil || h.file != f || h.holding == nil || h.holding.lease {
		return h.Granted(), nil, ErrNotBreaking
	}
	g := h.holding
	if !g.breaking {
		if g.told {
			g.told = false
			return h.Granted(), nil, ErrLevel
		}
		return h.Granted(), nil, ErrNotBreaking
	}
	var s State
	var err error
	switch {
	case level == Lease:
		err = ErrLeaseLevel
	case level == II:
		s = g.to & Read
	case level == Exclusive && g.level == Batch, level == None:
		// A batch oplock doesn't become an exclusive one.
	default:
		err = ErrLevel
	}
	if err != nil {
		g.settle(0)
		f.wake()
		return h.Granted(), nil, err
	}
	reply := Granted{}
	if s == Read {
		reply.Level = II
	}
	more, over := g.answered(now, s)
	if over {
		f.wake()
	}
	return reply, more, nil
}

// AckLease takes the client's answer to the break of a lease on f, which
// [Table.Find] found. It returns what the lease is according to the answer. The
// caller replies first and sends the breaks that may follow afterwards.
// [MS-SMB2] 3.3.5.22.2, [MS-FSA] 2.1.5.19
func (f *File) AckLease(now time.Time, client, key Key, s State) (Granted, []Break, error) {
	var g *holding
	for _, o := range f.holdings {
		if o.lease && o.client == client && o.key == key {
			g = o
		}
	}
	switch {
	case g == nil:
		return Granted{}, nil, ErrNoLease
	case !g.breaking:
		return g.holders[0].Granted(), nil, ErrNotBreaking
	case s&^g.to != 0:
		return g.holders[0].Granted(), nil, ErrNotSubset
	}
	s = legal(s)
	reply := g.holders[0].Granted()
	reply.State, reply.Breaking = s, false
	more, over := g.answered(now, s)
	if over {
		f.wake()
	}
	return reply, more, nil
}
