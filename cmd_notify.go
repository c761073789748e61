package smb

import (
	"context"

	"github.com/gosmbd/smb/internal/notify"
	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// maxNotify is the most bytes of changes that are kept for a handle between its
// requests, as on Windows. [MS-SMB2] 3.3.5.19, note 411
const maxNotify = 64 << 10

// changeNotify waits until something changes in a directory. [MS-SMB2] 3.3.5.19
func changeNotify(_ context.Context, r *request, w *reply) error {
	req, err := smb2.ParseChangeNotifyRequest(r.msg)
	if err != nil {
		return err
	}
	o := r.open
	switch {
	case req.OutputLength > r.c.params.maxIO,
		r.c.params.multiCredit && uint64(max(r.hdr.CreditCharge, 1))<<16 < uint64(req.OutputLength),
		o.file == nil || !o.file.dir:
		return smb2.StatusInvalidParameter
	case o.access&vfs.ListDirectory == 0:
		return smb2.StatusAccessDenied
	}
	q, err := r.askChanges(req)
	if err != nil {
		return err
	}
	if err := r.awaitChanges(q); err != nil {
		return err
	}
	list, err := q.Answer()
	if err != nil && err != smb2.StatusNotifyEnumDir {
		return err
	}
	start := w.beginOutput()
	if err == nil {
		w.buf.B = list.Append(w.buf.B)
		if n := len(w.buf.B) - start; n > smallFrame && !r.ch.payNow(n) {
			// The client doesn't take its answers.
			w.buf.B, err = w.buf.B[:start], smb2.StatusNotifyEnumDir
		}
	}
	if err != nil {
		w.status = smb2.StatusNotifyEnumDir
	}
	w.endOutput(start)
	return nil
}

// askChanges makes the request known to those who change things: in the order of
// arrival, since the oldest request on a handle is the first to be answered.
func (r *request) askChanges(req smb2.ChangeNotifyRequest) (*notify.Request, error) {
	r.open.listen()
	r.ch.turn.wait()
	defer r.ch.turn.pass()
	o, m := r.open, r.open.m
	most := int(req.OutputLength)
	m.mu.Lock()
	defer m.mu.Unlock()
	o.file.mu.Lock()
	doomed := o.file.deletePending || o.deleteOnClose
	o.file.mu.Unlock()
	switch {
	case doomed:
		return nil, smb2.StatusDeletePending
	case o.watch == nil:
		tree := req.Flags&smb2.ChangeNotifyWatchTree != 0
		o.watch = m.watches.Watch(o.name, req.Filter, tree, min(most, maxNotify), &r.se.watching)
		if o.watch == nil {
			return nil, smb2.StatusInsufficientResources
		}
	}
	return o.watch.Ask(most), nil
}

// awaitChanges waits until q is answered.
func (r *request) awaitChanges(q *notify.Request) error {
	select {
	case <-q.Ready:
		return nil
	default:
	}
	err := r.waitAtWill(q.Ready)
	if err == nil || !q.Withdraw() {
		return nil
	}
	if r.open.isClosing() {
		return smb2.StatusNotifyCleanup
	}
	return err
}

// stopWatching ends the watch of an open that is being closed.
func (o *open) stopWatching() {
	o.m.mu.Lock()
	w := o.watch
	o.watch = nil
	o.m.mu.Unlock()
	if w != nil {
		w.Close()
	}
}

// failWatches tells those who watch f, a directory, that it is to be deleted. The
// caller holds f.m.mu and f.mu. [MS-FSA] 2.1.5.15.3
func (f *file) failWatches() {
	for _, o := range f.opens {
		if o.watch != nil {
			o.watch.Fail(smb2.StatusDeletePending)
		}
	}
}

// What a new name may be watched as.
func nameFilter(dir bool) uint32 {
	if dir {
		return smb2.FileNotifyChangeDirName
	}
	return smb2.FileNotifyChangeFileName
}

const (
	// dataFilter is what a write may be watched as.
	dataFilter = smb2.FileNotifyChangeSize | smb2.FileNotifyChangeLastWrite
	// replacedFilter is what it may be watched as that a name stands for another
	// file. [MS-FSA] 2.1.5.15.7, 2.1.5.15.12
	replacedFilter = dataFilter | smb2.FileNotifyChangeAttributes | smb2.FileNotifyChangeLastAccess |
		smb2.FileNotifyChangeCreation | smb2.FileNotifyChangeSecurity | smb2.FileNotifyChangeEa
)

// modified is a change of what an entry is about.
func modified(name string, filter uint32) notify.Change {
	return notify.Change{Name: name, Action: smb2.ActionFileModified, Filter: filter}
}

// added is a new entry.
func added(name string, dir bool) notify.Change {
	return notify.Change{Name: name, Action: smb2.ActionFileAdded, Filter: nameFilter(dir)}
}

// removed is an entry that is gone.
func removed(name string, dir bool) notify.Change {
	return notify.Change{Name: name, Action: smb2.ActionFileRemoved, Filter: nameFilter(dir)}
}

// reportPending tells of what was done through o and not told yet. [MS-FSA] 2.1.5.5
func (o *open) reportPending() {
	if filter := o.pending.Swap(0); filter != 0 {
		o.m.watches.Report(o.modified(filter))
	}
}
