package smb

import (
	"path"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// foreignFilter is what a change of attributes by another program may be watched as.
const foreignFilter = smb2.FileNotifyChangeAttributes | smb2.FileNotifyChangeLastWrite | smb2.FileNotifyChangeLastAccess |
	smb2.FileNotifyChangeCreation | smb2.FileNotifyChangeSecurity | smb2.FileNotifyChangeEa

// verdict is what came out of what a lookout heard.
type verdict struct {
	l       *lookout
	files   []*file         // what their clients cache of them is out of date
	changes []notify.Change // of entries of the directory
	names   bool            // some of them of names
}

// judge settles what was heard, and tells clients what others did.
func (l *lookout) judge() {
	l.judging.Lock()
	defer l.judging.Unlock()
	l.mu.Lock()
	events, lost, ended := l.heard, l.lost, l.ended
	l.heard, l.lost, l.ended = nil, false, false
	over := l.over
	l.mu.Unlock()
	if over {
		return
	}
	v := &verdict{l: l}
	switch {
	case ended:
		// What has the name now, if anything, is watched instead.
		l.restart(nil)
		events = nil
	case lost:
		l.everything(nil)
		events = nil
	}
	now := trace(events)
	for _, h := range events {
		if h.ofName() && !h.settled {
			h.settled = v.name(h)
		}
	}
	// What the server did to names is crossed off before it is asked for.
	for i, h := range events {
		if !h.ofName() {
			h.settled = v.object(h, now[i])
		}
	}
	v.tell()
	l.putOff(unsettled(events))
}

// unsettled returns those of events that aren't settled, and those by which they are
// to be traced.
func unsettled(events []*heard) (list []*heard) {
	traced := false
	for _, h := range events {
		if !h.settled || traced && h.ofName() {
			list = append(list, h)
		}
		traced = traced || !h.settled && !h.ofName()
	}
	return list
}

// putOff ends what judge does with events that are to be looked at again.
func (l *lookout) putOff(events []*heard) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.heard = append(events, l.heard...)
	l.timer, l.oldest = nil, time.Time{}
	if len(l.heard) > 0 {
		l.oldest = l.heard[0].at
	}
	if len(l.heard) > 0 || l.lost || l.ended {
		l.judgeSoon()
	}
}

// ofName reports whether h is of a name, and not of the object that has it.
func (h *heard) ofName() bool {
	return h.Op == vfs.WatchAdded || h.Op == vfs.WatchRemoved || h.Op == vfs.WatchRenamed
}

// place is what an object is called after all events.
type place struct {
	name string
	gone bool // then it was called that at last
}

// trace returns for each event of an object where that is after all of them.
func trace(events []*heard) []place {
	now := make([]place, len(events))
	moved := make(map[string]place) // from the name at the event that is looked at
	for i, h := range slices.Backward(events) {
		to, known := moved[h.Name]
		if !known {
			to.name = h.Name
		}
		switch h.Op {
		case vfs.WatchAdded, vfs.WatchRemoved:
			moved[h.Name] = place{h.Name, true}
		case vfs.WatchRenamed:
			moved[h.OldName], moved[h.Name] = to, place{h.Name, true}
		default:
			now[i] = to
		}
	}
	return now
}

// name settles who changed a name. It reports whether that can be told now.
func (v *verdict) name(h *heard) bool {
	l := v.l
	switch { // names that clients don't see
	case h.Op == vfs.WatchRenamed && !l.m.shows(h.Name):
		h.WatchEvent = vfs.WatchEvent{Op: vfs.WatchRemoved, Name: h.OldName, Directory: h.Directory}
	case h.Op == vfs.WatchRenamed && !l.m.shows(h.OldName):
		h.WatchEvent = vfs.WatchEvent{Op: vfs.WatchAdded, Name: h.Name, Directory: h.Directory}
	}
	if !l.m.shows(h.Name) {
		return true
	}
	if l.claims(h.Name) || h.OldName != "" && l.claims(h.OldName) {
		return false
	}
	name := path.Join(l.dir, h.Name)
	switch h.Op {
	case vfs.WatchAdded:
		if !l.expected(h, h.Name, true) {
			v.named(added(name, h.Directory))
		}
	case vfs.WatchRemoved:
		if !l.expected(h, h.Name, false) {
			v.named(removed(name, h.Directory))
		}
	case vfs.WatchRenamed:
		from, to := l.expected(h, h.OldName, false), l.expected(h, h.Name, true)
		if from && to {
			break
		}
		old := removed(path.Join(l.dir, h.OldName), h.Directory)
		now := added(name, h.Directory)
		old.Action, now.Action = smb2.ActionFileRenamedOldName, smb2.ActionFileRenamedNewName
		v.named(old)
		v.named(now)
	}
	return true
}

// claims reports whether an operation is at work on an entry.
func (l *lookout) claims(base string) bool {
	return l.m.claimedBelow(foldPath(path.Join(l.dir, base)))
}

// expected reports whether the server made or removed the name and h is the event of
// that.
func (l *lookout) expected(h *heard, base string, came bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.ownBefore(h, base)
	if own == nil {
		return false
	}
	n := &own.went
	if came {
		n = &own.came
	}
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// ownBefore returns what the server did to a name that h may be about, nil for nothing.
// Events that never come aren't waited for for ever. The caller holds l.mu.
func (l *lookout) ownBefore(h *heard, base string) *ownChange {
	if own := l.own[base]; own != nil && h.at.Sub(own.last) <= ownChangeKept {
		return own
	}
	return nil
}

// named notes that others made or removed a name: what has it open knows another object
// by it.
func (v *verdict) named(c notify.Change) {
	v.names = true
	v.changes = append(v.changes, c)
	m := v.l.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.paths[m.keyOf(c.Name)].file; f != nil {
		v.files = append(append(v.files, f), f.streamList()...)
	}
}

// object settles who changed content or attributes of what is at p now. It reports
// whether that can be told now.
func (v *verdict) object(h *heard, p place) bool {
	l := v.l
	if !h.counted {
		h.counted = true
		h.unexplained = h.Op == vfs.WatchClosed && !l.closedOwn(h)
	}
	base := p.name
	if !l.m.shows(base) || p.gone && !h.unexplained {
		return true
	}
	h.rounds++
	if p.gone {
		return v.gone(base) || h.rounds == maxRounds
	}
	times, quiet := l.quiet(base)
	if !quiet && h.rounds < maxRounds {
		return false
	}
	s := v.see(path.Join(l.dir, base))
	if s.busy && !h.unexplained {
		return h.rounds == maxRounds // it is seen half changed, by the server
	}
	if again, quiet := l.quiet(base); (again != times || !quiet) && h.rounds < maxRounds {
		return false // what was seen may be another object
	}
	if !s.gone {
		v.judge(s, h, base)
	}
	if f := l.m.openAs(s.name); f != nil && f != s.file && quiet && (s.gone || !s.blind) {
		v.files = append(v.files, f) // it isn't where it was: a directory above was renamed
	}
	return true
}

// gone settles a change by others of what was called base when it left the directory. It
// reports whether that can be told now.
func (v *verdict) gone(base string) bool {
	l := v.l
	if l.claims(base) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if own := l.own[base]; own != nil && own.moved != nil {
		v.files = append(v.files, own.moved)
	}
	return true
}

// openAs returns what was opened by the name, spelled like this, if it still is open.
func (m *mount) openAs(name string) *file {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.paths[m.keyOf(name)].file
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.opens, func(o *open) bool { return o.name == name && !o.unlinked.Load() }) {
		return f
	}
	return nil
}

// quiet reports how often the server has done something to an entry of late, and
// whether it is at work on its name or what it did to that is yet to be heard of.
func (l *lookout) quiet(base string) (times int, quiet bool) {
	if l.claims(base) {
		return 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.own[base]
	if own == nil {
		return 0, true
	}
	return own.times, own.came == 0 && own.went == 0
}

// sight is how an object looks that there was an event of.
type sight struct {
	name  string
	attr  vfs.Attr
	file  *file // nil if it isn't open
	work  uint64
	busy  bool // the server is changing it
	gone  bool
	blind bool // the backend couldn't tell
}

// see looks at what has the name.
func (v *verdict) see(name string) (s sight) {
	l := v.l
	attr, err := l.m.exists(l.ctx, name)
	s.name, s.attr, s.gone, s.blind = name, attr, isMissing(err), err != nil
	if s.file = l.m.findOpen(attr, name); s.file == nil || err != nil {
		return s
	}
	if s.work, s.busy = s.file.work.state(); !s.busy {
		s.attr, err = l.m.exists(l.ctx, name)
		now, _ := s.file.work.state()
		s.busy, s.gone, s.blind = now != s.work, isMissing(err), err != nil
	}
	if s.busy {
		s.work = workUnknown // what is under way may end meanwhile
	}
	return s
}

// judge settles who changed what is seen.
func (v *verdict) judge(s sight, h *heard, base string) {
	l, f := v.l, s.file
	unexplained := h.unexplained || s.blind
	now := stampOf(completeAttr(s.attr))
	var content, entry bool
	if s.attr.IsDir() {
		// Who uses a directory changes its times: there is no telling by them.
		entry = l.lastStamp(base, stamp{}) == nil
	} else if last := l.lastStamp(base, now); f == nil {
		entry = last == nil || unexplained || *last != stamp{} && *last != now
	} else {
		content, entry = f.settle(now, s.work, unexplained, last)
	}
	if content {
		v.files = append(v.files, f)
		if h.Op == vfs.WatchAttributes { // streams may be kept in attributes
			v.files = append(v.files, f.openStreams()...)
		}
	}
	if content || entry {
		filter := uint32(dataFilter)
		if h.Op == vfs.WatchAttributes {
			filter = foreignFilter
		}
		v.changes = append(v.changes, modified(s.name, filter))
	}
}

// closedOwn reports whether the server closed all those handles that h is about.
func (l *lookout) closedOwn(h *heard) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.ownBefore(h, h.Name)
	if own == nil {
		return false
	}
	n := min(own.closed, h.times)
	own.closed -= n
	return n == h.times
}

// lastStamp returns how the object looked when the server last closed it, the zero stamp
// if it isn't known, nil if the server did nothing to the name of late. From now on it is
// now.
func (l *lookout) lastStamp(base string, now stamp) *stamp {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.own[base]
	if own == nil {
		return nil
	}
	last := own.stamp
	own.stamp = now
	return &last
}

// settle decides whether it was another who changed f, which looks like now after what
// the server has done up to work. Content is whether what is cached of f may be out of
// date; entry is whether there was a change at all.
func (f *file) settle(now stamp, work uint64, unexplained bool, last *stamp) (content, entry bool) {
	f.mu.Lock()
	was := f.settled
	f.settled = settledAs(now, work)
	f.settled.fresh = f.settled.fresh || was.fresh && was.stamp == now && !unexplained
	f.mu.Unlock()
	// An event of what was done before f was opened changes nothing that its clients
	// know.
	before := work == 0 && (last == nil || *last != stamp{} && *last != now)
	switch {
	case was == settled{}:
		return before || unexplained, before || unexplained
	case was.stamp != now && was.work == work:
		return true, true
	case unexplained && (was.stamp != now || work != 0 || was.fresh):
		return true, true
	}
	return false, was.stamp == now && before
}

// tell tells clients what others did. Nobody is waited for.
func (v *verdict) tell() {
	m, dir := v.l.m, v.l.dir
	if v.names {
		m.names.forget(dir)
	}
	if len(v.changes) > 0 {
		m.breakListing(dir, nil)
	}
	told := make(map[*file]bool)
	for _, f := range v.files {
		if !told[f] {
			told[f] = true
			m.srv.brokenBy(f, nil, oplock.OpWrite)
		}
	}
	m.watches.Report(v.changes...)
}

// everything takes all that is cached of the directory and of what is in it for out of
// date, but for what is cached of fresh.
func (l *lookout) everything(fresh *file) {
	m := l.m
	m.names.forget(l.dir)
	key := m.keyOf(l.dir)
	var files []*file
	m.mu.Lock()
	listed := m.paths[key].file
	for p, o := range m.paths {
		if path.Dir(p) == key && !o.file.dir && o.file != fresh {
			files = append(files, o.file)
		}
	}
	m.mu.Unlock()
	if listed != nil && listed != fresh {
		m.srv.brokenBy(listed, nil, oplock.OpChangeEntry)
	}
	for _, f := range files {
		m.srv.brokenBy(f, nil, oplock.OpWrite)
	}
	m.watches.Lose(l.dir)
}
