package smb

import (
	"context"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/vfs"
)

// What other programs change in directories whose listing or files clients cache, or
// that they watch: how it comes to be known. What is made of it is in foreign.go.

// lookouts are the directories of a mount that the backend watches for the server.
type lookouts struct {
	watcher vfs.Watcher // nil: the backend can't
	warned  atomic.Bool // it was logged that it declined
	n       atomic.Int32

	mu    sync.Mutex
	dirs  map[string]*lookout // by path
	timer *time.Timer         // of sweepLookouts; nil while none is idle
	over  bool                // the mount isn't in use

	searched time.Time // when all were last looked through for idle ones, there being no room
}

const (
	// maxLookouts is the most directories of a mount that are watched at once.
	maxLookouts = 16384

	// lookoutLinger is how long a directory is watched that nobody needs to have
	// watched: whoever opens and closes files opens the next one soon.
	lookoutLinger = 5 * time.Second
)

// lookout is one directory.
type lookout struct {
	m   *mount
	dir string
	ctx context.Context // of whoever came first

	// Guarded by lookouts.mu.
	refs int
	idle time.Time // when refs became zero

	ready chan struct{} // closed when the backend watches or has declined

	id      atomic.Uint64 // of the directory that is watched, zero if the backend has no ids
	missing atomic.Bool   // there was none to watch

	judging sync.Mutex // held while it is settled what the events mean, also while the backend is asked
	stop    func()     // nil if the backend declined; guarded by judging once ready is closed

	mu    sync.Mutex
	over  bool
	timer *time.Timer // of judge; nil unless there is something to settle
	heard []*heard    // in the order of their arrival
	lost  bool        // there was more than that
	ended bool        // the directory is not where it was

	oldest    time.Time // when the first of the events came that aren't settled; zero: there are none
	own       map[string]*ownChange
	forgetter *time.Timer // of forgetOwn; nil while there is nothing to forget

	renewed time.Time   // when it was last looked whether this is the directory
	renewal *time.Timer // of renewLater; nil while nobody waits for it
}

// lookOut has dir watched until release is called as often as lookOut. It is for all who
// cache or watch something there, so the server does it, and looks at what changed, on
// nobody's behalf. When it returns the backend watches or has declined: what is read from now
// on won't change unnoticed. It returns nil if the backend never watches. What is cached
// of fresh, if that isn't nil, is read from now on.
func (m *mount) lookOut(dir string, fresh *file) *lookout {
	t := &m.lookouts
	if t.watcher == nil {
		return nil
	}
	t.mu.Lock()
	if l := t.dirs[dir]; l != nil {
		l.refs++
		t.mu.Unlock()
		<-l.ready
		l.renew(fresh)
		return l
	}
	var old []*lookout
	if len(t.dirs) >= maxLookouts && time.Since(t.searched) >= renewPause {
		old, t.searched = t.takeIdle(0), time.Now()
	}
	full := len(t.dirs) >= maxLookouts
	l := &lookout{m: m, dir: dir, ctx: vfs.WithCaller(context.Background(), vfs.SystemCaller()), refs: 1, ready: make(chan struct{})}
	if !full {
		t.dirs[dir] = l
		t.n.Add(1)
	}
	t.mu.Unlock()
	for _, l := range old {
		l.end()
	}
	if full {
		m.lookoutDeclined(dir, "too many directories")
	} else {
		l.judging.Lock()
		l.begin()
		l.judging.Unlock()
	}
	close(l.ready)
	return l
}

// begin asks the backend. The caller holds l.judging, or is the only one to know l.
func (l *lookout) begin() {
	// If another takes its place meanwhile it is the wrong id, which renew notices.
	if attr, err := l.m.exists(l.ctx, l.dir); err == nil {
		l.id.Store(attr.ID)
	}
	stop, err := l.m.lookouts.watcher.Watch(l.ctx, l.dir, l.hear)
	l.missing.Store(isMissing(err))
	if err == nil {
		l.stop = stop
	} else if !isMissing(err) {
		l.m.lookoutDeclined(l.dir, err)
	}
}

// renewPause is how often it is looked whether a directory is still the one that is
// watched: what would cost too much with each handle.
const renewPause = 100 * time.Millisecond

// renew has what is called l.dir now watched, if that is another directory than before,
// or was away: at once, or in a moment if that was looked at just now. The backend may not
// have told: Linux doesn't of one that is removed while a client has it open. What is
// cached of fresh is read from now on.
func (l *lookout) renew(fresh *file) {
	l.mu.Lock()
	now := time.Now()
	due := now.Sub(l.renewed) >= renewPause
	switch {
	case due:
		l.renewed = now
	case l.renewal == nil && !l.over:
		l.renewal = time.AfterFunc(renewPause, l.renewLater)
	}
	l.mu.Unlock()
	if due {
		l.lookAgain(fresh)
	}
}

// renewLater is renew for those who came too soon after the last.
func (l *lookout) renewLater() {
	l.mu.Lock()
	over := l.over
	l.renewal, l.renewed = nil, time.Now()
	l.mu.Unlock()
	if !over {
		l.lookAgain(nil)
	}
}

// lookAgain does what renew says.
func (l *lookout) lookAgain(fresh *file) {
	attr, err := l.m.exists(l.ctx, l.dir)
	if err != nil || attr.ID == l.id.Load() && !l.missing.Load() {
		return
	}
	l.judging.Lock()
	defer l.judging.Unlock()
	if attr.ID != l.id.Load() || l.missing.Load() { // else somebody was first
		l.restart(fresh)
	}
}

// restart begins the watch anew. What happened before is unknown. The caller holds
// l.judging.
func (l *lookout) restart(fresh *file) {
	l.mu.Lock()
	over := l.over
	l.mu.Unlock()
	if over {
		return
	}
	l.halt()
	l.begin()
	l.everything(fresh)
}

// lookoutDeclined logs once that changes by others may remain unnoticed.
func (m *mount) lookoutDeclined(dir string, why any) {
	if m.lookouts.warned.CompareAndSwap(false, true) {
		m.srv.log.Warn("smb: can't watch a directory; clients may cache what other programs change", "path", dir, "err", why)
	}
}

// release undoes lookOut.
func (l *lookout) release() {
	if l == nil {
		return
	}
	t := &l.m.lookouts
	var old []*lookout
	t.mu.Lock()
	if l.refs--; l.refs == 0 {
		l.idle = time.Now()
		if t.over {
			old = t.takeIdle(0)
		} else if t.timer == nil {
			t.timer = time.AfterFunc(lookoutLinger, l.m.sweepLookouts)
		}
	}
	t.mu.Unlock()
	for _, l := range old {
		l.end()
	}
}

// takeIdle takes out those that nobody has needed for so long. The caller holds t.mu,
// and ends them when it has given that up.
func (t *lookouts) takeIdle(since time.Duration) (list []*lookout) {
	now := time.Now()
	for dir, l := range t.dirs {
		if l.refs == 0 && now.Sub(l.idle) >= since {
			delete(t.dirs, dir)
			t.n.Add(-1)
			list = append(list, l)
		}
	}
	return list
}

// sweepLookouts ends those that nobody has needed for a while.
func (m *mount) sweepLookouts() {
	t := &m.lookouts
	t.mu.Lock()
	old := t.takeIdle(lookoutLinger)
	t.timer = nil
	for _, l := range t.dirs {
		if l.refs == 0 && !t.over {
			t.timer = time.AfterFunc(lookoutLinger, m.sweepLookouts)
			break
		}
	}
	t.mu.Unlock()
	for _, l := range old {
		l.end()
	}
}

// endLookouts ends all, since nobody uses the mount any more.
func (m *mount) endLookouts() {
	t := &m.lookouts
	t.mu.Lock()
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	var all []*lookout
	for _, l := range t.dirs {
		all = append(all, l)
	}
	clear(t.dirs)
	t.n.Store(0)
	t.over = true
	t.mu.Unlock()
	for _, l := range all {
		l.end()
	}
}

// resume lets a mount that was given up watch again.
func (t *lookouts) resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = false
}

// end stops the watch. When it returns nothing of it is at work.
func (l *lookout) end() {
	<-l.ready
	l.mu.Lock()
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.forgetter != nil {
		l.forgetter.Stop()
		l.forgetter = nil
	}
	if l.renewal != nil {
		l.renewal.Stop()
		l.renewal = nil
	}
	l.heard, l.own = nil, nil
	l.mu.Unlock()
	l.judging.Lock()
	defer l.judging.Unlock()
	l.halt()
}

// halt has the backend stop. The caller holds l.judging.
func (l *lookout) halt() {
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// find returns who looks at dir, nil if nobody does.
func (t *lookouts) find(dir string) *lookout {
	if t.n.Load() == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dirs[dir]
}

// lookAt returns the directory of which o's client caches something.
func (o *open) lookAt() string {
	name := o.path()
	if !o.file.object().dir {
		return path.Dir(name)
	}
	return name
}

// guard has the directory watched that o's client caches something of: its listing, or
// the file in it. A lease that is worth nothing now may become more through another open.
func (o *open) guard() {
	if o.m.lookouts.watcher == nil || o.granted.Level == oplock.None {
		return
	}
	l := o.m.lookOut(o.lookAt(), o.file)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.guarded = l
}

// listen has the directory watched that o is, for those who ask for changes of it.
func (o *open) listen() {
	o.mu.Lock()
	need := o.m.lookouts.watcher != nil && o.listens == nil
	o.mu.Unlock()
	if !need {
		return
	}
	dir := o.lookAt()
	l := o.m.lookOut(dir, nil)
	o.mu.Lock()
	if o.listens == nil {
		o.listens, l = l, nil
	}
	o.mu.Unlock()
	l.release()
	if o.lookAt() != dir { // a rename meanwhile found nothing to follow
		o.follow()
	}
}

// unguard ends what guard and a CHANGE_NOTIFY began.
func (o *open) unguard() {
	o.mu.Lock()
	guarded, listens := o.guarded, o.listens
	o.guarded, o.listens = nil, nil
	o.mu.Unlock()
	guarded.release()
	listens.release()
}

// follow has the directories watched that f's opens are about after a rename.
func (f *file) follow() {
	if f.m.lookouts.n.Load() == 0 {
		return
	}
	f.mu.Lock()
	opens := slices.Clone(f.opens)
	f.mu.Unlock()
	for _, o := range opens {
		o.follow()
	}
}

// follow has the directory watched that o is in, or is, after a rename.
func (o *open) follow() {
	for _, p := range []**lookout{&o.guarded, &o.listens} {
		o.mu.Lock()
		any := *p != nil
		o.mu.Unlock()
		if !any {
			continue
		}
		l := o.m.lookOut(o.lookAt(), nil)
		o.mu.Lock()
		if *p != nil { // else it was closed meanwhile
			l, *p = *p, l
		}
		o.mu.Unlock()
		l.release()
	}
}
