package oplock

import "time"

// Check says what an operation by h means to others, before it takes effect. The
// caller sends the breaks once it has given up its locks. If wait isn't nil the
// operation may not go on: the caller waits until wait is closed and then checks
// again, or gives up and needs to tell nobody. [MS-FSA] 2.1.4.12
func (f *File) Check(now time.Time, h *Holder, op Op) (breaks []Break, wait <-chan struct{}) {
	c := check{f: f, now: now}
	for _, g := range f.holdings {
		if op.spares(h, g) {
			continue
		}
		c.take(g, op.losses(g), op.waits())
	}
	return c.result()
}

// CheckOpen says what the open h means to others, before it takes effect.
// Overwrite is whether the data goes (SUPERSEDE, OVERWRITE, OVERWRITE_IF).
// Conflict is whether share modes forbid the open as things are; those who only
// cache their handles are then asked to close them. The results are as those of
// [File.Check]; a conflict without anything to wait for is final.
// [MS-FSA] 2.1.5.1.2
func (f *File) CheckOpen(now time.Time, h *Holder, overwrite, conflict bool) (breaks []Break, wait <-chan struct{}) {
	c := check{f: f, now: now}
	for _, g := range f.holdings {
		if h.has(g) || h.quiet(g) && !overwrite {
			continue
		}
		loss, waits := Write, Write
		if overwrite {
			loss = Read | Write
		}
		if conflict {
			// It isn't the time yet to take more than handles. But a batch
			// oplock ends as if the open went through.
			waits = Handle
			if g.lease || g.state&Handle == 0 {
				loss = Handle
			}
		}
		c.take(g, loss, waits)
	}
	return c.result()
}

// check is the walk of an operation through those who cache.
type check struct {
	f      *File
	now    time.Time
	breaks []Break
	waits  bool
}

// take breaks what g caches if it is among loss. The operation has to wait if g's
// client caches what is in waits.
func (c *check) take(g *holding, loss, waits State) {
	if g.state&loss == 0 && !g.breaking {
		return
	}
	if !g.lease && g.state&Write != 0 && loss&^Handle != 0 {
		loss |= Write | Handle // an oplock keeps level II at most
	}
	if g.breaking {
		g.need = legal(g.need &^ loss)
		c.waits = c.waits || g.chain&waits&loss != 0
		return
	}
	b := g.begin(c.now, legal(g.state&^loss))
	c.breaks = append(c.breaks, b)
	c.waits = c.waits || b.AckRequired && b.From&waits != 0
}

func (c *check) result() ([]Break, <-chan struct{}) {
	if !c.waits {
		return c.breaks, nil
	}
	return c.breaks, c.f.wait()
}

// spares reports whether op by h doesn't concern g.
func (op Op) spares(h *Holder, g *holding) bool {
	if op == OpChangeEntry {
		return h.hasParent(g)
	}
	if !h.has(g) {
		return false
	}
	// Who changes data breaks level II oplocks, its own as well.
	return g.lease || g.state != Read || op.losses(g)&Read == 0
}

// losses returns what g can't cache any more after op. [MS-FSA] 2.1.4.12
func (op Op) losses(g *holding) State {
	switch op {
	case OpRead:
		return Write
	case OpWrite, OpSetSize, OpLock, OpChangeEntry:
		return Read | Write
	case OpRename, OpReplace, OpRenameParent:
		if !g.lease && g.level == Batch {
			return Read | Write | Handle
		}
		return Handle
	case OpDelete, OpSetSecurity:
		if !g.lease {
			return 0
		}
		return Handle
	}
	return 0
}

// waits returns the caching whose end op has to wait for.
func (op Op) waits() State {
	switch op {
	case OpRead, OpWrite, OpSetSize, OpLock, OpChangeEntry:
		return Write
	}
	return Handle
}
