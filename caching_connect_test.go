package smb_test

import (
	"slices"
	"testing/synctest"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// connect brings a host back, with one connection or two, and then for its handles.
func (m *cachingModel) connect(h *cachingHost) {
	m.logf("%d connects", h.n)
	h.sequence = 0
	h.conns = []*smbtest.Client{m.logon(h)}
	if h.binds() && m.chance(2) {
		m.bind(h)
	}
	for _, o := range slices.Clone(h.opens) {
		m.reconnect(o)
		m.drain()
	}
}

// logon returns a connection with a new session, which may end the one before. [MS-SMB2] 3.3.5.5.3
func (m *cachingModel) logon(h *cachingHost) *smbtest.Client {
	c := m.dial(byte(h.n))
	l := &smbtest.Logon{User: h.user, Password: passwordOf(h.user)}
	if m.chance(2) {
		l.Previous = h.previous
	}
	_, st := c.Logon(l)
	want(m.t, "SESSION_SETUP", st, ok)
	m.r.tree(c, "s")
	h.previous = c.Session.ID
	return c
}

// bind gives the host's session one more connection.
func (m *cachingModel) bind(h *cachingHost) {
	c, first := m.dial(byte(h.n)), h.conns[0]
	want(m.t, "SESSION_SETUP with binding", c.Bind(first.Session, h.user, passwordOf(h.user)), ok)
	c.Tree = first.Tree
	h.conns = append(h.conns, c)
}

func (m *cachingModel) dial(machine byte) *smbtest.Client {
	c := m.r.channel(smb.Dialect311, machine)
	c.Timeout = oplock.AckTimeout + 5*time.Second // others may have to answer first
	return c
}

func passwordOf(user string) string { return accounts()[user].Password }

// cut ends one of the host's connections, and what is on its way to the host with it: something is done before that may lead
// to an answer or a break. What had no answer is sent again on another connection, or is lost.
func (m *cachingModel) cut(h *cachingHost) {
	i := m.rnd.IntN(len(h.conns))
	c := h.conns[i]
	if other := pick(m.rnd, m.hosts...); other.up() && !m.chance(4) {
		m.create(other)
		synctest.Wait()
	}
	missed := !c.Quiet(time.Microsecond)
	m.logf("%d loses a connection of %d, and what came on it %v", h.n, len(h.conns), missed)
	c.Close()
	h.conns = slices.Delete(h.conns, i, i+1)
	if !h.up() {
		synctest.Wait()
		m.down(h)
		return
	}
	if !m.chance(3) {
		synctest.Wait() // otherwise the server may not know yet
	}
	h.sequence++
	for _, l := range h.leases {
		l.flushing = false
		if missed && l.state == smb2.LeaseRead {
			l.forget() // it may be broken: this isn't answered, so it isn't repeated either
			l.state, l.more = 0, true
		}
	}
	for _, q := range slices.Clone(h.requests) {
		switch {
		case q.conn != c:
		case q.again == sentOnce:
			m.lose(q)
		default:
			m.logf("%d > replay %s", h.n, q.what)
			q.replay = true
			m.transmit(q)
		}
	}
}

// down is the end of the host's session. Handles that outlive it wait for the host. [MS-SMB2] 3.3.7.1
func (m *cachingModel) down(h *cachingHost) {
	var touched []string
	for _, q := range slices.Clone(h.requests) {
		touched = append(touched, q.touches...)
		m.lose(q)
	}
	for _, o := range slices.Clone(h.opens) {
		if o.kept() == 0 {
			m.touch([]string{o.name})
			m.gone(o)
		}
	}
	for _, o := range h.opens {
		if o.down {
			continue
		}
		o.down, o.until, o.touched = true, time.Now().Add(o.kept()), m.touched[o.name]
		l := o.lease
		o.threatened = slices.Contains(touched, o.name) || l != nil && (l.owed || l.late || l.more) ||
			!o.persistent && o.resilience == 0 && (l == nil || !l.has(smb2.LeaseHandle))
	}
	for _, l := range h.leases {
		l.flushing = false
	}
	m.doubt()
}

// doubt allows reads to return what the server has where those who buffer something else are away: it may have been lost with
// the handle. Who has a persistent one may rely on it, since others can't have the file meanwhile.
func (m *cachingModel) doubt() {
	for _, h := range m.hosts {
		if h.up() {
			continue
		}
		for _, l := range h.leases {
			for i, d := range l.dirty {
				if !d.doubt && !(d.open.persistent && !l.owed && time.Now().Before(d.open.until)) {
					d.doubt = true
					l.file.cells[i].doubtful()
				}
			}
		}
	}
}

func (m *cachingModel) logoff(h *cachingHost) {
	if len(h.requests) > 0 {
		return
	}
	m.logf("%d logs off", h.n)
	want(m.t, "LOGOFF", h.conns[0].Logoff(), ok)
	m.hangUp(h)
	synctest.Wait()
	m.down(h)
}

func (m *cachingModel) hangUp(h *cachingHost) {
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
}

// restart ends the server, and starts it again. Persistent handles stay, and what ends with the others is no threat to them.
func (m *cachingModel) restart() {
	m.logf("the server is restarted")
	busy := m.busy()
	for _, h := range m.hosts {
		m.hangUp(h)
	}
	m.r.srv.Close()
	synctest.Wait()
	for _, h := range m.hosts {
		for _, o := range h.opens {
			o.threatened = o.down && !m.safe(o)
		}
	}
	for _, h := range m.hosts {
		m.down(h)
		for _, o := range slices.Clone(h.opens) {
			if !o.persistent {
				m.gone(o)
			}
		}
	}
	for _, h := range m.hosts {
		for _, o := range h.opens {
			o.threatened = o.threatened || busy
			o.until, o.touched = time.Now().Add(o.kept()), m.touched[o.name]
		}
	}
	m.r = m.r.successor(&m.stored)
}
