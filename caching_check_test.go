package smb_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/oplock"
	"github.com/gosmbd/smb/smb2"
)

// checkCached checks that nothing old is cached.
func (m *cachingModel) checkCached() {
	for _, h := range m.hosts {
		if !h.up() {
			continue
		}
		for _, l := range h.leases {
			if !l.has(smb2.LeaseRead) || l.owed && !l.has(smb2.LeaseWrite) {
				continue
			}
			if l.listing != nil && !m.busy() { // otherwise nobody knows what there ought to be
				if list := m.listing(); !slices.Equal(list, l.listing) {
					m.fail("%d caches the listing %q, there is %q", h.n, l.listing, list)
				}
			}
			for _, i := range slices.Sorted(maps.Keys(l.cached)) {
				if v, c := l.cached[i], &l.file.cells[i]; !c.reads[v] {
					m.fail("%d caches %d of cell %d of file %d by %v (%v, owed %v until %v), want one of %v", h.n, v, i, l.file.id, l, oplock.State(l.state), l.owed, l.due.Sub(m.start), c.reads)
				}
			}
		}
	}
}

// listing is what is in the directory.
func (m *cachingModel) listing() []string {
	list := []string{".", ".."}
	for line := range strings.SplitSeq(dump(m.t, m.r.fs), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if name, found := strings.CutPrefix(name, "d/"); found && name != "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// checkEnd checks that nothing is left of those who don't come back, and that it keeps nobody from anything.
func (m *cachingModel) checkEnd() {
	for _, h := range m.hosts {
		m.hangUp(h)
	}
	time.Sleep(20 * time.Minute) // handles of version 1 stay 16
	if list := opensOf(m.r); len(list) > 0 {
		m.fail("left: %+v", list)
	}
	for s := range m.r.srv.Sessions() {
		m.fail("left: session %+v", s)
	}
	if n := stored(&m.stored); n > 0 {
		m.fail("left: %d persistent handles", n)
	}
	c := m.r.caching(smb.Dialect311, 50)
	for i, name := range cachingNames {
		req := smbtest.CreateReq(name, smb2.OpenIf)
		req.ShareAccess = 0
		id, _ := m.r.granted(c, req, smbtest.Lease2(leaseKey(byte(i)), leaseRWH, 0), leaseRWH)
		want(m.t, "LOCK", c.Lock(id, 0, 1000, exclusiveNow), ok)
	}
	end(m.r, c)
}
