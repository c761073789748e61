package vfs

import (
	"context"
	"iter"
)

// PrincipalKind says what a SID or a name stands for. Its values are those of
// SID_NAME_USE, [MS-LSAT] 2.2.13.
type PrincipalKind uint8

// What a SID or a name may stand for.
const (
	PrincipalUser      PrincipalKind = 1
	PrincipalGroup     PrincipalKind = 2
	PrincipalDomain    PrincipalKind = 3
	PrincipalAlias     PrincipalKind = 4 // a group that is local to one machine
	PrincipalWellKnown PrincipalKind = 5 // such as Everyone
	PrincipalUnknown   PrincipalKind = 8
)

// Principal is a user or a group, as an account store knows it.
type Principal struct {
	Kind PrincipalKind // zero: a user
	Name string

	// Domain is where the name is from; empty: the server itself.
	Domain string

	// SID is by what descriptors call the principal. If it is empty, RID is the
	// last number of its SID, behind those that stand for the server; if that is
	// zero, too, the principal has none of its own.
	SID SID
	RID uint32

	FullName string
	Comment  string
	Disabled bool

	// Groups are those that a user is in.
	Groups []SID
}

// Principals is an account store that can tell whom it knows, for lists of users and
// for names in place of SIDs. It is called by many goroutines at a time.
type Principals interface {
	// Principals yields everybody, in an order that lasts. An error ends it.
	Principals(ctx context.Context) iter.Seq2[Principal, error]
}

// VersionedPrincipals is a Principals that notices when it changes. Without it, all are
// read anew every few seconds while they are asked for, and at each logon of somebody whom
// no store lists.
type VersionedPrincipals interface {
	Principals

	// PrincipalsVersion returns a text that stays the same exactly as long as
	// Principals yields the same. It is cheap to tell. If ok is false, it can't be told
	// at the moment.
	PrincipalsVersion(ctx context.Context) (version string, ok bool)
}
