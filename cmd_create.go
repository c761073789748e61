package smb

import (
	"context"
	"errors"
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
	made     bool            // the object was just made
	hidden   bool            // there is something of the name that can't be opened, such as a link that isn't shown
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
		c.security = nil     // who goes on looks again
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
// shared claim, and only what may have to be made is claimed exclusively. A short name
// isn't what others claim: the name that it stands for is.
func (c *creation) attempts() error {
	// A file is not overwritten while its streams are being opened.
	cl := claim{key: foldPath(c.name), exclusive: c.req.Disposition == smb2.Create || c.m.streams && c.overwrites()}
	for races := 0; races < 8; races++ {
		c.hidden = false
		switch err := c.attemptOrUndo(cl); err {
		case errParkedNew:
			return smb2.StatusUserSessionDeleted
		case errNeedExclusive:
			cl.exclusive = true
		case errOtherName:
			cl.key = foldPath(c.o.name)
		case errRaced:
		default:
			return err
		}
	}
	switch {
	case !c.hidden:
		return smb2.StatusSharingViolation // others keep making and removing it
	case c.req.Disposition == smb2.Create:
		return smb2.StatusObjectNameCollision
	}
	return smb2.StatusAccessDenied
}

// attemptOrUndo is attempt, but for what had taken effect when it failed. That can be undone
// now that the name isn't claimed any more.
func (c *creation) attemptOrUndo(cl claim) (err error) {
	c.o, err = nil, errPanicked
	defer func() {
		if err == nil || err == errParkedNew || c.o == nil || c.o.file == nil {
			return
		}
		if err == errPanicked {
			c.keep()
		}
		c.m.srv.handles.forget(c.o)
		c.o.release(c.ctx)
	}()
	return c.attempt(cl)
}

var (
	errPanicked      = errors.New("smb: the backend panics")
	errNeedExclusive = errors.New("smb: the name must be claimed exclusively")
	errOtherName     = errors.New("smb: the name that it was found by isn't the one claimed")
	errBreaking      = errors.New("smb: others must give up what they cache")
	errParkedNew     = errors.New("smb: the session ended; the open waits for its client")
	errRaced         = errors.New("smb: another program made or removed the name")
)

// attempt does it, if nobody else changes the name meanwhile. When it fails after
// the open took effect, o.file is set.
func (c *creation) attempt(cl claim) error {
	if err := c.m.claim(c.ctx, cl); err != nil {
		return err
	}
	defer c.m.unclaim(cl)
	if l := c.contexts.lease; l != nil {
		l.Name = leaseName(c.r.tree.name, cl.key, c.stream.name)
	}
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
	case err == nil && foldPath(o.name) != cl.key:
		f.Close()
		return errOtherName
	case err == nil:
		err = c.openExisting(f)
	case err == smb2.StatusObjectPathNotFound:
		return err
	case isMissing(err):
		switch c.req.Disposition {
		case smb2.Open, smb2.Overwrite:
			return smb2.StatusObjectNameNotFound
		}
		if c.object == nil && !o.posix {
			o.name = c.m.tunnel.restore(o.name)
		}
		switch {
		case foldPath(o.name) != cl.key:
			return errOtherName
		case !cl.exclusive:
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
		if err == smb2.StatusUserSessionDeleted && c.parkNew() {
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
