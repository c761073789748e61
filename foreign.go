package smb

import (
	"context"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Telling changes that other programs make from the server's own, of which the backend
// tells as well.
//
// An event is settled a moment after it was heard, and not while a name is claimed:
// by then the operation of this server that may have caused it has been noted. Names
// may come and go faster than that, so an event of an object is traced through those of
// names that came after it, to what the object is called now. If it is gone, the event
// means nothing any more, unless the server moved it to another directory.
//
// Names: each name that the server makes or removes causes one event, which is noted
// and crossed off when it comes. What is left over is another's. A backend doesn't make
// one event of two of these, since a name is made and removed by turns.
//
// Content and attributes: what the server does to an object is counted (ownWork), and how
// the object looked when it was last settled is kept (stamp). If it looks different
// though the server did nothing meanwhile, it was another. If the server did something,
// too, the event is taken for its own and the new look is kept. That may hide a change
// by another, but only one within a moment of the server's own, and not for good:
// another program closes what it has written, and each WatchClosed that isn't the
// closing of a handle of this server counts as a change. What remains is a program that
// never closes the file, and never writes to it again but within a moment of a client's
// own write, or writes through a memory mapping.
//
// When events are lost, everything in the directory counts as changed.

const (
	// judgeDelay is how long an event rests. Each operation of the server notes
	// what it does as soon as the backend has done it.
	judgeDelay = 100 * time.Millisecond

	// ownChangeKept is how long it is kept what the server did to a name.
	ownChangeKept = 3 * time.Second

	// maxHeard is the most events of a directory that wait to be settled.
	maxHeard = 16384

	// maxRounds is how often an event is put off because its name keeps changing hands.
	maxRounds = 20
)

// ownWork counts what the server does to an object: in the low bits what is under way,
// above what is done.
type ownWork struct{ n atomic.Uint64 }

const (
	workDone    = 1 << 24
	workUnknown = workDone - 1 // no count is that
)

// state returns the count, and whether something is under way.
func (w *ownWork) state() (n uint64, busy bool) {
	n = w.n.Load()
	return n, n%workDone != 0
}

// work notes that the object of o is about to be changed through it, and end that this
// is over.
func (o *open) work() *ownWork {
	w := &o.file.object().work
	w.n.Add(1)
	return w
}

func (w *ownWork) end() { w.n.Add(workDone - 1) }
func (w *ownWork) did() { w.n.Add(workDone) }

// did notes that the object of o was changed.
func (o *open) did() { o.file.object().work.did() }

// stamp is how an object looks. The zero value is unknown.
type stamp struct{ size, written, changed int64 }

func stampOf(a vfs.Attr) stamp {
	return stamp{a.Size, a.Written.UnixNano(), a.Changed.UnixNano()}
}

// settled is how an object looked when it was last settled who changed it.
type settled struct {
	stamp stamp
	work  uint64
	fresh bool // a write at that moment may have left it looking the same
}

// clockTick is by how much a file system's time may be behind.
const clockTick = 20 * time.Millisecond

func settledAs(s stamp, work uint64) settled {
	return settled{s, work, time.Since(time.Unix(0, s.changed)) < clockTick}
}

// ownChange is what the server did to a name, and what will be heard of that.
type ownChange struct {
	came, went, closed int // events to come
	times              int // how often something was done to it
	last               time.Time
	moved              *file // what had the name, if it was moved to another directory
	stamp              stamp // after its last handle was closed, if nothing was done since
}

// heard is an event that isn't settled.
type heard struct {
	vfs.WatchEvent
	times int
	at    time.Time

	settled     bool
	rounds      int  // how often it was put off
	counted     bool // it was compared with the closings of the server
	unexplained bool // and there were fewer
}

// hear is called by the backend.
func (l *lookout) hear(e vfs.WatchEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	switch {
	case e.Op == vfs.WatchEnded:
		l.ended = true
	case e.Op == vfs.WatchLost, len(l.heard) >= maxHeard:
		l.lost = true
	case !l.again(e):
		now := time.Now()
		l.heard = append(l.heard, &heard{WatchEvent: e, times: 1, at: now})
		if l.oldest.IsZero() {
			l.oldest = now
		}
	}
	l.judgeSoon()
}

// again reports whether e is one of the latest events once more, of those that nobody has
// looked at yet. Writers take turns.
func (l *lookout) again(e vfs.WatchEvent) bool {
	for i := len(l.heard) - 1; i >= 0 && i >= len(l.heard)-8; i-- {
		h := l.heard[i]
		switch h.Op {
		case vfs.WatchAdded, vfs.WatchRemoved, vfs.WatchRenamed:
			return false
		}
		if h.WatchEvent == e && !h.counted {
			h.times++
			return true
		}
	}
	return false
}

// judgeSoon has judge called. The caller holds l.mu.
func (l *lookout) judgeSoon() {
	if l.timer == nil && !l.over {
		l.timer = time.AfterFunc(judgeDelay, l.judge)
	}
}

// noteChange notes a change by the server, of an entry of dir, that was made just now.
func (m *mount) noteChange(dir string, c notify.Change) {
	l := m.lookouts.find(dir)
	if l == nil {
		return
	}
	m.mu.Lock()
	base, stream := path.Base(c.Name), false
	f := m.paths[m.keyOf(c.Name)].file
	if f == nil { // else the colon is one of a POSIX client's
		base, _, stream = strings.Cut(base, ":")
		f = m.paths[m.keyOf(path.Join(dir, base))].file
	}
	m.mu.Unlock()
	if f != nil { // for operations that didn't count it
		f.work.did()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.ownChange(base)
	if own == nil || stream {
		return
	}
	switch {
	case c.Action == smb2.ActionFileAdded, c.Action == smb2.ActionFileRenamedNewName,
		c.Action == smb2.ActionFileModified && c.Filter == replacedFilter:
		own.came++
		own.stamp = stamp{}
	case c.Action == smb2.ActionFileRemoved, c.Action == smb2.ActionFileRenamedOldName:
		own.went++
		own.stamp = stamp{}
	}
}

// noteMove notes that f was moved to another directory; its name was from.
func (m *mount) noteMove(from string, f *file) {
	l := m.lookouts.find(path.Dir(from))
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if own := l.ownChange(path.Base(from)); own != nil {
		own.moved = f
	}
}

// ownChange returns the note for a name; nil if l is over. The caller holds l.mu.
func (l *lookout) ownChange(base string) *ownChange {
	if l.over {
		return nil
	}
	own := l.own[base]
	if own == nil {
		if l.own == nil {
			l.own = make(map[string]*ownChange)
			l.forgetter = time.AfterFunc(ownChangeKept, l.forgetOwn)
		}
		own = &ownChange{}
		l.own[base] = own
	}
	own.last = time.Now()
	own.times++
	return own
}

// forgetOwn drops what is old: so old that it was when the first event came that isn't
// settled, which may take a while if the backend is slow.
func (l *lookout) forgetOwn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.oldest
	if now.IsZero() {
		now = time.Now()
	}
	for name, own := range l.own {
		if now.Sub(own.last) >= ownChangeKept {
			delete(l.own, name)
		}
	}
	if len(l.own) == 0 {
		l.own, l.forgetter = nil, nil
		return
	}
	l.forgetter = time.AfterFunc(ownChangeKept, l.forgetOwn)
}

// noteClosing notes that a handle for writing is about to be closed, before anything
// was done through it.
func (m *mount) noteClosing(name string) {
	if l := m.lookouts.find(path.Dir(name)); l != nil {
		l.noteClosing(path.Base(name), true, stamp{})
	}
}

func (l *lookout) noteClosing(base string, writes bool, s stamp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own := l.ownChange(base); own != nil {
		if writes {
			own.closed++
		}
		own.stamp = s
	}
}

// noteClosing notes that o is about to be closed, and what was done through it.
func (o *open) noteClosing(ctx context.Context) {
	object := o.file.object()
	if o.m.lookouts.n.Load() == 0 || object.dir {
		return
	}
	name := o.path()
	l := o.m.lookouts.find(path.Dir(name))
	if l == nil {
		return
	}
	writes := o.action != smb2.ActionOpened || o.access&sharedWrite != 0
	n, _ := object.work.state()
	if n == 0 && !writes {
		return
	}
	var s stamp
	if n > 0 && o.file.base == nil {
		if a, err := o.f.Stat(ctx); err == nil {
			s = stampOf(completeAttr(a))
		}
	}
	l.noteClosing(path.Base(name), writes, s)
}

// noteLook notes how the object of an open that is guarded looks, unless that is known;
// work is what the server had done to it before it was looked at.
func (c *creation) noteLook(work uint64) {
	o := c.o
	o.mu.Lock()
	guarded := o.guarded != nil
	o.mu.Unlock()
	if !guarded || o.file.base != nil || o.file.dir {
		return
	}
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	if o.file.settled == (settled{}) {
		o.file.settled = settledAs(stampOf(c.attr), work)
	}
}
