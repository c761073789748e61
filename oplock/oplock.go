package oplock

import (
	"errors"
	"fmt"
	"time"
)

// Level is the kind of caching that an open asks for or has. Values are those
// of the wire. [MS-SMB2] 2.2.13
type Level uint8

const (
	None      Level = 0x00 // no caching
	II        Level = 0x01 // reads are cached, by any number of opens
	Exclusive Level = 0x08 // reads, writes and locks are cached, by the only open
	Batch     Level = 0x09 // as Exclusive, and the closing of the file is delayed
	Lease     Level = 0xFF // what State says, shared by all opens with one key
)

// State is what a lease lets a client cache. Values are those of the wire.
// [MS-SMB2] 2.2.13.2.8
type State uint32

const (
	Read   State = 0x01 // R: data that was read, or the listing of a directory
	Handle State = 0x02 // H: opens, which are closed late and opened without asking
	Write  State = 0x04 // W: data that was written, and locks
)

// String returns the level's name, as "batch".
func (l Level) String() string {
	switch l {
	case None:
		return "none"
	case II:
		return "II"
	case Exclusive:
		return "exclusive"
	case Batch:
		return "batch"
	case Lease:
		return "lease"
	}
	return fmt.Sprintf("level %#x", uint8(l))
}

// String returns the state's letters, as "RWH", or "none".
func (s State) String() string {
	if s == 0 {
		return "none"
	}
	var b []byte
	for _, c := range []struct {
		State
		letter byte
	}{{Read, 'R'}, {Write, 'W'}, {Handle, 'H'}} {
		if s&c.State != 0 {
			b = append(b, c.letter)
		}
	}
	return string(b)
}

// Key identifies a client, by its GUID, or a lease of a client.
type Key [16]byte

// AckTimeout is how long a client may take to answer a break before it is
// overruled, unless [Request] says otherwise. [MS-SMB2] 3.3.4.6 note 246
const AckTimeout = 35 * time.Second

// LeaseRequest is what the create context for a lease asks for.
type LeaseRequest struct {
	Client    Key    // the client's GUID
	Key       Key    // the lease's key, which the client chose
	State     State  // what the client would like to cache
	Version   int    // 1 or 2: which create context it was
	Epoch     uint16 // the client's count of changes; version 2
	Parent    Key    // key of the client's lease on the directory; version 2
	HasParent bool

	// Name is a hash of what the open calls the file, zero if it isn't known. It tells a file
	// that was replaced, see [ErrReplaced].
	Name uint64 `json:"-"`
}

// Request describes an open: who it is and what it asks for.
type Request struct {
	// Owner is the caller's own value for the open; it comes back in [Break].
	Owner any

	// Access is what the open asks for; generic rights count as data. An open that
	// only looks at attributes disturbs nobody.
	Access uint32

	// Level is what is asked for; Lease if the request has a lease's create
	// context, in which case Lease isn't nil.
	Level Level
	Lease *LeaseRequest

	// Directory is whether it is one. It can have leases R and RH, version 2.
	Directory bool

	// DeleteOnClose is whether the option was given. The lease's key may then be
	// used for another file. [MS-SMB2] 3.3.5.9.8
	DeleteOnClose bool

	// AckTimeout is how long this open's client may take to answer a break; zero
	// means [AckTimeout].
	AckTimeout time.Duration
}

// Granted is what an open got.
type Granted struct {
	Level Level
	// For leases:
	State     State
	Version   int
	Epoch     uint16 // zero for version 1
	Breaking  bool   // the client owes an answer: BREAK_IN_PROGRESS
	Parent    Key    // of the lease; it may have been given by an earlier open
	HasParent bool
}

// Break is a message for a client: its caching ends, or becomes less. The caller
// sends it when it has given up its locks.
type Break struct {
	Holder *Holder // one of those it concerns; for [File.Overrule]
	Owners []any   // of all opens that have the oplock (there is one) or lease

	// Lease is whether it is a lease that breaks. Then Client, Key, From, To and
	// Epoch (zero for version 1) describe it, and otherwise Level is the new level.
	Lease       bool
	Client, Key Key
	From, To    State
	Epoch       uint16
	Level       Level

	// AckRequired is whether the client has to answer. When it doesn't, the break
	// has already happened.
	AckRequired bool
}

// Op is something done to a file or directory that may end somebody's caching.
// Opens are another matter: see [File.CheckOpen].
type Op uint8

const (
	OpRead         Op = iota // data is read, or flushed
	OpWrite                  // data is written or zeroed
	OpSetSize                // end of file or allocation size is set
	OpLock                   // a byte range is locked
	OpRename                 // the file gets another name, a further link or another short name
	OpReplace                // the file's name is given to another by a rename or link
	OpDelete                 // the file is to be deleted
	OpSetSecurity            // the security descriptor is set
	OpRenameParent           // a directory above the file gets another name
	OpChangeEntry            // File is a directory, an entry of which was made, removed, renamed or changed
)

// What may go wrong. The comment gives the status to answer with.
var (
	// ErrKeyInUse: the lease key is used for another file.
	// INVALID_PARAMETER, [MS-SMB2] 3.3.5.9.8
	ErrKeyInUse = errors.New("oplock: lease key is in use for another file")
	// ErrReplaced: the lease key is used for a file which was opened by the name that now is another's. The
	// open can have no lease.
	ErrReplaced = errors.New("oplock: lease key is in use for a file that was replaced")
	// ErrNoLease: the client has no such lease here.
	// OBJECT_NAME_NOT_FOUND, [MS-SMB2] 3.3.5.22.2
	ErrNoLease = errors.New("oplock: no such lease")
	// ErrNotBreaking: no break awaits an answer. UNSUCCESSFUL for a lease,
	// INVALID_DEVICE_STATE for an oplock, [MS-SMB2] 3.3.5.22
	ErrNotBreaking = errors.New("oplock: not breaking")
	// ErrNotSubset: a lease's client wants to keep more than it was told it may.
	// It has to answer again. REQUEST_NOT_ACCEPTED, [MS-SMB2] 3.3.5.22.2
	ErrNotSubset = errors.New("oplock: lease state is not a subset of what the break left")
	// ErrLevel: an oplock's client wants a level that the break doesn't allow, or
	// answers the end of level II, which needs no answer. It has none now.
	// INVALID_OPLOCK_PROTOCOL, [MS-SMB2] 3.3.5.22.1, [MS-FSA] 2.1.5.19
	ErrLevel = errors.New("oplock: level is not one that the break left")
	// ErrLeaseLevel: an oplock's client answers with the level of a lease. It has
	// none now. INVALID_PARAMETER, [MS-SMB2] 3.3.5.22.1
	ErrLeaseLevel = errors.New("oplock: break of an oplock answered for a lease")
)
