package oplock

import "sync"

// Table knows which file each lease of each client is for. The zero value is
// empty. It guards itself, and may be used while a File is locked, but a File
// mustn't be locked from within: it is a leaf.
type Table struct {
	mu     sync.Mutex
	leases map[LeaseID]entry
}

// LeaseID says which lease of which client.
type LeaseID struct{ Client, Key Key }

type entry struct {
	file    *File
	holding *holding
	doomed  bool   // an open of it was made to delete the file
	name    uint64 // see [LeaseRequest]
}

// Find returns the file that the client's lease is for, nil if there is none.
// The caller locks what guards it, by its Ref, before it does anything else.
func (t *Table) Find(client, key Key) *File {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leases[LeaseID{client, key}].file
}

// Check returns [ErrKeyInUse] if the lease which r asks for is that of a file
// other than f. For a file that has yet to be made f is nil. Grant checks it too,
// but only after the open took effect. If that file had r's name it is [ErrReplaced].
// [MS-SMB2] 3.3.5.9.8
func (t *Table) Check(r *LeaseRequest, f *File) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := LeaseID{r.Client, r.Key}
	err := t.check(id, f)
	if err != nil && r.Name != 0 && r.Name == t.leases[id].name {
		return ErrReplaced
	}
	return err
}

func (t *Table) check(id LeaseID, f *File) error {
	if e, ok := t.leases[id]; ok && e.file != f && !e.doomed {
		return ErrKeyInUse
	}
	return nil
}

// add notes that g is a lease on f, which h asks for.
func (t *Table) add(f *File, g *holding, h *Holder) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := LeaseID{g.client, g.key}
	if err := t.check(id, f); err != nil {
		return err
	}
	if t.leases == nil {
		t.leases = make(map[LeaseID]entry)
	}
	t.leases[id] = entry{f, g, h.deleteOnClose, h.lease.Name}
	return nil
}

// touch notes that g got another open.
func (t *Table) touch(g *holding, doomed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := LeaseID{g.client, g.key}
	if e := t.leases[id]; doomed && e.holding == g {
		e.doomed = true
		t.leases[id] = e
	}
}

// Rename notes the name which the file has, in place of that of [LeaseRequest], if h has a lease. The caller
// locks what guards the file.
func (t *Table) Rename(h *Holder, name uint64) {
	g := h.holding
	if g == nil || !g.lease {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := LeaseID{g.client, g.key}
	if e := t.leases[id]; e.holding == g {
		e.name = name
		t.leases[id] = e
	}
}

// drop forgets g, unless its key has passed to another file.
func (t *Table) drop(g *holding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := LeaseID{g.client, g.key}
	if t.leases[id].holding == g {
		delete(t.leases, id)
	}
}
