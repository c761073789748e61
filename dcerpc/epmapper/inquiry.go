package epmapper

import (
	"slices"

	"github.com/gosmbd/smb/dcerpc"
)

// The kinds of inquiries, [MS-RPCE] 2.2.1.2.4.
const (
	inquireAll = iota
	inquireInterface
	inquireObject
	inquireBoth
)

// The version options, [MS-RPCE] 2.2.1.2.4.
const (
	versionsAll = 1 + iota
	versionsCompatible
	versionsExact
	versionsMajor
	versionsUpTo
)

// inquiry is what a client of ept_lookup looks for.
type inquiry struct {
	kind         uint32
	object       dcerpc.UUID
	hasObject    bool
	iface        dcerpc.UUID
	hasIface     bool
	major, minor uint16
	versions     uint32
}

// valid reports whether the inquiry makes sense.
func (q inquiry) valid() bool {
	switch q.kind {
	case inquireAll:
		return true
	case inquireInterface:
		return q.hasIface && q.versions >= versionsAll && q.versions <= versionsUpTo
	case inquireObject:
		return q.hasObject
	case inquireBoth:
		return q.hasIface && q.hasObject && q.versions >= versionsAll && q.versions <= versionsUpTo
	}
	return false
}

// filter returns those of list that the inquiry is about. No endpoint has an object.
func (q inquiry) filter(list []Endpoint) []Endpoint {
	if !q.valid() {
		return nil
	}
	byObject := q.kind == inquireObject || q.kind == inquireBoth
	byIface := q.kind == inquireInterface || q.kind == inquireBoth
	return slices.DeleteFunc(list, func(e Endpoint) bool {
		return byObject && q.object != dcerpc.UUID{} || byIface && (q.iface != e.UUID || !q.fits(e))
	})
}

// fits compares versions.
func (q inquiry) fits(e Endpoint) bool {
	switch q.versions {
	case versionsCompatible:
		return e.Major == q.major && e.Minor >= q.minor
	case versionsExact:
		return e.Major == q.major && e.Minor == q.minor
	case versionsMajor:
		return e.Major == q.major
	case versionsUpTo:
		return e.Major < q.major || e.Major == q.major && e.Minor <= q.minor
	}
	return true
}
