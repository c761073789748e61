package smb_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// cachingOpen is a handle.
type cachingOpen struct {
	host    *cachingHost
	n       int
	name    string
	dir     bool
	file    *cachingFile // nil: a directory
	lease   *cachingLease
	id      smb2.FileID
	access  vfs.Access
	share   smb2.ShareAccess
	busy    int // requests under way for which it has to stay
	closing bool

	// Of a durable handle; version 0: it isn't.
	version    int
	persistent bool
	guid       smb2.GUID // of version 2
	timeout    time.Duration
	resilience time.Duration

	locks    map[int]bool // by cell
	unsure   map[int]bool // locks that are being taken or given up, or were when the answer got lost
	sequence uint32       // of them

	// While its client is away.
	down       bool
	until      time.Time // when the server may close it
	touched    int       // what cachingModel.touched had for the name
	threatened bool      // the server needn't give it back
	mustBeGone string    // why it can't be given back
}

// String is the handle in the log.
func (o *cachingOpen) String() string { return fmt.Sprintf("#%d %s", o.n, o.name) }

// kept is how long the handle waits for its client; zero: it doesn't.
func (o *cachingOpen) kept() time.Duration {
	switch {
	case o.resilience > 0:
		return o.resilience
	case o.version > 0:
		return o.timeout
	}
	return 0
}

// promised notes what the server has promised.
func (o *cachingOpen) promised(g smbtest.Granted) {
	switch {
	case g.Durable:
		o.version, o.timeout = 1, 16*time.Minute // [MS-SMB2] 3.3.5.9.6, note 335
	case g.Durable2 != nil:
		o.version, o.timeout = 2, time.Duration(g.Durable2.Timeout)*time.Millisecond
		o.persistent = g.Durable2.Flags&smb2.DurableFlagPersistent != 0
	}
	if o.version != 2 {
		o.guid = smb2.GUID{}
	}
}

// exclude checks that no two handles are open that share modes forbid beside each other. One whose client is away may have
// been closed for the other. [MS-FSA] 2.1.5.1.2
func (m *cachingModel) exclude(o *cachingOpen) {
	if o.file == nil {
		return
	}
	for _, h := range m.hosts {
		for _, other := range h.opens {
			if other.file != o.file || other.closing || !o.conflicts(other) && !other.conflicts(o) {
				continue
			}
			if !other.down {
				m.fail("%v (access %#x share %d) and %v (access %#x share %d) are open", o, o.access, o.share, other, other.access, other.share)
			}
			other.mustBeGone = fmt.Sprintf("%v was opened", o)
		}
	}
}

// conflicts reports whether o does what other doesn't share. Who does nothing with the content is shared with always.
func (o *cachingOpen) conflicts(other *cachingOpen) bool {
	const data = vfs.ReadData | vfs.WriteData | vfs.Delete
	var shared vfs.Access
	for s, a := range map[smb2.ShareAccess]vfs.Access{smb2.ShareRead: vfs.ReadData, smb2.ShareWrite: vfs.WriteData, smb2.ShareDelete: vfs.Delete} {
		if other.share&s != 0 {
			shared |= a
		}
	}
	return other.access&data != 0 && o.access&data&^shared != 0
}

// closeOne closes one of the host's handles, after what is buffered was flushed.
func (m *cachingModel) closeOne(h *cachingHost, dir bool) {
	o := m.usable(h, 0, dir)
	if o == nil || o.busy > 0 {
		return
	}
	if o.lease == nil {
		m.close(o)
		return
	}
	m.flush(o.lease, func() { m.close(o) })
}

func (m *cachingModel) close(o *cachingOpen) {
	if o.closing || !o.host.up() || o.buffers() {
		return
	}
	o.closing = true
	m.send(o.host, &cachingRequest{cmd: smb2.CommandClose, what: fmt.Sprintf("CLOSE %v", o), again: sentTillDone, touches: []string{o.name},
		body: smb2.CloseRequest{FileID: o.id},
		lost: func() { m.gone(o) },
		done: func(r smbtest.Reply) {
			if r.Status != ok && r.Status != smb2.StatusFileClosed { // what is sent again may have been done before
				m.fail("CLOSE %v: %v", o, r.Status)
			}
			m.gone(o)
		}})
}

// buffers reports whether something is buffered that was written with the handle.
func (o *cachingOpen) buffers() bool {
	if o.lease != nil {
		for _, d := range o.lease.dirty {
			if d.open == o {
				return true
			}
		}
	}
	return false
}

// gone is the end of a handle.
func (m *cachingModel) gone(o *cachingOpen) {
	is := func(x *cachingOpen) bool { return x == o }
	o.host.opens = slices.DeleteFunc(o.host.opens, is)
	if l := o.lease; l != nil {
		m.lost(l, o, "its handle is gone")
		l.opens = slices.DeleteFunc(l.opens, is)
		m.reap(l)
	}
}
