package smb

import (
	"container/list"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// Handles that outlive their session: durable, resilient and persistent ones. When
// the session goes, such an open is parked until its client comes back for it, its
// time is up, or somebody wants the file whom it is in the way of.

// durability is what an open was promised. It doesn't change once its client knows.
type durability struct {
	granted    bool
	v2         bool
	persistent bool
	timeout    time.Duration
	guid       smb2.GUID // CreateGuid; zero for version 1
	client     smb2.GUID // ClientGuid of the CREATE
}

const (
	durableTimeout   = 60 * time.Second  // when the client doesn't ask for a time
	maxDurable       = 300 * time.Second // the most that it gets
	durableV1Timeout = 16 * time.Minute  // [MS-SMB2] 3.3.5.9.6, note 335
	resilientTimeout = 120 * time.Second // when the client doesn't ask for a time
	maxResilient     = 300 * time.Second
)

// handles knows the opens that can be found from outside their session.
type handles struct {
	mu       sync.Mutex
	closed   bool
	durable  map[uint64]*open       // by FileId.Persistent
	parked   map[uint64]*open       // those of them without a session
	byUser   map[userKey]*list.List // the same, the oldest first
	creates  map[createID]*replay
	closings sync.WaitGroup // parked opens that are being closed
}

// createID names a CREATE that a client may send again.
type createID struct{ client, create smb2.GUID }

// replay is a CREATE that may come again.
type replay struct {
	id createID
	o  *open // nil: it is still being worked on
}

func (h *handles) init() {
	h.durable = make(map[uint64]*open)
	h.parked = make(map[uint64]*open)
	h.byUser = make(map[userKey]*list.List)
	h.creates = make(map[createID]*replay)
}

func milliseconds(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

// keeps reports whether o outlives its session. [MS-SMB2] 3.3.7.1
func (o *open) keeps() bool {
	switch {
	case o.file == nil:
		return false
	case o.resilient.Load() > 0 || o.durability.persistent:
		return true
	case !o.durability.granted:
		return false
	}
	o.file.mu.Lock()
	defer o.file.mu.Unlock()
	return cachesHandle(o.holder.Granted())
}

// cachesHandle reports whether the client may keep the file open as long as it
// likes, which is what makes an open worth keeping.
func cachesHandle(g oplock.Granted) bool {
	return !g.Breaking && (g.Level == oplock.Batch || g.Level == oplock.Lease && g.State&oplock.Handle != 0)
}

// keepFor returns how long o is kept for its client.
func (o *open) keepFor() time.Duration {
	if d := time.Duration(o.resilient.Load()); d > 0 {
		return d
	}
	return o.durability.timeout
}

// park takes o, which isn't in the table of its session any more, from the session.
// It reports whether it did.
func (s *Server) park(o *open, why error) bool {
	o.cancelWaits(why)
	o.pins.Wait()
	o.endListing()
	h := &s.handles
	h.mu.Lock()
	if h.closed || !s.retain(o.m) {
		h.mu.Unlock()
		return false
	}
	o.at.Store(nil)
	o.deadline = time.Now().Add(o.keepFor())
	h.durable[o.id.Persistent] = o // a resilient one wasn't there
	oldest := h.put(o, s.limits.DisconnectedPerUser)
	h.mu.Unlock()
	if oldest != nil {
		s.log.Warn("smb: too many disconnected handles of a user, the oldest is closed", "user", o.caller.String(), "path", oldest.path())
		go func() {
			defer h.closings.Done()
			s.closeParked(oldest)
		}()
	}
	s.expelBroken(o)
	return true
}

// parkOrClose parks o, or else closes it.
func (s *Server) parkOrClose(o *open, why error) {
	if s.park(o, why) {
		return
	}
	if s.isClosed() {
		o.suspended()
	}
	s.closeAll([]*open{o}, why)
}

// expelBroken closes o if a break found no client while o was on its way to those that
// wait.
func (s *Server) expelBroken(o *open) {
	o.file.mu.Lock()
	breaking := o.holder.Granted().Breaking
	o.file.mu.Unlock()
	if breaking {
		s.giveWay(o)
	}
}

// giveWay is what a break leads to that finds no client to tell: a durable open is closed,
// and a resilient one stays, without what it cached. [MS-SMB2] 3.3.4.6, 3.3.4.7
func (s *Server) giveWay(o *open) {
	switch {
	case o.durability.persistent:
	case o.resilient.Load() > 0:
		h := &s.handles
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.parked[o.id.Persistent] != o {
			return // its client is back, and is told
		}
		f := o.file
		f.mu.Lock()
		defer f.mu.Unlock()
		if b, _ := f.caching.Unanswered(o.holder); slices.ContainsFunc(b.Owners, answers) {
			return
		}
		f.caching.Overrule(o.holder)
		f.wakeParked()
	default:
		go s.expel(o)
	}
}

// answers reports whether an owner of a lease may still answer the break of it.
func answers(owner any) bool {
	o := owner.(*open)
	return o.tree() != nil || o.durability.persistent
}

// put makes o one that waits for its client. It may take out one that has to give way;
// the caller closes it, and counts that off closings. The caller holds h.mu.
func (h *handles) put(o *open, most int) (oldest *open) {
	h.parked[o.id.Persistent] = o
	u := userOf(o.caller)
	l := h.byUser[u]
	if l == nil {
		l = list.New()
		h.byUser[u] = l
	}
	o.elem = l.PushBack(o)
	o.timer = time.AfterFunc(time.Until(o.deadline), func() { o.srv.expel(o) })
	if l.Len() > most {
		oldest = l.Front().Value.(*open)
		for e := l.Front(); e != nil; e = e.Next() { // of those that don't promise to stay, if there is one
			if x := e.Value.(*open); x != o && !x.durability.persistent {
				oldest = x
				break
			}
		}
		h.take(oldest)
		h.closings.Add(1)
	}
	return oldest
}

// take is the reverse of put; false: somebody else was first. The caller holds
// h.mu.
func (h *handles) take(o *open) bool {
	if h.parked[o.id.Persistent] != o {
		return false
	}
	delete(h.parked, o.id.Persistent)
	u := userOf(o.caller)
	l := h.byUser[u]
	l.Remove(o.elem)
	if l.Len() == 0 {
		delete(h.byUser, u)
	}
	o.elem = nil
	o.timer.Stop()
	o.timer = nil
	return true
}

// unpark is for a reconnect that failed after all.
func (s *Server) unpark(o *open) {
	h := &s.handles
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.put(o, unlimited)
	}
	h.mu.Unlock()
	if closed {
		s.closeParked(o)
		return
	}
	s.expelBroken(o)
}

// expel closes o if it still waits for its client.
func (s *Server) expel(o *open) {
	h := &s.handles
	h.mu.Lock()
	ok := !h.closed && h.take(o)
	if ok {
		h.closings.Add(1)
	}
	h.mu.Unlock()
	if ok {
		defer h.closings.Done()
		s.closeParked(o)
	}
}

func (s *Server) closeParked(o *open) {
	s.guard("close", func() { o.close() })
	o.m.release()
}

// expelAll closes all opens that wait, when the server is closed.
func (s *Server) expelAll() {
	h := &s.handles
	h.mu.Lock()
	h.closed = true
	var all []*open
	for _, o := range h.parked {
		all = append(all, o)
	}
	for _, o := range all {
		h.take(o)
	}
	h.mu.Unlock()
	h.closings.Wait()
	for _, o := range all {
		o.suspended()
		s.closeParked(o)
	}
}

// waiting returns the opens that wait for their client.
func (h *handles) waiting() []*open {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.parked))
}

// parkedBy returns the persistent open that waits for its client and was made with a
// CreateGuid. The caller holds h.mu.
func (h *handles) parkedBy(guid smb2.GUID) *open {
	for _, o := range h.parked {
		if o.durability.persistent && o.durability.guid == guid {
			return o
		}
	}
	return nil
}

// addDurable notes that o can be reconnected to.
func (h *handles) addDurable(o *open) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.durable[o.id.Persistent] = o
}

// forget takes o, which is being closed, out of all tables.
func (h *handles) forget(o *open) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.durable[o.id.Persistent] == o {
		delete(h.durable, o.id.Persistent)
	}
	h.dropReplay(o)
	o.forgotten = true
}

// reserve begins a CREATE that may come again. It returns the open that an earlier
// one made, if it is done. [MS-SMB2] 3.3.5.9, 3.3.5.9.10
func (h *handles) reserve(id createID) (fresh *replay, done *open, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.creates[id]; r != nil {
		if r.o == nil {
			return nil, nil, smb2.StatusFileNotAvailable
		}
		return nil, r.o, nil
	}
	fresh = &replay{id: id}
	h.creates[id] = fresh
	return fresh, nil, nil
}

// unreserve ends a CREATE that failed.
func (h *handles) unreserve(r *replay) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.creates, r.id)
}

// made ends a CREATE that made o: from now on it is answered when it comes again, unless
// o was closed at once, with its session.
func (h *handles) made(r *replay, o *open) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o.forgotten {
		delete(h.creates, r.id)
		return
	}
	r.o, o.replay = o, r
	o.replayable.Store(true)
}

// used notes that the client knows the answer to its CREATE.
func (h *handles) used(o *open) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropReplay(o)
}

// dropReplay: the caller holds h.mu.
func (h *handles) dropReplay(o *open) {
	if o.replayable.Swap(false) {
		delete(h.creates, o.replay.id)
	}
}
