package smb_test

import (
	"fmt"
	"slices"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// cachingCreate is a CREATE.
type cachingCreate struct {
	*cachingModel
	open     *cachingOpen
	req      smb2.CreateRequest
	again    resending
	replaces *cachingFile // what is to be overwritten, as far as is known
	ends     []func(done bool)
}

// create opens a file or the directory, with or without the right to cache, and to come back.
func (m *cachingModel) create(h *cachingHost) {
	m.opened++
	o := &cachingOpen{host: h, n: m.opened, locks: make(map[int]bool), unsure: make(map[int]bool)}
	c := &cachingCreate{cachingModel: m, open: o}
	if o.dir = m.chance(8); o.dir {
		c.chooseDirectory()
	} else {
		c.chooseFile()
	}
	switch k := m.rnd.IntN(10); {
	case k < 6 || o.dir:
		c.askLease()
	case k < 9:
		c.askOplock()
	}
	if !o.dir {
		c.askDurable()
	}
	c.begin()
}

func (c *cachingCreate) chooseDirectory() {
	o := c.open
	o.name, o.access, o.share = "d", vfs.ListDirectory, 7
	c.req = dirReq(o.name, smb2.Open)
	c.req.DesiredAccess = statAccess | uint32(o.access)
}

func (c *cachingCreate) chooseFile() {
	o := c.open
	o.name, o.share = pick(c.rnd, cachingNames...), 7
	if c.chance(8) {
		o.share = smb2.ShareAccess(c.rnd.IntN(8))
	}
	const read, write = vfs.ReadData, vfs.ReadData | vfs.WriteData
	o.access = pick(c.rnd, read, write, write, write|vfs.Delete, 0)
	d := smb2.OpenIf
	c.req = smbtest.CreateReq(o.name, pick(c.rnd, d, d, d, d, d, d, smb2.Open, smb2.OverwriteIf))
	c.req.DesiredAccess, c.req.ShareAccess = statAccess|uint32(o.access), o.share
}

// askLease asks for a lease, or for a share in one that the client has. The latter doesn't overwrite: what is cached by the
// lease would be the client's own to drop.
func (c *cachingCreate) askLease() {
	o := c.open
	for _, l := range o.host.leases {
		if !l.oplock && len(l.opens) > 0 && l.opens[0].name == o.name && c.chance(2) {
			o.lease = l
		}
	}
	states := []smb2.LeaseState{leaseR, leaseRH, leaseRW, leaseRWH, leaseRWH, leaseRWH, 0}
	if o.dir {
		states = states[:2]
	}
	if o.lease != nil {
		if c.req.Disposition == smb2.OverwriteIf {
			c.req.Disposition = smb2.OpenIf
		}
	} else {
		o.lease = o.host.newLease(false)
		o.lease.key = smbtest.Key{0x1E, byte(o.n), byte(o.n >> 8)}
		o.lease.version = 2
		if len(o.host.conns) == 1 && !o.dir && c.chance(3) {
			o.lease.version = 1
		}
	}
	l := o.lease
	c.req = smbtest.With(c.req, smbtest.LeaseContext(smb2.LeaseContext{Version: l.version, Key: l.key, State: pick(c.rnd, states...), Epoch: l.epoch}))
}

func (c *cachingCreate) askOplock() {
	c.open.lease = c.open.host.newLease(true)
	c.req.OplockLevel = pick(c.rnd, smb2.OplockLevelII, smb2.OplockExclusive, smb2.OplockBatch, smb2.OplockBatch)
}

func (c *cachingCreate) askDurable() {
	o := c.open
	o.guid = smb2.GUID{0xC6, byte(o.n), byte(o.n >> 8)}
	timeout := pick[uint32](c.rnd, 0, 5000, 300000)
	switch c.rnd.IntN(4) {
	case 1:
		c.req = smbtest.With(c.req, smbtest.Durable())
	case 2:
		c.req = smbtest.With(c.req, smbtest.Durable2(o.guid, timeout, 0))
		c.again = sentTillDone
	case 3:
		c.req = smbtest.With(c.req, smbtest.Durable2(o.guid, timeout, smb2.DurableFlagPersistent))
		c.again = sentTillDone
	}
}

func (c *cachingCreate) begin() {
	o := c.open
	if o.lease != nil {
		o.lease.opening++
	}
	if c.req.Disposition == smb2.OverwriteIf {
		c.replaces = c.named[o.name]
		c.overwrite(c.replaces)
	}
	q := c.req
	what := fmt.Sprintf("CREATE %v, disposition %d access %#x share %d, %v, oplock %v, resent %d", o, q.Disposition, q.DesiredAccess, q.ShareAccess, o.lease, oplock.Level(q.OplockLevel), c.again)
	c.send(o.host, &cachingRequest{cmd: smb2.CommandCreate, what: what, again: c.again, touches: []string{o.name},
		body: smbtest.With(q, smb2.CreateContext{Name: smb2.ContextQFid}),
		done: c.finish, lost: c.unanswered})
}

// overwrite begins to make f empty.
func (c *cachingCreate) overwrite(f *cachingFile) {
	if f == nil {
		return
	}
	for i := range f.cells {
		c.ends = append(c.ends, f.cells[i].begin(0))
	}
}

// end is the end of the request, if it did something or didn't.
func (c *cachingCreate) end(done bool) {
	l := c.open.lease
	if l != nil {
		l.opening--
	}
	for _, end := range c.ends {
		end(done)
	}
	if !done {
		c.reap(l)
	}
}

// unanswered is the end of a request that may have been done, and its lease more since.
func (c *cachingCreate) unanswered() {
	if l := c.open.lease; l != nil && len(l.opens) > 0 {
		l.more = true
	}
	c.end(false)
}

func (c *cachingCreate) finish(r smbtest.Reply) {
	if r.Status != ok {
		c.end(false)
		return
	}
	o, h := c.open, c.open.host
	resp, g, _ := h.conns[0].Opened(r)
	o.id = resp.FileID
	if !o.dir {
		c.identify(resp)
	}
	c.end(true)
	o.promised(g)
	c.exclude(o)
	h.opens = append(h.opens, o)
	c.logf("  %v has id %d, durable version %d, persistent %v", o, o.id.Persistent, o.version, o.persistent)
	if l := o.lease; l != nil {
		l.opens, l.file = append(l.opens, o), o.file
		c.grant(l, resp.OplockLevel, g.Lease)
	}
}

// grant notes what l is after an open. A lease that has others stays what it is, or becomes more, unless a break overtook
// the answer, which tells then of a time before it. [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11
func (c *cachingCreate) grant(l *cachingLease, level smb2.OplockLevel, lease *smb2.LeaseContext) {
	if l.oplock {
		lease = &smb2.LeaseContext{State: levelState(level)}
	}
	if lease == nil {
		return
	}
	c.logf("  %v was %v and is %v: %+v", l, oplock.State(l.state), oplock.State(lease.State), *lease)
	breaking, shared := lease.Flags&smb2.LeaseBreakInProgress != 0, len(l.opens) > 1
	switch {
	case l.owed:
		if l.state == 0 && breaking {
			l.state = lease.State // the break came when the answer was lost, before this one
		}
		return
	case shared && breaking, shared && l.version == 2 && int16(lease.Epoch-l.epoch) < 0:
		return
	case shared && lease.State&l.state != l.state && l.version != 1:
		c.fail("%d's lease went from %v to %v by an open", l.host.n, oplock.State(l.state), oplock.State(lease.State))
	}
	if l.state = lease.State; l.version == 2 {
		l.epoch = lease.Epoch
	}
}

// identify finds out which file was opened.
func (c *cachingCreate) identify(resp smb2.CreateResponse) {
	o := c.open
	id := uint64(slices.Index(cachingNames, o.name)) // if there are none, no name ever is another file's
	if !c.mode.noIDs {
		x, _ := smb2.FindContext(resp.Contexts, smb2.ContextQFid)
		q, err := smb2.ParseQueryOnDiskIDResponse(x)
		if err != nil {
			c.fail("id of %v: %v", o, err)
		}
		id = q.DiskFileID
	}
	f := c.files[id]
	if f == nil {
		f = newCachingFile(id)
		c.files[id] = f
	}
	if c.req.Disposition == smb2.OverwriteIf && f != c.replaces {
		for _, end := range c.ends {
			end(false)
		}
		c.ends = nil
		c.overwrite(f)
	}
	o.file, c.named[o.name] = f, f
}
