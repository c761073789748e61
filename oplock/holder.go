package oplock

import "time"

// Holder is one open of a file. [NewHolder] makes it for the request, so that
// others' caching can be broken on its behalf; [File.Grant] adds it to the file;
// [File.Close] ends it. A nil *Holder stands for somebody without any caching,
// such as another program on the server's machine.
//
// What it was made from is immutable but for the owner; the rest is guarded as
// its File is.
type Holder struct {
	owner         any
	access        uint32
	level         Level
	lease         LeaseRequest // if level is Lease
	directory     bool
	deleteOnClose bool
	timeout       time.Duration

	file    *File    // nil unless open
	holding *holding // nil if it caches nothing and has no lease
}

// NewHolder returns a holder for r, which isn't part of a file yet.
func NewHolder(r Request) *Holder {
	h := &Holder{
		owner:         r.Owner,
		access:        r.Access,
		level:         r.Level,
		directory:     r.Directory,
		deleteOnClose: r.DeleteOnClose,
		timeout:       r.AckTimeout,
	}
	if h.timeout <= 0 {
		h.timeout = AckTimeout
	}
	switch {
	case r.Level != Lease:
	case r.Lease == nil:
		h.level = None // [MS-SMB2] 3.3.5.9.8: "the lease request MUST be ignored"
	default:
		h.lease = *r.Lease
	}
	return h
}

// Owner returns the caller's value for the open.
func (h *Holder) Owner() any { return h.owner }

// SetDirectory tells what the open turned out to be of, before [File.Grant].
func (h *Holder) SetDirectory(dir bool) { h.directory = dir }

// SetAccess tells what the open may do now that it is known, as when it asked
// for all that it can get, before [File.Grant].
func (h *Holder) SetAccess(access uint32) { h.access = access }

// Granted returns what h has now, for status displays and replies to clients
// that come back.
func (h *Holder) Granted() Granted {
	if h == nil || h.holding == nil {
		return Granted{}
	}
	g := h.holding
	if !g.lease {
		return Granted{Level: g.level, Breaking: g.breaking}
	}
	return Granted{
		Level: Lease, State: g.state, Version: g.version, Epoch: g.epoch, Breaking: g.breaking,
		Parent: g.parent, HasParent: g.hasParent,
	}
}

// Rights in an access mask. [MS-SMB2] 2.2.13.1
const (
	readAttributes  = 0x00000080
	writeAttributes = 0x00000100
	readControl     = 0x00020000
	synchronize     = 0x00100000

	// What an open may ask for without disturbing oplocks, and leases.
	// [MS-FSA] 2.1.4.12, OPEN
	quietForOplocks = readAttributes | writeAttributes | synchronize
	quietForLeases  = quietForOplocks | readControl
)

// quiet reports whether h leaves the caching of g alone when it opens the file.
func (h *Holder) quiet(g *holding) bool {
	if h == nil {
		return false
	}
	if g.lease {
		return h.access&^quietForLeases == 0
	}
	return h.access&^quietForOplocks == 0
}

// has reports whether what g caches is cached by h itself: it is h's oplock or
// lease, or that of the lease key which h asks for. [MS-FSA] 2.1.4.12.2
func (h *Holder) has(g *holding) bool {
	switch {
	case h == nil:
		return false
	case h.holding == g:
		return true
	}
	return g.lease && h.level == Lease && h.lease.Client == g.client && h.lease.Key == g.key
}

// DropLease makes h one that asks for no caching, before [File.Grant].
func (h *Holder) DropLease() { h.level = None }

// Parent returns the lease on the directory that h's client says it has, nil if it says nothing.
func (h *Holder) Parent() *LeaseID {
	if h == nil || h.level != Lease || !h.lease.HasParent {
		return nil
	}
	return &LeaseID{h.lease.Client, h.lease.Parent}
}

// hasParent reports whether g is the lease on the directory that h's client says
// it has. [MS-FSA] 2.1.4.12.2, PARENT_OBJECT
func (h *Holder) hasParent(g *holding) bool {
	return h != nil && g.lease && h.level == Lease && h.lease.HasParent &&
		h.lease.Client == g.client && h.lease.Parent == g.key
}
