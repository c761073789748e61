package smb

import (
	"container/list"
	"context"
	"errors"
	"io"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// open is a handle that a client has, [MS-SMB2] 3.3.1.10.
type open struct {
	// Immutable once the client knows the id.
	srv        *Server
	id         smb2.FileID
	caller     *vfs.Caller // who opened it
	shareName  string
	m          *mount // nil: a pipe
	file       *file  // nil: a pipe
	pipe       *pipe  // nil: not a pipe
	access     vfs.Access
	share      smb2.ShareAccess
	options    smb2.CreateOptions
	born       time.Time
	holder     *oplock.Holder       // nil: a pipe
	granted    oplock.Granted       // when it was opened, or come back to
	lease      *oplock.LeaseRequest // nil unless it has one
	asked      uint32               // the access that the CREATE asked for
	unleased   bool                 // the lease that was asked for couldn't be had, see checkLease
	posix      bool                 // it is a POSIX open
	clears     bool                 // and attributes don't keep it from deleting the file
	app        *appInstance         // nil unless the client named one
	action     smb2.CreateAction
	durability durability // guarded by file.mu until the client knows the open
	kind       appleStream
	tidy       bool // the stream it is an open of may be left empty, see aapl_stream.go

	// at is the tree connect that it belongs to, nil while it waits for its
	// client to come back. It doesn't change while the open is pinned.
	at atomic.Pointer[tree]

	// While it waits for its client; guarded by handles.mu.
	deadline time.Time
	timer    *time.Timer
	elem     *list.Element // in handles.byUser

	warped  bool // a use of m, a snapshot, is counted for it
	suspend bool // its closing isn't the end of it: the server will be back

	lockRoom lockRoom

	saving sync.Mutex     // held while it is stored, so that what is stored is the latest
	stored oplock.Granted // what is stored of its caching; guarded by file.mu
	gone   bool           // guarded by saving: it is not to be stored any more

	resilient  atomic.Int64 // time.Duration that it outlives its session, as was asked for later
	replayable atomic.Bool  // its CREATE is answered when it comes again
	replay     *replay      // guarded by handles.mu
	forgotten  bool         // it is being closed, and not to be found in handles any more; guarded by handles.mu

	// The backend's file and what it can do; nil where it can't.
	f       vfs.File
	reader  io.ReaderAt
	writer  io.WriterAt
	trunc   vfs.Truncater
	syncer  vfs.Syncer
	lister  vfs.DirReader
	attrs   vfs.AttrSetter
	copier  vfs.RangeCopier
	sender  vfs.Sender
	splicer vfs.Splicer
	cloner  vfs.RangeCloner

	sparser    vfs.Sparser
	compressor vfs.Compressor

	pins sync.WaitGroup // requests that use it

	name          string        // guarded by m.mu; changes with renames
	watch         *notify.Watch // guarded by m.mu; nil until CHANGE_NOTIFY comes
	shared        vfs.Access    // the rights that share modes look at; guarded by file.mu
	deleteOnClose bool          // guarded by file.mu
	posixDelete   bool          // the deletion takes the name when o is closed; guarded by file.mu

	mu            sync.Mutex
	times         openTimes
	sequence      sequence
	lockSequences lockSequences
	known         bool               // the client has been told the id
	again         bool               // and is about to be told once more
	breaks        []oplock.Break     // to be sent when it has been told
	mode          smb2.CreateOptions // FileModeInformation
	nextEA        int                // which extended attribute FileFullEaInformation goes on with
	lastQuota     vfs.SID            // whose quota was listed last
	waits         map[*chain]struct{}
	closing       error           // why waits end at once
	guarded       *lookout        // at the directory of what is cached; nil unless something is
	listens       *lookout        // at the directory that is watched
	lastTurn      <-chan struct{} // of the request that arrived last; see turn

	closed   atomic.Bool   // f is closed, or about to be
	declines atomic.Bool   // splicer can't
	unlinked atomic.Bool   // the name is gone, or another file's
	byName   atomic.Bool   // the object was replaced by another, which f isn't; see replaced
	changed  atomic.Bool   // data was written
	pending  atomic.Uint32 // what those who watch the directory are to be told, as a filter
	position atomic.Int64  // after the last read or write, or as it was set

	cursor cursor
}

func (o *open) setFile(f vfs.File) {
	o.f = f
	o.reader, _ = vfs.As[io.ReaderAt](f)
	o.writer, _ = vfs.As[io.WriterAt](f)
	o.trunc, _ = vfs.As[vfs.Truncater](f)
	o.syncer, _ = vfs.As[vfs.Syncer](f)
	o.lister, _ = vfs.As[vfs.DirReader](f)
	o.attrs, _ = vfs.As[vfs.AttrSetter](f)
	o.copier, _ = vfs.As[vfs.RangeCopier](f)
	o.sender, _ = o.reader.(vfs.Sender)
	o.splicer, _ = o.writer.(vfs.Splicer)
	o.cloner, _ = vfs.As[vfs.RangeCloner](f)
	o.sparser, _ = vfs.As[vfs.Sparser](f)
	o.compressor, _ = vfs.As[vfs.Compressor](f)
}

// wrote notes that data is being written through o. Those who cache or watch the
// directory are told when o is closed, as on NTFS.
func (o *open) wrote() {
	o.file.writes.Add(1)
	o.changed.Store(true)
	o.pending.Or(dataFilter)
}

// tree returns the tree connect that o belongs to, nil if o waits for its client.
func (o *open) tree() *tree { return o.at.Load() }

// session returns the session that o belongs to, nil if o waits for its client.
func (o *open) session() *session {
	if t := o.at.Load(); t != nil {
		return t.se
	}
	return nil
}

// context returns what work for o's client runs under.
func (o *open) context() context.Context {
	if se := o.session(); se != nil {
		return se.context()
	}
	return vfs.WithCaller(context.Background(), o.caller)
}

// reopen lets requests use o again; channel is the ChannelSequence that its client is
// at now.
func (o *open) reopen(channel uint16) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = nil
	o.again, o.breaks = false, nil // who comes back is told what there is then
	o.sequence = sequence{channel: channel}
}

// unpin undoes session.pin; a nil open has nothing to undo.
func (o *open) unpin() {
	if o != nil {
		o.pins.Done()
	}
}

// waitOnOpen is wait, for something that ends when the open is closed.
func (r *request) waitOnOpen(ready <-chan struct{}) error {
	o, ch := r.open, r.ch
	o.mu.Lock()
	if o.closing != nil {
		o.mu.Unlock()
		return o.closing
	}
	if o.waits == nil {
		o.waits = make(map[*chain]struct{})
	}
	o.waits[ch] = struct{}{}
	o.mu.Unlock()
	err := r.wait(ready)
	o.mu.Lock()
	delete(o.waits, ch)
	o.mu.Unlock()
	return err
}

// isClosing reports whether waits end because o is being closed.
func (o *open) isClosing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing != nil
}

// cancelWaits makes all requests that wait on o return why.
func (o *open) cancelWaits(why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing == nil {
		o.closing = why
	}
	for ch := range o.waits {
		ch.c.mu.Lock()
		ch.cancelLocked(why)
		ch.c.mu.Unlock()
	}
}

// close is the one way for an open to end. It must have been taken out of the
// session's table. The error tells that data may be lost, or that a deletion
// failed.
func (o *open) close() error {
	if o.pipe != nil {
		o.cancelWaits(smb2.StatusPipeBroken)
	} else {
		// Locks that are waited for end like locks on a range that is gone.
		o.cancelWaits(smb2.StatusRangeNotLocked)
	}
	o.pins.Wait()
	o.srv.opens.remove(userOf(o.caller))
	o.srv.handles.forget(o)
	if o.pipe != nil {
		o.pipe.close()
		o.srv.pipeLogons.drop(o)
		return nil
	}
	return o.release(o.context())
}

// closeAll closes opens that end together. Their locks go first, so that one of
// them that waits for a lock of another still gets it, as on Windows. The rest is what to
// do with others that end.
func (s *Server) closeAll(opens []*open, why error, rest ...func()) {
	for _, o := range opens {
		if f := o.file; f != nil && !o.suspend {
			f.mu.Lock()
			f.locks.release(o)
			f.mu.Unlock()
		}
	}
	for _, o := range opens {
		if o.pipe == nil { // else close says why
			o.cancelWaits(why)
		}
	}
	for _, o := range opens {
		rest = append(rest, func() { o.close() })
	}
	s.runAll(rest)
}

var errClosePanicked = errors.New("the backend panicked when it was to close the file")

// release closes the backend's file and lets go of what others see, even if the backend panics: what
// stayed would keep others out for good.
func (o *open) release(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	o.endListing()
	o.srv.guard("watch", func() {
		o.stopWatching()
		o.unguard()
	})
	f := o.file
	if o.suspend {
		f.mu.Lock()
		f.stopOverdue()
		f.mu.Unlock()
		return o.f.Close()
	}
	defer o.unsave()
	if o.warped {
		defer o.m.release()
	}
	f.mu.Lock()
	o.endLocks()
	doomed := f.dir && o.deleteOnClose && !f.deletePending
	posix := o.posixDelete && f.base == nil && !o.unlinked.Load()
	f.mu.Unlock()
	if doomed {
		full := true // as far as is known, if the backend panics
		o.srv.guard("close", func() { full = o.checkEmpty(ctx) == smb2.StatusDirectoryNotEmpty })
		if full {
			// It stays, and nobody is told. [MS-FSA] 2.1.5.5
			f.mu.Lock()
			o.deleteOnClose = false
			f.mu.Unlock()
		}
	}
	err := errClosePanicked
	o.srv.guard("close", func() {
		o.showWrites(ctx)
		o.noteClosing(ctx)
		o.noteID(ctx)
	})
	o.closed.Store(true)
	o.srv.guard("close", func() { err = o.f.Close() })
	next, breaks := f.leave(o)
	o.m.srv.sendBreaks(f, breaks)
	removed := next != nil
	if next == nil && f.base == nil && f.isDeletePending() {
		for _, d := range f.freed(o, posix) {
			removed = o.m.unlink(ctx, f, d, o.holder) && d.name == o.path() || removed
		}
	}
	if next == nil && o.deleteOnClose {
		f.saveAll() // a deletion that others delay
	}
	for next != nil {
		var rerr error
		if next, rerr = o.m.remove(ctx, next, o.holder); rerr == errKept {
			removed = false
		} else if err == nil {
			err = rerr
		}
	}
	if removed || o.unlinked.Load() {
		// Nobody sees it in a directory any more.
	} else if o.changed.Load() {
		o.m.entryChanged(o.holder, o.modified(o.pending.Swap(0)))
	} else {
		o.reportPending()
	}
	if err != nil {
		o.srv.log.Error("smb: close failed", "share", o.shareName, "path", o.name, "err", err)
	}
	return err
}

// endListing ends what QUERY_DIRECTORY began.
func (o *open) endListing() { o.srv.guard("listing", o.cursor.stop) }

// noteID notes which id the object has now, if it is to be removed: a file of overlayfs gets
// another when it is first written.
func (o *open) noteID(ctx context.Context) {
	if o.deleteOnClose || o.file.isDeletePending() {
		o.noteIDNow(ctx)
	}
}

// noteIDNow is noteID, whether or not it is to be removed.
func (o *open) noteIDNow(ctx context.Context) {
	if o.byName.Load() {
		return
	}
	if a, err := o.f.Stat(ctx); err == nil {
		f := o.file.object()
		f.mu.Lock()
		f.last = a.ID
		f.mu.Unlock()
	}
}

// remove removes a file or stream whose last open went, that of h. It returns what
// must be removed next.
func (m *mount) remove(ctx context.Context, f *file, h *oplock.Holder) (next *file, _ error) {
	var claimed []claim
	defer func() {
		next = f.forget()
		m.unclaim(claimed...)
	}()
	for f.dooms() > 1 {
		if err := m.removeLink(ctx, f, h); err != nil {
			return nil, err
		}
	}
	name, stream, c, err := m.claimDoomed(ctx, f)
	if err != nil {
		return nil, err
	}
	claimed = append(claimed, c)
	ctx = f.asDeleter(ctx)
	if !f.isDeletePending() {
		return nil, nil // unlink was first
	}
	if stream == "" {
		return nil, m.removeName(ctx, f, name, f.knownTo(h))
	}
	if m.isAnother(ctx, name, f.base) {
		return nil, nil
	}
	err = m.withStreamer(ctx, name, func(s vfs.Streamer) error { return f.removeStream(ctx, s, stream) })
	if err != nil && !isMissing(err) {
		return nil, err
	}
	m.entryChanged(f.knownTo(h), streamChange(name, stream, smb2.ActionFileRemovedStream))
	return nil, nil
}

// stat returns the attributes as clients see them.
func (o *open) stat(ctx context.Context) (vfs.Attr, error) {
	var a vfs.Attr
	var err error
	if o.byName.Load() {
		if a, err = o.m.exists(ctx, o.path()); err == nil {
			err = o.isObject(a)
		}
	} else {
		a, err = o.f.Stat(ctx)
	}
	if err != nil {
		return a, err
	}
	return o.shown(a), nil
}

// shown returns the attributes that the object has as clients see them.
func (o *open) shown(a vfs.Attr) vfs.Attr {
	links := a.Links
	a = o.file.complete(a)
	if o.unlinked.Load() {
		a.Links = links // zero is none here
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	a.Written = o.times.show(a.Written, time.Now())
	return a
}

// clusterSize is what allocation sizes are rounded to.
const clusterSize = 4096

// complete fills in what a backend may leave out.
func (f *file) complete(a vfs.Attr) vfs.Attr {
	a = completeAttr(a)
	if f == nil {
		return a
	}
	if a.ID == 0 {
		a.ID = f.id
	}
	a.ID = f.m.wireID(a.ID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dir && a.Alloc < f.alloc {
		a.Alloc = f.alloc
	}
	return a
}

func completeAttr(a vfs.Attr) vfs.Attr {
	if a.Created.IsZero() {
		a.Created = a.Written
	}
	if a.Accessed.IsZero() {
		a.Accessed = a.Written
	}
	if a.Changed.IsZero() {
		a.Changed = a.Written
	}
	derived := vfs.AttrDirectory | vfs.AttrNormal | vfs.AttrReparsePoint
	if isSymlink(a) {
		derived &^= vfs.AttrDirectory // it may be a link to one
	}
	a.Attributes &^= derived
	if a.ReparseTag != 0 {
		a.Attributes |= vfs.AttrReparsePoint
	}
	if a.IsDir() {
		a.Attributes |= vfs.AttrDirectory
	} else if a.Attributes == 0 {
		a.Attributes = vfs.AttrNormal
	}
	if isDirectory(a) {
		a.Size, a.Alloc = 0, 0
	}
	if a.Alloc == 0 && a.Size > 0 {
		a.Alloc = roundUp(a.Size)
	}
	if a.Links == 0 {
		a.Links = 1
	}
	return a
}

// isDirectory reports whether a, complete, is a directory to clients: also a symbolic
// link to one is.
func isDirectory(a vfs.Attr) bool { return a.Attributes&vfs.AttrDirectory != 0 }

// roundUp rounds a size up to whole clusters.
func roundUp(n int64) int64 {
	if n > 1<<63-1-clusterSize {
		return n
	}
	return (n + clusterSize - 1) &^ (clusterSize - 1)
}

// info describes the open for a status display.
func (o *open) info() OpenInfo {
	info := OpenInfo{
		ID:     o.id.Persistent,
		Share:  o.shareName,
		Caller: o.caller,
		Path:   o.fullPath(),
		Access: o.access,
		Opened: o.born,
	}
	if se := o.session(); se != nil {
		info.SessionID = se.id
		info.Channels = len(se.conns())
	}
	info.Durable = o.durability.granted
	info.Persistent = o.durability.persistent
	info.Resilient = o.resilient.Load() > 0
	if f := o.file; f != nil {
		info.Directory = f.dir
		f.mu.Lock()
		info.Locks = f.locks.count(o)
		info.Caching = o.holder.Granted()
		f.mu.Unlock()
	}
	return info
}

// base returns the last element of the name.
func base(name string) string {
	if name == "." {
		return ""
	}
	return path.Base(name)
}
