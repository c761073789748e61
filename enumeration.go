package smb

import (
	"context"
	"iter"
	"sync"

	"github.com/gosmbd/smb/vfs"
)

// batchSize bounds how many entries a backend is asked about at a time.
const batchSize = 512

// batches are for the entries that a backend was asked about.
var batches = sync.Pool{New: func() any { return new([batchSize]vfs.DirEntry) }}

// enumeration is where the reading of a directory stands: what its backend has in it, but
// for what isn't wanted. A backend that tells names for less than all of an entry is asked
// for names first, and for the rest of those that are wanted when an answer has room for
// them: what an answer says is never older than its request.
type enumeration struct {
	next   func() (vfs.DirEntry, error, bool)
	more   func() (error, bool) // instead: has readNames go on
	stater vfs.NameStater
	end    func()

	// For readNames: to switch to it and back takes as long as a name.
	ctx  context.Context
	want func(name string) bool
	room int // in bytes, for those that are yet to be read
	each int

	unread []string                 // names that are wanted and weren't told yet
	batch  *[batchSize]vfs.DirEntry // of this request
	at, n  int                      // what of it is left
	used   int                      // how much of it ever was
}

// start begins to read d.
func (e *enumeration) start(ctx context.Context, d vfs.DirReader) {
	ctx = context.WithoutCancel(ctx)
	reader, ok := d.(vfs.NameReader)
	if e.stater, _ = d.(vfs.NameStater); ok && e.stater != nil {
		e.more, e.end = iter.Pull(e.readNames(reader.ReadNames(ctx)))
	} else {
		e.next, e.end = iter.Pull2(d.ReadDir(ctx))
	}
}

// stop ends it.
func (e *enumeration) stop() {
	e.pause()
	if e.end != nil {
		e.end()
	}
	*e = enumeration{}
}

// entry returns the next entry of a name that is wanted, nil at the end. room is how many
// bytes the answer has left, of which an entry takes each beside its name; bare says that it
// has their names alone.
func (e *enumeration) entry(ctx context.Context, want func(name string) bool, room, each int, bare bool) (*vfs.DirEntry, error) {
	for {
		for e.at < e.n {
			e.at++
			if d := &e.batch[e.at-1]; d.Name != "" {
				return d, nil
			}
		}
		if err := e.fill(ctx, want, max(room, 1), each, bare); e.n == 0 || err != nil {
			return nil, err
		}
	}
}

// fill reads as many entries as there is room for: what there is none for is held as long as
// the client likes, and asked about twice.
func (e *enumeration) fill(ctx context.Context, want func(name string) bool, room, each int, bare bool) error {
	if e.batch == nil {
		e.batch = batches.Get().(*[batchSize]vfs.DirEntry)
	}
	e.at, e.n = 0, 0
	if e.next != nil {
		return e.fillOne(ctx, want)
	}
	e.room, e.each = room, each
	n := 0
	for ; n < len(e.unread) && e.wantsMore(n); n++ {
		e.room -= e.size(e.unread[n])
	}
	if e.wantsMore(n) && e.more != nil {
		e.ctx, e.want = ctx, want
		err, ok := e.more()
		e.ctx, e.want = nil, nil
		if !ok {
			e.more = nil
		}
		if err != nil {
			return err
		}
		n = len(e.unread)
	}
	e.n = n
	for i, name := range e.unread[:e.n] {
		e.batch[i] = vfs.DirEntry{Name: name}
	}
	if e.unread = e.unread[e.n:]; len(e.unread) == 0 {
		e.unread = nil // nor the names that were told
	}
	e.used = max(e.used, e.n)
	if bare || e.n == 0 {
		return nil
	}
	return e.stater.StatNames(context.WithoutCancel(ctx), e.batch[:e.n]) // there is no second try
}

// wantsMore reports whether there is room for an entry after n of them.
func (e *enumeration) wantsMore(n int) bool { return e.room > 0 && n < batchSize }

// size is about what an entry takes in an answer.
func (e *enumeration) size(name string) int { return e.each + 2*len(name) }

// readNames reads names until there are enough unread ones, and again when it goes on. It
// yields why it couldn't, or nil.
func (e *enumeration) readNames(names iter.Seq2[string, error]) iter.Seq[error] {
	return func(yield func(error) bool) {
		for name, err := range names {
			if err != nil {
				yield(err)
				return
			}
			if e.want(name) {
				e.unread = append(e.unread, name)
				e.room -= e.size(name)
			}
			if e.ctx.Err() != nil { // nobody waits for what may take long
				err = context.Cause(e.ctx)
			} else if e.wantsMore(len(e.unread)) {
				continue
			}
			if !yield(err) {
				return
			}
		}
	}
}

// fillOne reads an entry from a backend that tells all of them.
func (e *enumeration) fillOne(ctx context.Context, want func(name string) bool) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d, err, ok := e.next()
		switch {
		case err != nil || !ok:
			e.next = func() (d vfs.DirEntry, err error, ok bool) { return }
			return err
		case want(d.Name):
			e.batch[0], e.n, e.used = d, 1, max(e.used, 1)
			return nil
		}
	}
}

// putBack makes the last entry the next one again, and reports whether it could. Of a
// backend that tells all of an entry at once none can be.
func (e *enumeration) putBack() bool {
	if e.at == 0 || e.stater == nil {
		return false
	}
	e.at--
	return true
}

// pause ends an answer: of what it has no room for only the names are kept.
func (e *enumeration) pause() {
	if e.batch == nil {
		return
	}
	if left := e.batch[e.at:e.n]; len(left) > 0 {
		var names []string
		for i := range left {
			if left[i].Name != "" {
				names = append(names, left[i].Name)
			}
		}
		e.unread = append(names, e.unread...)
	}
	clear(e.batch[:e.used])
	batches.Put(e.batch)
	e.batch, e.at, e.n, e.used = nil, 0, 0, 0
}
