package smb

import (
	"strings"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// durableContexts are the create contexts about durable handles.
type durableContexts struct {
	v1, v2   bool // asked for
	request  smb2.DurableV2Request
	back     bool // a reconnect is asked for
	backV2   bool
	backID   smb2.FileID
	backGUID smb2.GUID
	flags    uint32 // of the reconnect
}

// parseDurable takes a context about durable handles. Version 2 is for SMB 3.
// [MS-SMB2] 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12
func (c *creation) parseDurable(x smb2.CreateContext) error {
	d := &c.contexts.durable
	smb3 := c.r.c.params.dialect >= Dialect300
	var err error
	switch x.Name {
	case smb2.ContextDHnQ:
		_, err = smb2.ParseDurableRequest(x.Data)
		d.v1 = true
	case smb2.ContextDHnC:
		var q smb2.DurableReconnect
		q, err = smb2.ParseDurableReconnect(x.Data)
		d.back, d.backID = true, q.FileID
	case smb2.ContextDH2Q:
		if smb3 {
			d.request, err = smb2.ParseDurableV2Request(x.Data)
			d.v2 = true
		}
	case smb2.ContextDH2C:
		if smb3 {
			var q smb2.DurableV2Reconnect
			q, err = smb2.ParseDurableV2Reconnect(x.Data)
			d.backV2, d.backID, d.backGUID, d.flags = true, q.FileID, q.CreateGUID, q.Flags
		}
	}
	return err
}

// check refuses contexts that can't stand together.
func (d *durableContexts) check() error {
	if d.backV2 && (d.v1 || d.v2 || d.back) || d.v2 && (d.v1 || d.back) {
		return smb2.StatusInvalidParameter
	}
	return nil
}

// reconnects reports whether an open that is there is asked for.
func (d *durableContexts) reconnects() bool { return d.back || d.backV2 }

// settleDurable decides whether the open that was made outlives its session: if the
// client may keep the file open, it may also come back for it.
func (c *creation) settleDurable() {
	o, d := c.o, &c.contexts.durable
	persistent := d.v2 && d.request.Flags&smb2.DurableFlagPersistent != 0 && c.persistent()
	if o.caller.Guest || o.caller.Anonymous || o.m.frozen() { // nobody can tell whose it was, or what it was of
		return
	}
	if o.file.dir || !d.v1 && !d.v2 || !cachesHandle(o.granted) && !persistent {
		return
	}
	promise := durability{granted: true, timeout: durableV1Timeout}
	if d.v2 {
		promise = durability{
			granted: true, v2: true, persistent: persistent, timeout: durableTimeout,
			guid: d.request.CreateGUID, client: c.r.c.params.clientGUID,
		}
		if ms := d.request.Timeout; ms != 0 {
			promise.timeout = min(milliseconds(ms), maxDurable)
		}
	}
	o.file.mu.Lock()
	o.durability = promise
	o.file.mu.Unlock()
	o.srv.handles.addDurable(o)
}

// durableAnswer returns the context that says so, if there is one to give.
func (d durability) answer() (smb2.CreateContext, bool) {
	switch {
	case !d.granted:
		return smb2.CreateContext{}, false
	case !d.v2:
		return smb2.CreateContext{Name: smb2.ContextDHnQ, Data: smb2.DurableResponse{}.Append(nil)}, true
	}
	resp := smb2.DurableV2Response{Timeout: uint32(d.timeout.Milliseconds())}
	if d.persistent {
		resp.Flags = smb2.DurableFlagPersistent
	}
	return smb2.CreateContext{Name: smb2.ContextDH2Q, Data: resp.Append(nil)}, true
}

// persistent reports whether the client may have persistent handles here.
func (c *creation) persistent() bool {
	return c.r.c.params.caps&smb2.CapPersistentHandles != 0 && c.m.srv.continuous(c.r.tree.share)
}

// persist stores the open if it is to be persistent, and what others may cache since: more,
// if they share its lease, or less, if they gave way to it.
func (c *creation) persist() error {
	if !c.o.durability.persistent && c.o.lease == nil {
		return nil
	}
	if err := c.o.save(); err != nil {
		return err
	}
	return c.o.file.saveCaching()
}

// parkNew keeps a persistent open whose session ended before it could be given to it: it
// has taken effect, and its client will ask again.
func (c *creation) parkNew() bool {
	o, s := c.o, c.m.srv
	if !o.durability.persistent || s.isClosed() || !s.park(o, smb2.StatusUserSessionDeleted) {
		return false
	}
	o.mu.Lock()
	o.known = true
	o.mu.Unlock()
	if c.fresh != nil {
		s.handles.made(c.fresh, o)
		c.fresh = nil
	}
	c.reserved = false // it counts as open
	return true
}

// reconnect gives the session an open that lost its own. [MS-SMB2] 3.3.5.9.7,
// 3.3.5.9.12
func (c *creation) reconnect(w *reply) error {
	if err := c.r.se.reserveReconnect(); err != nil {
		return err
	}
	o, err := c.findParked()
	if err != nil {
		c.r.se.cancelReconnect()
		return err
	}
	attached := false
	defer func() {
		if !attached { // also when the backend panics
			c.r.se.cancelReconnect()
			c.m.srv.unpark(o)
		}
	}()
	o.reopen(c.r.hdr.ChannelSequence())
	if c.attr, err = o.stat(c.ctx); err != nil {
		return err
	}
	if err = c.judgeAgain(o); err != nil {
		return err
	}
	if err = c.r.se.attach(o, c.r.tree); err != nil {
		return err
	}
	attached = true
	c.m.release() // the tree holds the mount from now on
	c.o, c.action = o, smb2.ActionOpened
	o.tellAgain() // of a break there was nobody to tell
	o.file.mu.Lock()
	o.granted = o.holder.Granted()
	o.file.mu.Unlock()
	return c.respond(w)
}

// reclaim answers a CREATE that came before, with the persistent open that it made,
// which has lost its session since. [MS-SMB2] 3.3.5.9
func (c *creation) reclaim(o *open, w *reply) error {
	d := &c.contexts.durable
	switch {
	case c.r.hdr.Flags&smb2.FlagReplayOperation == 0:
		return smb2.StatusFileNotAvailable
	case !sameCaller(o.caller, c.r.id.caller):
		return smb2.StatusAccessDenied
	case !c.names(o):
		return smb2.StatusContextMismatch
	case d.request.Flags&smb2.DurableFlagPersistent == 0:
		return smb2.StatusInvalidParameter
	case o.options != c.req.Options, o.asked != c.req.DesiredAccess, o.share != c.req.ShareAccess:
		return smb2.StatusContextMismatch
	}
	c.reclaimed = true
	d.backV2, d.backID, d.backGUID, d.flags = true, o.id, o.durability.guid, d.request.Flags
	return c.reconnect(w)
}

// How long a client that comes back waits for the server: to notice that its old
// connection is gone, and then for the requests that are still at work on the handle.
const (
	lateLoss     = 100 * time.Millisecond
	lateRequests = 30 * time.Second
)

// findParked finds the open and takes it from those that wait.
func (c *creation) findParked() (*open, error) {
	h, id := &c.m.srv.handles, c.contexts.durable.backID.Persistent
	ending := false
	for deadline := time.Now().Add(lateLoss); ; time.Sleep(2 * time.Millisecond) {
		h.mu.Lock()
		o := h.parked[id]
		if o != nil {
			err := c.checkReconnect(o)
			if err == nil {
				h.take(o)
			}
			h.mu.Unlock()
			return o, err
		}
		o = h.durable[id]
		if o == nil && c.contexts.durable.backV2 {
			if o = h.parkedBy(c.contexts.durable.backGUID); o != nil {
				id = o.id.Persistent
			}
		}
		h.mu.Unlock()
		if o == nil || !sameCaller(o.caller, c.r.id.caller) {
			return nil, smb2.StatusObjectNameNotFound
		}
		se := o.session()
		if se != nil && se.isClosed() && !ending {
			// It is being taken from its session, which waits for what is still
			// at work on it.
			ending, deadline = true, deadline.Add(lateRequests)
		}
		if se == c.r.se || time.Now().After(deadline) {
			return nil, smb2.StatusObjectNameNotFound
		}
	}
}

// checkReconnect checks that o is the caller's to come back to.
func (c *creation) checkReconnect(o *open) error {
	const missing = smb2.StatusObjectNameNotFound
	d := &c.contexts.durable
	persistent := d.flags&smb2.DurableFlagPersistent != 0
	switch {
	case o.m != c.m || !strings.EqualFold(o.shareName, c.r.tree.name):
		return missing
	case d.backV2 && d.backGUID != o.durability.guid:
		return missing
	case d.backV2 && o.durability.persistent && !persistent:
		return missing
	case (o.lease != nil) != c.contexts.hasLease && !c.noLease(o):
		return missing
	case o.lease != nil && (o.lease.Key != c.contexts.leaseKey || o.lease.Client != oplock.Key(c.r.c.params.clientGUID)):
		return missing
	case !sameCaller(o.caller, c.r.id.caller):
		return smb2.StatusAccessDenied
	}
	o.file.mu.Lock()
	held := o.holder.Granted()
	o.file.mu.Unlock()
	switch {
	case !o.durability.persistent && o.resilient.Load() == 0 && !cachesHandle(held):
		return missing
	case o.lease != nil && held.Version != 0 && held.Version != c.contexts.leaseVersion:
		return missing
	}
	if o.lease != nil {
		if !c.names(o) {
			return smb2.StatusInvalidParameter
		}
	}
	if d.backV2 && !o.durability.persistent && persistent {
		return smb2.StatusInvalidParameter
	}
	return nil
}

// names reports whether the request names the file that o is of.
func (c *creation) names(o *open) bool {
	if !c.sameTime(o) || c.checkName() != nil || foldStream(c.stream.name) != foldStream(o.streamName()) {
		return false
	}
	if o.posix {
		return c.name == o.path()
	}
	return foldPath(c.name) == foldPath(o.path())
}

// noLease reports whether o has no lease, whatever was asked for: it couldn't be had, or the share has none.
func (c *creation) noLease(o *open) bool {
	return o.lease == nil && (o.unleased || c.r.tree.share.NoCaching)
}

// replay answers a CREATE that came before. [MS-SMB2] 3.3.5.9, 3.3.5.9.10
func (c *creation) replay(o *open, w *reply) error {
	switch {
	case c.r.hdr.Flags&smb2.FlagReplayOperation == 0:
		return smb2.StatusDuplicateObjectid
	case !c.names(o):
		return smb2.StatusInvalidParameter
	case !sameCaller(o.caller, c.r.id.caller),
		c.contexts.hasLease && !c.noLease(o) && (o.lease == nil || o.lease.Key != c.contexts.leaseKey):
		return smb2.StatusAccessDenied
	}
	if c.r.se.pin(o.id, nil) != o {
		return smb2.StatusDuplicateObjectid // of another session, or closed meanwhile
	}
	c.r.open = o
	c.o, c.action, c.replayed = o, o.action, true
	var err error
	if c.attr, err = o.stat(c.ctx); err != nil {
		return err
	}
	if err := c.judgeAgain(o); err != nil {
		return err
	}
	o.tellAgain() // who didn't know the open may have ignored a break
	return c.respond(w)
}

// judgeAgain finds out what may be done at most with what is open already, if the client
// asks for it.
func (c *creation) judgeAgain(o *open) (err error) {
	if !c.contexts.maximal {
		return nil
	}
	if c.security, err = o.m.securityAt(c.ctx, o.path()); err == nil {
		c.o = o
		c.most, err = c.permitted(c.attr)
	}
	return err
}

// caching returns what the client is told of its oplock or lease: as it was granted,
// or as it is when a CREATE comes again.
func (c *creation) caching() oplock.Granted {
	if !c.replayed {
		return c.o.granted
	}
	c.o.file.mu.Lock()
	defer c.o.file.mu.Unlock()
	return c.o.holder.Granted()
}

// level returns the oplock level of the answer.
func (c *creation) level() smb2.OplockLevel {
	if c.replayed && c.req.OplockLevel == smb2.OplockNone {
		return smb2.OplockNone // what a CREATE that comes again doesn't ask for it isn't told
	}
	return smb2.OplockLevel(c.caching().Level)
}

// asksHandle reports whether what is asked for could make an open durable.
func (c *creation) asksHandle() bool {
	return c.req.OplockLevel == smb2.OplockBatch || c.req.OplockLevel == smb2.OplockLease
}
