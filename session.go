package smb

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/signing"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// session is what a client is between logon and logoff, [MS-SMB2] 3.3.1.8.
type session struct {
	// Immutable.
	srv  *Server
	made *negotiated // the connection it was set up on
	id   uint64
	born time.Time
	ctx  context.Context // ends with the session
	stop context.CancelCauseFunc

	// keys are set once, when the first logon succeeds; re-authentication
	// keeps them.
	keys  atomic.Pointer[sessionKeys]
	nonce atomic.Uint64 // of the last frame that was encrypted

	// identity is nil until a logon succeeded. Re-authentication swaps it.
	identity atomic.Pointer[identity]

	watching notify.Budget // bounds what its watches take
	tokens   tokens        // for offloaded copies

	aapl atomic.Uint64 // what it was granted of Apple's extensions, see hasAAPL

	mu        sync.RWMutex
	logon     *logon     // under way, between two SESSION_SETUPs
	settingUp bool       // a SESSION_SETUP is being worked on
	channels  []*channel // the oldest first
	trees     map[uint32]*tree
	lastTree  atomic.Pointer[tree] // that was looked for last, one of trees
	opens     map[uint64]*open     // by FileId.Volatile
	lastOpen  atomic.Pointer[open] // that was looked for last, one of opens
	reserved  int                  // opens on their way
	nextTree  uint32
	holder    holder // whom it counts for
	closed    bool
}

// sessionKeys is immutable. Guests and anonymous callers have none.
type sessionKeys struct {
	signer  *signing.Signer
	in, out *signing.Sealer // nil: the session can't encrypt
	app     []byte
}

// identity is who a session belongs to, as of one logon. It is immutable.
type identity struct {
	caller  *vfs.Caller
	token   *vfs.Token                  // of caller
	ctx     context.Context             // carries caller, ends with the session
	expires time.Time                   // zero: never
	recheck func(context.Context) error // nil: it stays as it is
	signing bool                        // requests must be signed
	encrypt bool                        // requests must be encrypted
	logon   string                      // gateName of who logged on, as the mechanism counts his failures; empty: nobody in particular
}

// complete returns caller with what a mechanism may have left to the server: a SID, and
// who he is on the machine.
func (s *Server) complete(ctx context.Context, caller *vfs.Caller) (*vfs.Caller, error) {
	caller, err := s.identify(ctx, caller)
	if err != nil {
		return nil, err
	}
	var u *vfs.UnixUser
	if s.UnixUser != nil {
		u, err = s.UnixUser(ctx, caller)
	}
	if u == nil && caller.Unix == nil {
		u = caller.UnixUser(vfs.UnixIdentities{})
	}
	if u == nil || err != nil {
		return caller, err
	}
	c := *caller
	c.Unix = u
	return &c, nil
}

// expired reports whether the logon's time is up, so that the client has to log on again.
func (id *identity) expired() bool { return !id.expires.IsZero() && time.Now().After(id.expires) }

// sessionsOfStranger is how many sessions are set up at a time on a connection that has had
// none, once there are many in all: what nobody answers for is to leave room for others. A
// client that comes back may have many users, who log on together.
const sessionsOfStranger = 8

// hasMuch reports whether so many are being set up on c.
func (c *conn) hasMuch() bool {
	if c.authed.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.channels) >= sessionsOfStranger
}

// holder returns whom a session that is begun on c counts for.
func (c *conn) holder() holder {
	if u := c.user.Load(); u != nil {
		return holder{user: *u}
	}
	return holder{ip: c.ip}
}

// countFor has the session count for h, if he may have another one. The caller holds se.mu.
func (se *session) countFor(h holder) bool {
	if se.holder == h {
		return true
	}
	if !se.srv.sessionCount.move(se.holder, h) {
		return false
	}
	se.holder = h
	return true
}

// newSession makes a session that has no identity yet.
func (c *conn) newSession() (*channel, error) {
	s := c.srv
	se := &session{
		srv:    s,
		made:   &c.params,
		born:   time.Now(),
		trees:  make(map[uint32]*tree),
		opens:  make(map[uint64]*open),
		holder: c.holder(),
	}
	se.watching.Watches, se.watching.Bytes = int64(s.limits.WatchesPerSession), int64(s.limits.NotifyMemory/16)
	se.watching.Parent = &s.watching
	// It may outlive the connection.
	se.ctx, se.stop = context.WithCancelCause(context.WithoutCancel(c.ctx))
	stranger := c.hasMuch()
	if !s.sessionCount.add(se.holder) {
		return nil, smb2.StatusInsufficientResources
	}
	s.mu.Lock()
	if stranger && len(s.sessions) >= s.limits.Sessions/2 {
		s.mu.Unlock()
		s.sessionCount.remove(se.holder)
		return nil, smb2.StatusInsufficientResources
	}
	// Ids can't be guessed; 0 and -1 stand for none.
	for se.id == 0 || se.id == ^uint64(0) || s.sessions[se.id] != nil {
		var b [8]byte
		rand.Read(b[:])
		se.id = binary.LittleEndian.Uint64(b[:])
	}
	s.sessions[se.id] = se
	s.mu.Unlock()

	x, err := se.addChannel(c, nil)
	if err != nil {
		se.close(smb2.StatusUserSessionDeleted)
	}
	return x, err
}

// context returns the context of the session's requests.
func (se *session) context() context.Context {
	if id := se.identity.Load(); id != nil {
		return id.ctx
	}
	return se.ctx
}

func (se *session) signingRequired() bool {
	id := se.identity.Load()
	return id != nil && id.signing
}

// close ends the session: its opens are closed, but for those that its client may
// come back for, and requests that wait end with why. It may be called more than once.
func (se *session) close(why Status) {
	if r := se.detach(); r != nil {
		r.close(why, true)
	}
}

// abandon ends a session that nobody has logged on to, unless somebody is about to.
func (se *session) abandon() {
	se.mu.Lock()
	idle := !se.settingUp && se.identity.Load() == nil
	if idle {
		se.settingUp = true // nobody begins any more
	}
	se.mu.Unlock()
	if idle {
		se.close(smb2.StatusUserSessionDeleted)
	}
}

// closingWait is how long a client that logs on again waits for its old session's files
// to be closed, which it is about to open again.
const closingWait = 2 * time.Second

// closeSoon is close, but leaves it going on if it takes long: a request may be stuck in
// a backend.
func (se *session) closeSoon(why Status) {
	if !se.srv.beginEnding() {
		return // the server closes all
	}
	r := se.detach()
	done := make(chan struct{})
	go func() {
		defer se.srv.wg.Done()
		defer close(done)
		if r != nil {
			r.close(why, true)
		}
	}()
	late := time.NewTimer(closingWait)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

// remains is what a session had when it ended.
type remains struct {
	se       *session
	opens    map[uint64]*open
	trees    map[uint32]*tree
	channels []*channel
}

// detach ends the session, so that nobody finds it any more; nil: it ended before.
// The caller closes what remains.
func (se *session) detach() *remains {
	se.mu.Lock()
	if se.closed {
		se.mu.Unlock()
		return nil
	}
	se.closed = true
	r := &remains{se, se.opens, se.trees, se.channels}
	h := se.holder
	se.opens, se.trees, se.channels = nil, nil, nil
	se.lastTree.Store(nil)
	se.lastOpen.Store(nil)
	se.mu.Unlock()

	se.srv.mu.Lock()
	delete(se.srv.sessions, se.id)
	se.srv.mu.Unlock()
	se.srv.sessionCount.remove(h)
	for _, x := range r.channels {
		x.forget()
	}
	return r
}

// close closes what remains of a session. With keep, opens that outlive it stay.
func (r *remains) close(why Status, keep bool) {
	srv := r.se.srv
	r.se.stop(why)
	var kept []func()
	list := make([]*open, 0, len(r.opens))
	for _, o := range r.opens {
		closed := srv.isClosed()
		if keep && !closed && o.keeps() {
			kept = append(kept, func() { srv.parkOrClose(o, why) })
			continue
		}
		if closed {
			o.suspended()
		}
		list = append(list, o)
	}
	srv.closeAll(list, why, kept...)
	for _, x := range r.channels { // those that wait for no open
		x.c.cancelSession(r.se.id, why)
	}
	for _, t := range r.trees {
		t.release()
	}
}

func (se *session) isClosed() bool {
	se.mu.RLock()
	defer se.mu.RUnlock()
	return se.closed
}

// tree returns the tree connect called id.
func (se *session) tree(id uint32) *tree {
	if t := se.lastTree.Load(); t != nil && t.id == id {
		return t
	}
	se.mu.RLock()
	defer se.mu.RUnlock()
	t := se.trees[id]
	se.lastTree.Store(t)
	return t
}

// addTree gives t an id.
func (se *session) addTree(t *tree) error {
	se.mu.Lock()
	defer se.mu.Unlock()
	if se.closed {
		return smb2.StatusUserSessionDeleted
	}
	if len(se.trees) >= se.srv.limits.TreesPerSession {
		return smb2.StatusInsufficientResources
	}
	for t.id == 0 || t.id == ^uint32(0) || se.trees[t.id] != nil {
		se.nextTree++
		t.id = se.nextTree
	}
	se.trees[t.id] = t
	return nil
}

// reserveOpen makes sure that there will be room for one more open, before
// anything is done for it. Either addOpen or unreserveOpen follows.
func (se *session) reserveOpen() error {
	se.mu.Lock()
	defer se.mu.Unlock()
	if len(se.opens)+se.reserved >= se.srv.limits.OpensPerSession || !se.srv.opens.add(se.user()) {
		return smb2.StatusTooManyOpenedFiles
	}
	se.reserved++
	return nil
}

func (se *session) unreserveOpen() {
	se.mu.Lock()
	defer se.mu.Unlock()
	se.reserved--
	se.srv.opens.remove(se.user())
}

// user returns whose the session is. There has to have been a logon.
func (se *session) user() userKey { return userOf(se.identity.Load().caller) }

// addOpen uses up what was reserved for o.
func (se *session) addOpen(o *open) error { return se.attach(o, o.tree()) }

// attach makes o one of t's opens, which was reserved.
func (se *session) attach(o *open, t *tree) error {
	se.mu.Lock()
	defer se.mu.Unlock()
	switch {
	case se.closed:
		return smb2.StatusUserSessionDeleted
	case se.trees[t.id] != t:
		return smb2.StatusNetworkNameDeleted
	case se.opens[o.id.Volatile] != nil:
		return smb2.StatusInsufficientResources // 64 random bits came twice
	}
	se.reserved--
	se.opens[o.id.Volatile] = o
	se.srv.counted.opens.Add(1)
	o.at.Store(t)
	return nil
}

// reserveReconnect is reserveOpen for an open that is there already. Either attach
// or cancelReconnect follows.
func (se *session) reserveReconnect() error {
	se.mu.Lock()
	defer se.mu.Unlock()
	if len(se.opens)+se.reserved >= se.srv.limits.OpensPerSession {
		return smb2.StatusTooManyOpenedFiles
	}
	se.reserved++
	return nil
}

func (se *session) cancelReconnect() {
	se.mu.Lock()
	defer se.mu.Unlock()
	se.reserved--
}

// newFileID returns an id for a new open. Nobody guesses it.
func (s *Server) newFileID() smb2.FileID {
	id := smb2.FileID{Persistent: s.nextFile.Add(1)}
	for id.Volatile == 0 || id.Volatile == ^uint64(0) {
		var b [8]byte
		rand.Read(b[:])
		id.Volatile = binary.LittleEndian.Uint64(b[:])
	}
	return id
}

// pin returns the open called fid if it belongs to t, and keeps it open until
// unpin.
func (se *session) pin(fid smb2.FileID, t *tree) *open {
	se.mu.RLock()
	defer se.mu.RUnlock()
	o := se.lastOpen.Load()
	if o == nil || o.id != fid {
		o = se.opens[fid.Volatile]
		if o == nil || o.id != fid {
			return nil
		}
		se.lastOpen.Store(o)
	}
	if t != nil && o.tree() != t {
		return nil
	}
	o.pins.Add(1)
	return o
}

// takeOpen removes o, so that nobody finds it any more; false: somebody else
// did.
func (se *session) takeOpen(o *open) bool {
	se.mu.Lock()
	defer se.mu.Unlock()
	if se.opens[o.id.Volatile] != o {
		return false
	}
	delete(se.opens, o.id.Volatile)
	se.lastOpen.Store(nil)
	return true
}

// takeTree removes t with its opens.
func (se *session) takeTree(t *tree) (opens []*open, ok bool) {
	se.mu.Lock()
	defer se.mu.Unlock()
	if se.trees[t.id] != t {
		return nil, false
	}
	delete(se.trees, t.id)
	se.lastTree.Store(nil)
	se.lastOpen.Store(nil)
	for id, o := range se.opens {
		if o.tree() == t {
			opens = append(opens, o)
			delete(se.opens, id)
		}
	}
	return opens, true
}

func (se *session) allOpens() []*open {
	se.mu.RLock()
	defer se.mu.RUnlock()
	return slices.Collect(maps.Values(se.opens))
}

func (se *session) allTrees() []*tree {
	se.mu.RLock()
	defer se.mu.RUnlock()
	return slices.Collect(maps.Values(se.trees))
}

// info describes the session; false: it isn't set up yet.
func (se *session) info() (SessionInfo, bool) {
	id := se.identity.Load()
	if id == nil {
		return SessionInfo{}, false
	}
	info := SessionInfo{
		ID:        se.id,
		Caller:    id.caller,
		Dialect:   se.made.dialect,
		Signed:    id.signing,
		Encrypted: id.encrypt,
		Started:   se.born,
	}
	for _, c := range se.conns() {
		c.mu.Lock()
		if c.used.After(info.Used) {
			info.Used = c.used
		}
		c.mu.Unlock()
		if info.Channels++; info.Channels == 1 {
			info.Peer = c.nc.RemoteAddr()
		}
	}
	se.mu.RLock()
	defer se.mu.RUnlock()
	info.Opens = len(se.opens)
	for _, t := range se.trees {
		info.Shares = append(info.Shares, t.name)
	}
	return info, true
}
