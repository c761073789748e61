package smb

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// CREATE opens a file or directory, or makes one first. [MS-SMB2] 3.3.5.9,
// [MS-FSA] 2.1.5.1

// creation is a CREATE on its way.
type creation struct {
	r   *request
	ctx context.Context
	req smb2.CreateRequest
	m   *mount

	name     string // as the client spells it
	trailing bool   // it ended in a backslash
	stream   streamName
	quota    bool      // it is the file of the quotas
	object   *vfs.Attr // of what the named stream belongs to; nil: that is missing, or no stream is meant
	blank    bool      // the named stream is there, but counts as missing
	contexts createContexts
	security *vfs.SecurityDescriptor // of the object; nil: none is kept
	most     vfs.Access              // what may be done with it at most
	desired  vfs.Access              // without generic rights
	maximum  bool                    // MAXIMUM_ALLOWED was among them
	attrs    vfs.Attributes

	o        *open
	attr     vfs.Attr
	action   smb2.CreateAction
	changed  uint32          // what else of an overwritten file, as it may be watched
	wait     <-chan struct{} // with errBreaking
	waitFile *file           // what is waited for
	reserved bool            // there is room for the open
	reopened bool            // what is open is what was found, whatever has its name now
	holds    bool            // a use of the tree's mount is counted
	warped   bool            // a use of the snapshot m is counted

	fresh     *replay // reserved for it in case it comes again
	replayed  bool    // it came before
	reclaimed bool    // and its open had lost its session
}

func create(ctx context.Context, r *request, w *reply) error {
	req, err := smb2.ParseCreateRequest(r.msg)
	if err != nil {
		return err
	}
	if r.tree.ipc() {
		return createPipe(ctx, r, w, req)
	}
	c := &creation{r: r, ctx: ctx, req: req, m: r.tree.mount}
	if r.hdr.Flags&smb2.FlagDFSOperations != 0 && r.tree.share.DFS != nil {
		if c.req.Name, err = dfsName(req.Name); err != nil {
			return err
		}
	}
	if r.tree.share.NoCaching {
		c.req.OplockLevel = smb2.OplockNone
	}
	if err := c.parseContexts(); err != nil {
		return err
	}
	c.takeToken()
	if c.persistent() {
		c.req.Options |= smb2.OptionWriteThrough // [MS-SMB2] 3.3.5.9
		// What the backend did for a session that ends meanwhile is kept for the
		// client, see parkNew.
		c.ctx = context.WithoutCancel(ctx)
		c.holds = true
	}
	if c.contexts.durable.reconnects() {
		return c.reconnect(w)
	}
	if !c.contexts.durable.v2 {
		return c.open(w)
	}
	id := createID{r.c.params.clientGUID, c.contexts.durable.request.CreateGUID}
	fresh, done, err := r.c.srv.handles.reserve(id)
	switch {
	case err != nil:
		return err
	case done != nil && done.durability.persistent && done.tree() == nil:
		return c.reclaim(done, w)
	case done != nil:
		return c.replay(done, w)
	}
	r.outlive()
	c.fresh = fresh
	return c.open(w)
}

// open opens what wasn't open before.
func (c *creation) open(w *reply) (err error) {
	defer func() {
		if err != errParked { // also when the backend panics
			c.end()
		}
	}()
	c.holds = c.holds && c.m.srv.retain(c.m) // or the end of the session would end the mount
	for _, step := range []func() error{c.checkParameters, c.warp, c.checkName, c.checkLinks, c.checkAccess, c.takeOver, c.reserve} {
		if err := step(); err != nil {
			return err
		}
	}
	return c.run(w)
}

// reserve makes sure that there will be room.
func (c *creation) reserve() error {
	err := c.r.se.reserveOpen()
	c.reserved = err == nil
	return err
}

// end gives back what was reserved and not used.
func (c *creation) end() {
	if c.reserved {
		c.reserved = false
		c.r.se.unreserveOpen()
	}
	if c.holds {
		c.holds = false
		c.r.tree.mount.release()
	}
	c.unwarp()
	if c.fresh != nil {
		c.m.srv.handles.unreserve(c.fresh)
		c.fresh = nil
	}
}

// run finds out whether the name exists and opens or makes it. When others have to
// give up what they cache first, it goes on later.
func (c *creation) run(w *reply) error {
	err := c.attempts()
	switch {
	case err == errBreaking:
		c.req.Contexts = nil // they lie in the frame, which is given back
		if err := c.r.park(c.waitFile, c.wait, func(canceled error) error { return c.resume(w, canceled) }); err != nil {
			return err
		}
		return errParked
	case err != nil:
		return err
	}
	c.reserved = false
	return c.respond(w)
}

// resume is run once more, after a wait.
func (c *creation) resume(w *reply, canceled error) (err error) {
	defer func() {
		if err != errParked {
			c.end()
		}
	}()
	if canceled != nil {
		return canceled
	}
	return c.run(w)
}

// attempts tries until others don't interfere. Names that exist are opened with a
// shared claim, and only what may have to be made is claimed exclusively.
func (c *creation) attempts() error {
	// A file is not overwritten while its streams are being opened.
	cl := claim{key: foldPath(c.name), exclusive: c.req.Disposition == smb2.Create || c.m.streams && c.overwrites()}
	for races := 0; races < 8; races++ {
		err := c.attempt(cl)
		if err == errParkedNew {
			return smb2.StatusUserSessionDeleted
		}
		if err != nil && c.o.file != nil {
			// It had taken effect. Now that the name isn't claimed any
			// more, it can be undone.
			c.m.srv.handles.forget(c.o)
			c.o.release(c.ctx)
		}
		switch err {
		case errNeedExclusive:
			cl.exclusive = true
		case errRaced:
		default:
			return err
		}
	}
	return smb2.StatusSharingViolation // others keep making and removing it
}

var (
	errNeedExclusive = errors.New("smb: the name must be claimed exclusively")
	errBreaking      = errors.New("smb: others must give up what they cache")
	errParkedNew     = errors.New("smb: the session ended; the open waits for its client")
	errRaced         = errors.New("smb: another program made or removed the name")
)

// attempt does it, if nobody else changes the name meanwhile. When it fails after
// the open took effect, o.file is set.
func (c *creation) attempt(cl claim) error {
	if err := c.m.claim(c.ctx, cl); err != nil {
		c.o = &open{}
		return err
	}
	defer c.m.unclaim(cl)
	o := &open{
		srv: c.m.srv, id: c.m.srv.newFileID(), caller: c.r.id.caller, shareName: c.r.tree.name, m: c.m, born: time.Now(),
		lease: c.contexts.lease, app: c.contexts.app, asked: c.req.DesiredAccess,
		sequence: sequence{channel: c.r.hdr.ChannelSequence()},
		share:    c.req.ShareAccess, options: c.req.Options,
		mode: c.req.Options & modeBits, posix: c.contexts.posix,
	}
	o.at.Store(c.r.tree)
	o.holder = c.newHolder(o)
	o.kind = c.r.tree.share.appleStream(c.stream.name)
	c.o = o
	f, err := c.find()
	if lerr := c.checkFound(); lerr != nil {
		if err == nil {
			f.Close()
		}
		return lerr
	}
	switch {
	case err == nil:
		err = c.openExisting(f)
	case err == smb2.StatusObjectPathNotFound:
		return err
	case isMissing(err):
		switch c.req.Disposition {
		case smb2.Open, smb2.Overwrite:
			return smb2.StatusObjectNameNotFound
		}
		if !cl.exclusive {
			return errNeedExclusive
		}
		err = c.makeNew()
	}
	if err != nil {
		return err
	}
	o.action = c.action
	c.settleDurable()
	if err := c.persist(); err != nil {
		c.keep()
		return err
	}
	c.keepSnapshot()
	if err := c.r.se.addOpen(o); err != nil {
		if c.parkNew() {
			return errParkedNew
		}
		return err
	}
	if c.fresh != nil {
		o.srv.handles.made(c.fresh, o)
		c.fresh = nil
	}
	return nil
}

// checkFound checks that no short name led to a link. That the name isn't below one was
// checked.
func (c *creation) checkFound() error {
	if c.o.name == c.name || c.quota {
		return nil
	}
	return c.r.tree.share.covers(c.ctx, c.o.name)
}

// findObject opens the object to look at it; o.name becomes its spelling. When it is
// missing, o.name is where it would be.
func (c *creation) findObject() (vfs.File, error) {
	o := c.o
	c.security = nil
	o.name = c.name
	switch {
	case c.quota:
		return quotaFile{}, nil
	case o.posix && c.m.exact:
		return c.findExact()
	}
	if c.m.folder == nil {
		f, err := c.look()
		if err == nil || !isMissing(err) {
			return f, err
		}
	}
	var err error
	if o.name, err = c.m.resolve(c.ctx, c.name); err != nil {
		return nil, err
	}
	return c.look()
}

// look opens what is called o.name and finds out what descriptor it has.
func (c *creation) look() (vfs.File, error) {
	f, err := c.m.fs.Open(c.ctx, c.o.name, vfs.OpenOptions{Access: vfs.ReadAttributes})
	if err != nil {
		return nil, err
	}
	if c.security, err = storedSecurity(c.ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openExisting opens what find found. It closes f, unless that is what it opens.
func (c *creation) openExisting(found vfs.File) error {
	o := c.o
	attr, err := c.judge(found)
	if err != nil {
		found.Close()
		return err
	}
	overwrite := c.overwrites()
	access := o.access
	if overwrite {
		access |= vfs.WriteData
	}
	f, err := c.openBackend(found, access)
	if f != found {
		found.Close()
	}
	if err != nil {
		return err
	}
	if attr, err = c.sameObject(f, attr); err != nil {
		c.discard(f, access)
		return err
	}
	o.setFile(f)
	o.shared, o.tidy = o.access, c.blank
	if overwrite {
		o.shared |= vfs.WriteData
	}
	o.deleteOnClose = c.req.Options&smb2.OptionDeleteOnClose != 0
	o.posixDelete = o.deleteOnClose && o.posix
	if c.wait, err = c.join(attr, overwrite); c.wait != nil {
		err = errBreaking
	}
	if err != nil {
		c.discard(f, access)
		return err
	}
	c.action = smb2.ActionOpened
	if c.blank {
		c.action = smb2.ActionCreated
	}
	if overwrite {
		if err := c.overwrite(attr); err != nil {
			c.keep()
			return err
		}
		o.file.mu.Lock()
		o.shared = o.access
		o.file.mu.Unlock()
		c.overwritten()
	}
	return c.statNew()
}

// judge checks that what find found may be opened as the client asks, and returns its
// attributes.
func (c *creation) judge(f vfs.File) (attr vfs.Attr, err error) {
	if attr, err = f.Stat(c.ctx); err != nil {
		return attr, err
	}
	if c.object == nil { // of a stream, find checked the object
		if err := c.checkReparse(f, attr); err != nil {
			return attr, err
		}
	}
	if err := c.checkNeededEAs(f); err != nil {
		return attr, err
	}
	if c.req.Disposition == smb2.Create && !c.blank {
		return attr, smb2.StatusObjectNameCollision
	}
	attr = c.judged(completeAttr(attr))
	if c.most, err = c.permitted(c.objectAttr(attr)); err != nil {
		return attr, err
	}
	if err := c.checkExisting(attr); err != nil {
		return attr, err
	}
	if err := c.grant(c.objectAttr(attr)); err != nil {
		return attr, err
	}
	if c.m.isDoomed(path.Dir(c.o.name)) && c.o.name != "." {
		return attr, smb2.StatusDeletePending
	}
	return attr, nil
}

// discard closes what was opened for an open that failed.
func (c *creation) discard(f vfs.File, access vfs.Access) {
	if access&sharedWrite != 0 && c.stream.name == "" {
		c.m.noteClosing(c.o.name)
	}
	f.Close()
}

// openBackend opens for access what was found. When everything was asked for that can
// be had, it makes do with reading.
func (c *creation) openBackend(found vfs.File, access vfs.Access) (vfs.File, error) {
	if c.quota {
		return found, nil
	}
	opt := c.openOptions(c.m.readOnlyAccess(access))
	f, object, err := c.openFound(found, opt)
	if err != nil && c.maximum && !c.overwrites() {
		if st := StatusOf(err); st == smb2.StatusAccessDenied || st == smb2.StatusMediaWriteProtected {
			c.o.access &= vfs.AccessReadOnly | c.desired
			opt.Access = c.o.access
			f, object, err = c.openFound(found, opt)
		}
	}
	if err != nil {
		if isMissing(err) {
			err = errRaced
		}
		return nil, err
	}
	if object != nil {
		c.object = object
	}
	return c.r.tree.share.wrapStream(c.stream.name, f), nil
}

// openFound opens what was found, if the backend can do that, or else what has its name
// now.
func (c *creation) openFound(found vfs.File, opt vfs.OpenOptions) (vfs.File, *vfs.Attr, error) {
	if r, ok := found.(vfs.Reopener); ok && c.stream.name == "" {
		c.reopened = true
		f, err := r.Reopen(c.ctx, opt)
		if !errors.Is(err, errors.ErrUnsupported) {
			return f, nil, err
		}
	}
	c.reopened = false
	return openObject(c.ctx, c.m.fs, c.o.name, c.stream.name, opt)
}

// sameObject checks that f is what was judged by attr, which are the attributes it had,
// and returns those that it has now.
func (c *creation) sameObject(f vfs.File, attr vfs.Attr) (vfs.Attr, error) {
	if c.reopened && !c.overwrites() {
		return attr, nil
	}
	judged := c.objectAttr(attr).ID
	attr, err := f.Stat(c.ctx)
	if err == nil && c.objectAttr(attr).ID != judged {
		err = errRaced
	}
	return attr, err
}

func (c *creation) openOptions(access vfs.Access) vfs.OpenOptions {
	return vfs.OpenOptions{Access: access, WriteThrough: c.req.Options&smb2.OptionWriteThrough != 0}
}

func (c *creation) overwrites() bool {
	switch c.req.Disposition {
	case smb2.Supersede, smb2.Overwrite, smb2.OverwriteIf:
		return true
	}
	return false
}

// overwrite empties the file and gives it the attributes of a new one. Of a named
// stream nothing but the content changes.
func (c *creation) overwrite(attr vfs.Attr) error {
	o := c.o
	if o.trunc == nil {
		return smb2.StatusAccessDenied
	}
	defer o.work().end()
	if err := c.clear(attr); err != nil {
		return err
	}
	o.file.writes.Add(1)
	if o.sparse(attr) {
		if err := ignoreUnsupported(o.sparser.SetSparse(c.ctx, false)); err != nil {
			return err
		}
	}
	if c.stream.name == "" && !o.posix {
		if err := c.dropStreams(); err != nil {
			return err
		}
	}
	o.file.mu.Lock()
	o.file.alloc = c.contexts.alloc
	o.file.mu.Unlock()
	switch {
	case c.blank:
		c.action = smb2.ActionCreated
	case c.req.Disposition == smb2.Supersede:
		c.action = smb2.ActionSuperseded
	default:
		c.action = smb2.ActionOverwritten
	}
	return nil
}

// overwritten tells those who opened the file meanwhile, and perhaps began to cache
// what was in it or what the directory shows of it.
func (c *creation) overwritten() {
	f := c.o.file
	f.mu.Lock()
	breaks, _ := f.cache().CheckOpen(time.Now(), c.o.holder, true, false)
	f.mu.Unlock()
	c.m.srv.sendBreaks(f, breaks)
	c.m.entryChanged(c.o.holder, c.o.modified(dataFilter|smb2.FileNotifyChangeAttributes|c.changed))
}

// makeNew makes the object.
func (c *creation) makeNew() error {
	if c.stream.name != "" {
		return c.makeStream()
	}
	o := c.o
	dir := c.req.Options&smb2.OptionDirectoryFile != 0
	if err := c.checkNew(dir); err != nil {
		return err
	}
	if l := c.contexts.lease; l != nil && c.m.srv.leases.Check(l, nil) != nil {
		return smb2.StatusInvalidParameter
	}
	if !o.posix {
		o.name = c.m.tunnel.restore(o.name)
	}
	attrs := c.attrs
	if !dir {
		attrs |= vfs.AttrArchive
	}
	opt := vfs.CreateOptions{
		OpenOptions: c.openOptions(o.access), Directory: dir, Attributes: attrs, Security: c.security,
		NoCompression: c.req.Options&smb2.OptionNoCompression != 0,
	}
	opt.Mode, opt.HasMode = c.posixCreateMode()
	o.clears = o.posix && c.r.tree.access()&vfs.WriteAttributes != 0
	f, err := c.makeObject(opt)
	if err != nil {
		return err
	}
	if err := c.setNewEAs(f); err != nil {
		c.discard(f, vfs.WriteData)
		c.unmake(false, true)
		return err
	}
	attr, err := f.Stat(c.ctx)
	if err == nil && c.contexts.maximal {
		c.most, err = c.permitted(attr)
	}
	if err == nil {
		o.setFile(f)
		o.shared = o.access
		o.deleteOnClose = c.req.Options&smb2.OptionDeleteOnClose != 0
		o.posixDelete = o.deleteOnClose && o.posix
		err = c.joinNew(attr)
	}
	if err != nil {
		c.discard(f, vfs.WriteData)
		return err
	}
	o.file.mu.Lock()
	o.file.alloc = c.contexts.alloc
	o.file.mu.Unlock()
	o.did()
	c.m.entryChanged(o.holder, added(o.name, dir))
	c.action = smb2.ActionCreated
	return c.statNew()
}

// makeObject lets the backend make a file or directory.
func (c *creation) makeObject(opt vfs.CreateOptions) (vfs.File, error) {
	f, err := c.m.creator.Create(c.ctx, c.o.name, opt)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, smb2.StatusMediaWriteProtected
	case errors.Is(err, fs.ErrExist):
		return nil, errRaced
	case isMissing(err):
		return nil, smb2.StatusObjectPathNotFound
	case err != nil:
		return nil, err
	}
	c.m.names.added(c.o.name)
	return f, nil
}

// joinNew is join for a file that was just made. It may still have to wait for one that
// had the same id to be forgotten.
func (c *creation) joinNew(attr vfs.Attr) error {
	for {
		wait, err := c.join(attr, false)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

// statNew notes the attributes for the reply: what the client may cache from now on.
func (c *creation) statNew() error {
	c.o.guard()
	work, _ := c.o.file.object().work.state()
	var err error
	if c.attr, err = c.o.stat(c.ctx); err != nil {
		c.keep()
		return err
	}
	c.noteLook(work)
	return nil
}

// keep makes the undoing of an open that failed leave the file there.
func (c *creation) keep() {
	c.o.file.mu.Lock()
	defer c.o.file.mu.Unlock()
	c.o.deleteOnClose = false
}

// respond writes the reply.
func (c *creation) respond(w *reply) error {
	a := c.attr
	resp := smb2.CreateResponse{
		OplockLevel:    c.level(),
		Action:         c.action,
		CreationTime:   smb2.FileTimeOf(a.Created),
		LastAccessTime: smb2.FileTimeOf(a.Accessed),
		LastWriteTime:  smb2.FileTimeOf(a.Written),
		ChangeTime:     smb2.FileTimeOf(a.Changed),
		AllocationSize: a.Alloc,
		EndOfFile:      a.Size,
		FileAttributes: uint32(a.Attributes),
		FileID:         c.o.id,
		Contexts:       c.answerContexts(),
	}
	c.r.ch.file, c.r.ch.hasFile = c.o.id, true
	c.r.ch.after = append(c.r.ch.after, c.o.announce)
	w.grow(512)
	w.buf.B = resp.Append(w.buf.B)
	return nil
}
