package smb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Persistent handles: opens that outlive the server's process. What is known of one is
// written to Server.Handles before the client is told of it.

// handleRecord is what is stored of a persistent open.
type handleRecord struct {
	ID          smb2.FileID
	Caller      *vfs.Caller
	Share, Path string
	NewPath     string // while it is being renamed
	Stream      string `json:",omitempty"`
	NewStream   string `json:",omitempty"` // while it is being renamed
	File        uint64 // vfs.Attr.ID, zero if the backend has none
	Access      vfs.Access
	Shared      vfs.Access
	ShareAccess smb2.ShareAccess
	Options     smb2.CreateOptions
	Mode        smb2.CreateOptions
	Action      smb2.CreateAction
	Born        time.Time
	Posix       bool `json:",omitempty"`

	Client, Create smb2.GUID // of the CREATE
	Replayable     bool
	Timeout        time.Duration
	Resilient      time.Duration
	Asked          uint32 // the access that was asked for
	Lease          *oplock.LeaseRequest
	Caching        oplock.Granted
	App            *appRecord

	Locks         []lockRecord
	LockSequences lockSequences
	Alloc         int64
	DeleteOnClose bool
	DeletePending bool
	ObjectPending bool // the object of a stream is to be deleted
}

type lockRecord struct {
	Off, Len  uint64
	Exclusive bool
}

type appRecord struct {
	ID        smb2.GUID
	Versioned bool
	Version   smb2.AppInstanceVersion
}

// serverRecord is what is stored under id 0, which no open has.
type serverRecord struct {
	GUID smb2.GUID // clients expect to come back to the same server
}

// continuous reports whether the share's handles may be persistent.
func (s *Server) continuous(sh *Share) bool {
	return s.Handles != nil && sh != nil && sh.ContinuouslyAvailable
}

// save stores o as it is now, if it is persistent.
func (o *open) save() error {
	if !o.durability.persistent {
		return nil
	}
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.gone {
		return nil
	}
	r := o.record()
	b, err := json.Marshal(r)
	if err == nil {
		err = o.srv.Handles.Put(o.id.Persistent, b)
	}
	if err != nil {
		o.srv.log.Error("smb: a persistent handle can't be stored", "share", o.shareName, "path", o.path(), "err", err)
		return fmt.Errorf("smb: Server.Handles: %w", err)
	}
	o.file.mu.Lock()
	o.stored = r.Caching
	o.file.mu.Unlock()
	return nil
}

// unsave removes what is stored of o.
func (o *open) unsave() {
	if !o.durability.persistent {
		return
	}
	o.saving.Lock()
	defer o.saving.Unlock()
	o.gone = true
	if err := o.srv.Handles.Delete(o.id.Persistent); err != nil {
		o.srv.log.Error("smb: a closed persistent handle can't be removed from the store", "share", o.shareName, "path", o.path(), "err", err)
	}
}

// suspended makes the closing of o leave what is stored of it as it is, for the server
// to come back to, if o is persistent.
func (o *open) suspended() {
	if !o.durability.persistent {
		return
	}
	o.saving.Lock()
	defer o.saving.Unlock()
	o.suspend, o.gone = true, true
}

// willRename stores where the persistent opens of f will be found if the server ends
// before the renaming of f is stored.
func (f *file) willRename(to string) error {
	f.mu.Lock()
	f.renaming = to
	f.mu.Unlock()
	return f.saveAll()
}

// saveAll stores the persistent opens of f, of which something changed.
func (f *file) saveAll() error {
	var list []*open
	for _, g := range append(f.openStreams(), f) {
		g.mu.Lock()
		for _, o := range g.opens {
			if o.durability.persistent {
				list = append(list, o)
			}
		}
		g.mu.Unlock()
	}
	var err error
	for _, o := range list {
		err = errors.Join(err, o.save())
	}
	return err
}

// saveCaching stores the persistent opens of f that may cache other things than what is
// stored of them says. One that shares a lease with another has more or less of it when
// the other has.
func (f *file) saveCaching() error {
	var list []*open
	f.mu.Lock()
	for _, o := range f.opens {
		if o.durability.persistent && o.holder.Granted() != o.stored {
			list = append(list, o)
		}
	}
	f.mu.Unlock()
	var err error
	for _, o := range list {
		err = errors.Join(err, o.save())
	}
	return err
}

func (o *open) record() *handleRecord {
	f := o.file
	pending := f.base != nil && f.base.isDeletePendingAt(o.path())
	r := &handleRecord{
		ID: o.id, Caller: o.caller, Share: o.shareName, Path: o.path(), Stream: o.streamName(),
		Access: o.access, ShareAccess: o.share, Options: o.options, Action: o.action, Born: o.born, Posix: o.posix,
		Client: o.durability.client, Create: o.durability.guid, Timeout: o.durability.timeout,
		Resilient: time.Duration(o.resilient.Load()),
		Asked:     o.asked, Lease: o.lease,
	}
	if a := o.app; a != nil {
		r.App = &appRecord{a.id, a.versioned, a.version}
	}
	o.mu.Lock()
	r.Mode, r.LockSequences = o.mode, o.lockSequences
	// One that the client hasn't been told of may be asked for again.
	r.Replayable = o.replayable.Load() || !o.known
	o.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.object().byName == "" {
		if r.File = f.id; f.now != 0 {
			r.File = f.now
		}
	}
	r.Shared, r.DeleteOnClose = o.shared, o.deleteOnClose
	r.DeletePending, r.Alloc = f.base != nil && f.deletePending || f.base == nil && f.doomedAt(f.m.keyOf(r.Path)), f.alloc
	if r.ObjectPending = pending; f.base == nil {
		r.NewPath = f.renaming
	} else {
		r.NewStream = f.renaming
	}
	r.Caching = o.holder.Granted()
	if b, owed := f.caching.Unanswered(o.holder); owed && b.Lease && b.From&oplock.Write == 0 {
		r.Caching.State = 0 // nobody waits for the answer, so others may have gone on, also with more than the client was told
	}
	for _, l := range f.locks.held {
		if l.owner == o {
			r.Locks = append(r.Locks, lockRecord{l.off, l.len, l.exclusive})
		}
	}
	return r
}

// loadHandles opens again what was open when the server ended, before anybody else can
// open it, for the clients to come back to.
func (s *Server) loadHandles() error {
	if s.Handles == nil {
		return nil
	}
	var records []*handleRecord
	var bad error
	var drop []uint64
	known := false
	err := s.Handles.All(func(id uint64, b []byte) bool {
		if id == 0 {
			var r serverRecord
			if bad = json.Unmarshal(b, &r); bad == nil {
				s.guid, known = r.GUID, true
			}
			return bad == nil
		}
		var r handleRecord
		if err := json.Unmarshal(b, &r); err != nil || r.ID.Persistent != id || r.Caller == nil {
			s.log.Error("smb: an unreadable record of a persistent handle is dropped", "err", err)
			drop = append(drop, id)
			return true
		}
		records = append(records, &r)
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("smb: Server.Handles: %w", err)
	}
	if !known {
		b, err := json.Marshal(serverRecord{s.guid})
		if err == nil {
			err = s.Handles.Put(0, b)
		}
		if err != nil {
			return fmt.Errorf("smb: Server.Handles: %w", err)
		}
	}
	for _, r := range records {
		// Ids go on where the largest ended.
		s.nextFile.Store(max(s.nextFile.Load(), r.ID.Persistent))
	}
	for _, r := range records {
		if err := s.restore(r); err != nil {
			s.log.Warn("smb: a persistent handle is lost", "share", r.Share, "path", r.Path, "user", r.Caller.String(), "err", err)
			drop = append(drop, r.ID.Persistent)
		}
	}
	for _, id := range drop {
		if err := s.Handles.Delete(id); err != nil {
			return fmt.Errorf("smb: Server.Handles: %w", err)
		}
	}
	return nil
}

var errOtherFile = errors.New("smb: the name stands for another file now")

// restore opens what r describes, for its client to come back to.
func (s *Server) restore(r *handleRecord) error {
	ctx := vfs.WithCaller(context.Background(), r.Caller)
	if s.Shares == nil {
		return smb2.StatusBadNetworkName
	}
	sh, err := s.Shares.Share(ctx, r.Share)
	if err != nil {
		return err
	}
	if sh == nil {
		return smb2.StatusBadNetworkName
	}
	fsys := sh.FS
	if sh.Open != nil {
		if fsys, err = sh.Open(ctx, r.Caller); err != nil {
			return err
		}
	}
	f, attr, object, err := r.open(ctx, fsys, r.Path, r.Stream)
	switch {
	case err == nil:
	case r.NewPath != "":
		if f, attr, object, err = r.open(ctx, fsys, r.NewPath, r.Stream); err == nil {
			r.Path = r.NewPath
		}
	case r.NewStream != "":
		if f, attr, object, err = r.open(ctx, fsys, r.Path, r.NewStream); err == nil {
			r.Stream = r.NewStream
		}
	}
	if err != nil {
		return err
	}
	m := s.mount(ctx, fsys)
	o := &open{
		srv: s, id: r.ID, caller: r.Caller, shareName: r.Share, m: m, name: r.Path, born: r.Born,
		access: r.Access, shared: r.Shared, share: r.ShareAccess, options: r.Options, mode: r.Mode, action: r.Action,
		asked: r.Asked, lease: r.Lease, posix: r.Posix, known: true, deleteOnClose: r.DeleteOnClose, lockSequences: r.LockSequences,
		durability: durability{granted: true, v2: true, persistent: true, timeout: r.Timeout, guid: r.Create, client: r.Client},
	}
	if r.App != nil {
		o.app = &appInstance{id: r.App.ID, versioned: r.App.Versioned, version: r.App.Version, clientGUID: r.Client}
	}
	o.resilient.Store(int64(r.Resilient))
	o.kind = sh.appleStream(r.Stream)
	o.setFile(sh.wrapStream(r.Stream, f))
	if err := o.rejoin(r, completeAttr(attr), object); err != nil {
		f.Close()
		m.release()
		return err
	}
	o.guard()
	s.opens.restore(userOf(o.caller))
	h := &s.handles
	h.mu.Lock()
	defer h.mu.Unlock()
	o.deadline = time.Now().Add(o.keepFor())
	h.durable[o.id.Persistent] = o
	h.put(o, unlimited)
	if r.Replayable {
		o.replay = &replay{createID{r.Client, r.Create}, o}
		o.replayable.Store(true)
		h.creates[o.replay.id] = o.replay
	}
	return nil
}

// open opens the file or stream if name stands for it. It also tells of the object that
// a stream belongs to.
func (r *handleRecord) open(ctx context.Context, fsys vfs.FS, name, stream string) (f vfs.File, attr vfs.Attr, object *vfs.Attr, err error) {
	opt := vfs.OpenOptions{Access: r.Access, WriteThrough: r.Options&smb2.OptionWriteThrough != 0}
	if stream == "" {
		f, err = fsys.Open(ctx, name, opt)
	} else {
		f, object, err = openStream(ctx, fsys, name, stream, vfs.StreamOptions{OpenOptions: opt})
	}
	if err != nil {
		return nil, attr, nil, err
	}
	attr, err = f.Stat(ctx)
	if err == nil && attr.ID != r.File {
		err = errOtherFile
	}
	if err != nil {
		f.Close()
	}
	return f, attr, object, err
}

// rejoin makes o one of its file's opens, with what it had.
func (o *open) rejoin(r *handleRecord, attr vfs.Attr, object *vfs.Attr) error {
	m := o.m
	if r.Lease != nil {
		r.Lease.Name = leaseName(o.shareName, o.name, r.Stream)
	}
	q := oplock.Request{Owner: o, Access: r.Asked, Level: r.Caching.Level, Lease: r.Lease, DeleteOnClose: r.Options&smb2.OptionDeleteOnClose != 0}
	o.holder = oplock.NewHolder(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fileOf(attr, m.keyOf(o.name), object, r.Stream)
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if o.granted, err = f.cache().Restore(&m.srv.leases, o.holder, r.Caching); err != nil {
		return err
	}
	f.enter(o, attr.ID == 0)
	f.alloc = max(f.alloc, r.Alloc)
	pending := doom{name: o.name, by: o.caller} // perhaps another asked for it
	if r.DeletePending {
		f.setDeletePending(pending)
	}
	if r.ObjectPending {
		f.base.mu.Lock()
		f.base.setDeletePending(pending)
		f.base.mu.Unlock()
	}
	for o.lockRoom.used = len(r.Locks); o.lockRoom.used > o.lockRoom.size(); o.lockRoom.blocks++ {
		o.srv.lockBlocks.restore(userOf(o.caller))
	}
	for _, l := range r.Locks {
		f.locks.held = append(f.locks.held, byteLock{l.Off, l.Len, l.Exclusive, o})
	}
	return nil
}

// unavailable reports whether o, who wants f, would get in the way of a persistent open
// whose client may still come back. The caller holds f.mu. [MS-SMB2] 3.3.5.9
func (f *file) unavailable(o *open, overwrite bool) bool {
	for _, other := range f.opens {
		if !other.durability.persistent || other.tree() != nil {
			continue
		}
		g := other.holder.Granted()
		writes := g.Level == oplock.Exclusive || g.Level == oplock.Batch || g.State&oplock.Write != 0
		if overwrite || f.deletePending || conflicts(o, other) || writes && o.shared&(sharedRead|sharedWrite|sharedDelete) != 0 {
			return true
		}
	}
	return false
}
