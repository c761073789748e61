package oplock

import "time"

// File is the caching of one file (one stream) or directory: who opened it, and
// what each of them caches. The caller guards it. The zero value is a file that
// nobody has open. It must not be copied after first use.
type File struct {
	// Ref is the caller's own value for the file, set before the first open;
	// it is how the caller gets from [Table.Find] to what guards the file.
	Ref any

	// Deleted is whether the file is to be removed: no handle is cached then.
	Deleted bool

	// Locked is whether byte ranges are locked: reads aren't cached then by
	// those who don't cache them already. [MS-FSA] 2.1.5.18
	Locked bool

	holders []*Holder
	leases  []*holding    // those of holders
	changed chan struct{} // closed when somebody who waits should check again
}

// Holder is one open of a file. [NewHolder] makes it for the request, so that
// others' caching can be broken for it; [File.Grant] adds it to the file;
// [File.Close] ends it. A nil *Holder is somebody without any caching, as
// another program of the server's machine.
type Holder struct {
	owner   any
	req     Request
	lease   LeaseRequest // if req.Lease isn't nil, which points here
	holding *holding     // nil if it caches nothing and has no lease
	file    *File        // nil unless open
	watches bool
}

// holding is the caching that an oplock or lease stands for. Oplocks are counted
// as leases of one open: level II is R, exclusive RW, batch RWH.
type holding struct {
	lease       bool
	client, key Key
	parent      Key
	hasParent   bool
	version     int
	epoch       uint16

	holders []*Holder
	state   State
	level   Level // of an oplock; None or Lease otherwise

	breaking bool
	to       State     // what the client was told, while breaking
	need     State     // what the operations since then leave, a subset of to
	deadline time.Time // when the client is overruled
	timeout  time.Duration
}

// NewHolder returns a holder for r, which isn't part of a file yet.
func NewHolder(r Request) *Holder { return nil }

// Granted returns what h has now, for status displays and reconnections.
func (h *Holder) Granted() Granted { return Granted{} }

// Breaking reports whether the client of h has to answer a break.
func (h *Holder) Breaking() bool { return false }

// Join adds h, an open that has taken effect, without caching anything.
// The error is [ErrKeyInUse].
func (f *File) Join(t *Table, h *Holder) error { return nil }

// Grant gives h, an open that has taken effect, as much of what it asked for as
// the other opens permit. A lease's key which the client uses already gives it
// another share in that lease; the lease may become more by it, but never less.
// The caller has seen [File.CheckOpen] go through under the same lock. The error
// is [ErrKeyInUse]; h isn't part of f then.
func (f *File) Grant(t *Table, h *Holder) (Granted, error) { return Granted{}, nil }

// Close removes h. It answers the break of an oplock, and that of a lease which
// has no other opens. It does nothing to a holder that isn't part of f.
func (f *File) Close(t *Table, h *Holder) {}

// CheckOpen says what the open h means to others before it takes effect.
// Overwrite is whether the data goes (SUPERSEDE, OVERWRITE, OVERWRITE_IF);
// conflict whether share modes don't permit the open right now, in which case
// those who merely cache their handle are asked to close it. The results are
// those of [File.Check]; if there is nothing to wait for, a conflict is final.
// [MS-FSA] 2.1.5.1.2
func (f *File) CheckOpen(now time.Time, h *Holder, overwrite, conflict bool) ([]Break, <-chan struct{}) {
	return nil, nil
}

// Check says what an operation means to others before it takes effect. The
// caller sends the breaks once it has given up its locks. If wait isn't nil the
// operation may not go on: the caller waits until wait is closed and checks
// again, or gives up, and needs to tell nobody. [MS-FSA] 2.1.4.12
func (f *File) Check(now time.Time, h *Holder, op Op) (breaks []Break, wait <-chan struct{}) {
	return nil, nil
}

// AckOplock is the client's answer to the break of h's oplock. The new level is
// granted.Level also when there is an error. More breaks may follow at once.
func (f *File) AckOplock(now time.Time, h *Holder, level Level) (Granted, []Break, error) {
	return Granted{}, nil, nil
}

// AckLease is the client's answer to the break of a lease that [Table.Find]
// found in f. More breaks may follow at once.
func (f *File) AckLease(now time.Time, client, key Key, state State) (Granted, []Break, error) {
	return Granted{}, nil, nil
}

// Overrule takes all caching from h, and those it shares a lease with, because
// the client can't be told of the break, or doesn't answer.
func (f *File) Overrule(h *Holder) {}

// Expire overrules the clients that didn't answer in time, and returns a holder
// of each for the log.
func (f *File) Expire(now time.Time) []*Holder { return nil }

// Deadline returns when Expire should be called next, if no client answers.
func (f *File) Deadline() (time.Time, bool) { return time.Time{}, false }

// Idle reports whether nobody has f open.
func (f *File) Idle() bool { return len(f.holders) == 0 }
