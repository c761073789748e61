package smb

import (
	"context"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// openTimes is what an open does with the times of its file: those that its client
// wants to stay as they are, and a time of last write that it isn't shown yet.
// [MS-FSA] 2.1.1.6, 2.1.4.17
//
// NTFS deferred the time of last write until the handle that wrote was closed, and
// there are programs that count on it: what they see through their handle changes
// when they flush or set something, at the close, or, as the clock has it, now and then.
// Only the handle that wrote is shown the older time. To others the backend's is shown
// at once, since clients tell by it whether what they cache is still right.
type openTimes struct {
	keepWritten, keepChanged bool      // UserSetModificationTime, UserSetChangeTime
	written, changed         time.Time // what is kept

	shown time.Time // instead of the time of the latest write; zero: there is none to hide
	since time.Time // when the first hidden write came
	late  bool      // the clock has shown writes before
}

// After these times writes are shown though nothing else made them so: the first, and
// those after it.
const (
	showFirstWrite  = 2 * time.Second
	showLaterWrites = 10 * time.Second
)

// show returns what is shown as the time of last write if the backend says written.
func (t *openTimes) show(written, now time.Time) time.Time {
	limit := showFirstWrite
	if t.late {
		limit = showLaterWrites
	}
	switch {
	case t.shown.IsZero():
		return written
	case now.Sub(t.since) >= limit:
		t.shown, t.late = time.Time{}, true
		return written
	}
	return t.shown
}

// writeNote is what beforeWrite tells afterWrite.
type writeNote struct {
	change vfs.AttrChange // of the attributes: times that are kept, and the archive bit
	before time.Time      // what the time of last write was, if it is to be shown for now
	work   *ownWork       // to be ended before afterWrite
}

// beforeWrite is called before o changes the content of its file.
func (o *open) beforeWrite(ctx context.Context) writeNote {
	n := o.noteWrite(ctx)
	n.work = o.work()
	return n
}

func (o *open) noteWrite(ctx context.Context) (n writeNote) {
	o.mu.Lock()
	knows := !o.times.shown.IsZero() || o.times.keepWritten
	n.change = o.times.kept()
	o.mu.Unlock()
	first := !o.changed.Load()
	if knows && !first {
		return n
	}
	a, err := o.f.Stat(ctx)
	if err != nil {
		return n // the write will tell
	}
	a = completeAttr(a)
	if !knows {
		n.before = a.Written
	}
	if first && o.attrs != nil && a.Attributes&vfs.AttrArchive == 0 {
		n.change.Attributes = a.Attributes&settableAttrs | vfs.AttrArchive
	}
	return n
}

// afterWrite is called when something was written. A backend that can't, or may not,
// change attributes is no reason to fail a write that is there.
func (o *open) afterWrite(ctx context.Context, n writeNote) {
	if !n.before.IsZero() {
		o.mu.Lock()
		if t := &o.times; t.shown.IsZero() && !t.keepWritten {
			t.shown, t.since = n.before, time.Now()
		}
		o.mu.Unlock()
	}
	if n.change != (vfs.AttrChange{}) {
		_ = o.setAttr(ctx, n.change)
	}
}

// kept returns the change that makes the times what they are to stay.
func (t *openTimes) kept() (c vfs.AttrChange) {
	if t.keepWritten {
		c.Written = t.written
	}
	if t.keepChanged {
		c.Changed = t.changed
	}
	return c
}

// showWrites ends the hiding of writes. Where the backend's time doesn't tell of them,
// because its clock is coarse or because they were hidden for long, it becomes the
// current one.
func (o *open) showWrites(ctx context.Context) {
	o.mu.Lock()
	t := &o.times
	shown, late := t.shown, t.late
	t.shown = time.Time{}
	o.mu.Unlock()
	if shown.IsZero() {
		return
	}
	if a, err := o.f.Stat(ctx); err == nil && (late || !a.Written.After(shown)) {
		_ = o.setAttr(ctx, vfs.AttrChange{Written: time.Now()})
	}
}

// touch notes a change that left the content as it was.
func (o *open) touch(ctx context.Context) {
	o.mu.Lock()
	c := o.times.kept()
	o.mu.Unlock()
	if c.Written.IsZero() {
		c.Written = time.Now()
	}
	_ = o.setAttr(ctx, c)
}

// timeChange is one time of a FileBasicInformation: what it becomes, and whether the
// open keeps it from then on.
type timeChange struct {
	to         time.Time // zero: it stays
	keep, thaw bool
}

// parseTime makes sense of a time to set. [MS-FSA] 2.1.5.15.2
func parseTime(t smb2.FileTime) (c timeChange, err error) {
	switch {
	case t == 0:
	case t == smb2.FileTimeFreeze:
		c.keep = true
	case t == smb2.FileTimeThaw:
		c.thaw = true
	case int64(t) < 0:
		err = smb2.StatusInvalidParameter
	default:
		c.to, c.keep = t.Time(), true
	}
	return c, err
}

// settle applies what is to be set of the times of last write and of change to those
// that o keeps; a tells what they are now. A time of change that is kept, or is from
// now on, stays as c changes other things.
func (t *openTimes) settle(c *vfs.AttrChange, written, changed timeChange, a vfs.Attr) {
	set := func(keep *bool, kept *time.Time, x timeChange, now time.Time) {
		switch {
		case x.thaw:
			*keep = false
		case !x.to.IsZero():
			*keep, *kept = true, x.to
		case x.keep && !*keep:
			*keep, *kept = true, now
		}
	}
	set(&t.keepWritten, &t.written, written, a.Written)
	set(&t.keepChanged, &t.changed, changed, a.Changed)
	c.Written, c.Changed = written.to, changed.to
	if *c != (vfs.AttrChange{}) && t.keepChanged {
		c.Changed = t.changed
	}
}
