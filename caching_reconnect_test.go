package smb_test

import (
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// safe reports whether nothing has happened that lets the server not give o back, or with less than its client had.
func (m *cachingModel) safe(o *cachingOpen) bool {
	return !o.threatened && o.touched == m.touched[o.name] && !m.touching(o.name) && time.Now().Before(o.until)
}

// touching reports whether something is being done to a file of that name.
func (m *cachingModel) touching(name string) bool {
	return slices.ContainsFunc(m.hosts, func(h *cachingHost) bool {
		return slices.ContainsFunc(h.requests, func(q *cachingRequest) bool { return slices.Contains(q.touches, name) })
	})
}

// reconnectReq asks for o back.
func (o *cachingOpen) reconnectReq() smb2.CreateRequest {
	x := handle{id: o.id, name: o.name, guid: o.guid}
	if o.persistent {
		x.flags = smb2.DurableFlagPersistent
	}
	if o.leased() {
		x.lease = smb2.LeaseContext{Version: o.lease.version, Key: o.lease.key, State: o.lease.state}
	}
	return x.request()
}

func (o *cachingOpen) leased() bool { return o.lease != nil && !o.lease.oplock }

// reconnect asks for a handle back. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12
func (m *cachingModel) reconnect(o *cachingOpen) {
	req := o.reconnectReq()
	if m.chance(4) {
		m.steal(o, req)
	}
	h, safe := o.host, m.safe(o)
	resp, g, st := pick(m.rnd, h.conns...).Open(req)
	m.logf("%d comes back for %v, version %d persistent %v resilient %v: %v, oplock %v lease %+v", h.n, o, o.version, o.persistent, o.resilience, st, oplock.Level(resp.OplockLevel), g.Lease)
	switch {
	case st == ok && o.mustBeGone != "":
		m.fail("%v is back, but %s", o, o.mustBeGone)
	case st != ok && safe:
		m.fail("%v isn't given back: %v", o, st)
	case st != ok:
		m.gone(o)
		return
	}
	m.touch([]string{o.name})
	o.down, o.id = false, resp.FileID
	m.checkLocks(o)
	if o.lease != nil {
		m.regain(o, safe, resp.OplockLevel, g.Lease)
	}
}

// steal asks for a handle as somebody whose it isn't: another user, or, if there is a lease, another machine.
func (m *cachingModel) steal(o *cachingOpen, req smb2.CreateRequest) {
	user := pick(m.rnd, "ann", "bob")
	if user == o.host.user && !o.leased() {
		return
	}
	c := m.dial(77)
	m.r.setup(c, user, passwordOf(user))
	m.r.tree(c, "s")
	if _, _, st := c.Open(req); st == ok {
		m.fail("%v is given to %s at another machine", o, user)
	}
	c.Close()
	synctest.Wait()
}

// checkLocks checks that a handle that is back has the locks that it had. If one is unsure, this tells what became of it.
func (m *cachingModel) checkLocks(o *cachingOpen) {
	for i := range o.unsure {
		delete(o.locks, i)
	}
	least := len(o.locks)
	for _, x := range opensOf(m.r) {
		switch {
		case x.ID != o.id.Persistent:
		case x.Locks < least || x.Locks > least+len(o.unsure):
			m.fail("%v is back with %d locks, had %d and perhaps %d more", o, x.Locks, least, len(o.unsure))
		case x.Locks > least:
			maps.Copy(o.locks, o.unsure)
		}
	}
	clear(o.unsure)
}

// regain notes what may be cached with a handle that is back: never more than before, and no less if it was safe.
func (m *cachingModel) regain(o *cachingOpen, safe bool, level smb2.OplockLevel, lease *smb2.LeaseContext) {
	l, changed := o.lease, false
	if l.oplock {
		lease = &smb2.LeaseContext{State: levelState(level)}
	} else if lease == nil {
		m.fail("%v is back without its lease", o)
	} else if l.version == 2 {
		changed = lease.Epoch != l.epoch
		l.epoch = lease.Epoch
	}
	s, breaking := lease.State, lease.Flags&smb2.LeaseBreakInProgress != 0
	if !o.persistent && o.resilience == 0 && s&smb2.LeaseHandle == 0 {
		m.fail("%v is back with %v", o, oplock.State(s)) // 3.3.5.9.7
	}
	if safe && s != l.state || s&^l.state != 0 && !l.owed && !breaking && !l.late && !l.more {
		m.fail("%v is back with %v, had %v", o, oplock.State(s), oplock.State(l.state))
	}
	s &= l.state
	if l.owed && !breaking && (!l.oplock || s != l.state) {
		l.owed = false // it ended without the client
	}
	if s&smb2.LeaseRead == 0 || changed && s&smb2.LeaseWrite == 0 {
		l.forget()
	}
	l.state = s
	if !l.has(smb2.LeaseWrite) {
		if safe && len(l.dirty) > 0 {
			m.fail("%v is back, but not what is buffered", o)
		}
		m.lost(l, nil, "the handle is back without the right to it")
	}
	for i, d := range l.dirty {
		if d.doubt {
			d.doubt = false
			l.file.cells[i].buffer(d.value)
		}
	}
}
