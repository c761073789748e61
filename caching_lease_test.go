package smb_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

// cachingLease is a lease, or an oplock, which is like the lease of one open: what its client may cache, and what it does.
type cachingLease struct {
	host    *cachingHost
	file    *cachingFile // nil: a directory
	oplock  bool
	key     smbtest.Key
	version uint8 // of a lease
	epoch   uint16
	state   smb2.LeaseState
	opens   []*cachingOpen
	opening int  // CREATEs that ask for it and have no answer yet
	more    bool // the server may count more than the client, who was told so on a connection that ended

	cached  map[int]uint64     // what was read, by cell
	dirty   map[int]*dirtyCell // what is to be written
	listing []string           // of the directory; nil: not cached
	changes int                // of what may be cached: what was asked before isn't

	// While owed, the client owes the answer to a break.
	owed     bool
	to       smb2.LeaseState
	answer   time.Time // when it begins to answer; zero: never
	due      time.Time // when it gives up by itself
	flushing bool      // it has begun
	late     bool      // a break wasn't answered in time, or the answer was refused
}

// dirtyCell is what a client buffers.
type dirtyCell struct {
	value uint64
	open  *cachingOpen // with which it was written, and will be sent
	sent  bool         // is on its way to the server, or was at the end of the connection
	doubt bool         // may be lost without the client's knowing it yet
}

// newLease is one that isn't granted yet.
func (h *cachingHost) newLease(oplock bool) *cachingLease {
	l := &cachingLease{host: h, oplock: oplock, cached: make(map[int]uint64), dirty: make(map[int]*dirtyCell)}
	h.leases = append(h.leases, l)
	return l
}

// has reports whether all of s may be cached.
func (l *cachingLease) has(s smb2.LeaseState) bool { return l.state&s == s }

// forget drops what was read.
func (l *cachingLease) forget() {
	clear(l.cached)
	l.listing = nil
	l.changes++
}

// lost is the end of what was buffered, or of what one of the handles has buffered if open isn't nil.
func (m *cachingModel) lost(l *cachingLease, open *cachingOpen, why string) {
	for _, i := range slices.Sorted(maps.Keys(l.dirty)) {
		d := l.dirty[i]
		if open != nil && d.open != open {
			continue
		}
		m.logf("  %d in cell %d of file %d is lost: %s", d.value, i, l.file.id, why)
		if !d.doubt {
			l.file.cells[i].unbuffered(d.value, d.sent)
		}
		delete(l.dirty, i)
	}
}

// shrink leaves what a break left.
func (m *cachingModel) shrink(l *cachingLease, to smb2.LeaseState) {
	if to&smb2.LeaseRead == 0 {
		l.forget()
	}
	if to&smb2.LeaseWrite == 0 && len(l.dirty) > 0 {
		m.fail("%d loses the right to buffer before it has flushed", l.host.n)
	}
	l.state = to
	l.changes++
}

// reap ends a lease that nothing is open with.
func (m *cachingModel) reap(l *cachingLease) {
	if l != nil && len(l.opens) == 0 && l.opening == 0 {
		m.lost(l, nil, "the last handle is closed")
		l.host.leases = slices.DeleteFunc(l.host.leases, func(x *cachingLease) bool { return x == l })
	}
}

// flush sends what is buffered, and goes on when all of it was answered, or none will be.
func (m *cachingModel) flush(l *cachingLease, then func()) {
	left := 1
	step := func() {
		if left--; left == 0 {
			then()
		}
	}
	for _, i := range slices.Sorted(maps.Keys(l.dirty)) {
		d, c := l.dirty[i], &l.file.cells[i]
		left++
		d.sent = true
		m.send(l.host, &cachingRequest{cmd: smb2.CommandWrite, what: fmt.Sprintf("flush %v, cell %d: %d", d.open, i, d.value), again: sentAgain,
			body: smb2.WriteRequest{FileID: d.open.id, Offset: cellOffset(i), Data: cellData(d.value)},
			open: d.open, lost: step,
			done: func(r smbtest.Reply) {
				current := l.dirty[i] == d
				switch {
				case r.Status != ok && current:
					m.fail("%d can't flush %v: %v", l.host.n, d.open, r.Status)
				case r.Status == ok:
					c.flushed(d.value)
				}
				if current {
					delete(l.dirty, i)
					if l.has(smb2.LeaseRead) {
						l.cached[i] = d.value
					}
				}
				step()
			}})
	}
	step()
}

// levelState is what an oplock lets a client cache.
func levelState(l smb2.OplockLevel) smb2.LeaseState {
	switch l {
	case smb2.OplockLevelII:
		return leaseR
	case smb2.OplockExclusive:
		return leaseRW
	case smb2.OplockBatch:
		return leaseRWH
	}
	return 0
}

// String is the lease in the log.
func (l *cachingLease) String() string {
	switch {
	case l == nil:
		return "nothing"
	case l.oplock:
		return "oplock"
	}
	return fmt.Sprintf("lease %x", l.key[:4])
}
