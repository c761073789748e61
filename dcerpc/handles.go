package dcerpc

import (
	"crypto/rand"
	"fmt"
	"io"
	"sync"

	"github.com/gosmbd/smb/dcerpc/ndr"
)

// maxHandles bounds the context handles of an association group.
const maxHandles = 1024

// Handles are the context handles of an association group (C706 5.1.6): what an
// operation has opened for the client, and the client names in calls to come. They
// live until they are removed, or the last association of the group ends. The zero
// value is empty and ready for use; its methods may be called concurrently.
//
// In a call, a handle is there only for the caller that opened it, and if the call is
// protected as well as the one that did: who gets onto a pipe without the keys of its
// security context finds nothing that it opened.
type Handles struct {
	share share // immutable

	mu   sync.Mutex
	open map[ndr.Handle]handle
	over bool

	// Of the handles as one call sees them; else zero.
	of    *Handles
	owner string
	level uint8
}

// handle is what is known of a context handle.
type handle struct {
	v     any
	owner string // who opened it
	level uint8  // the authentication level of that call
}

// seenBy returns h for a call of owner at an authentication level.
func (h *Handles) seenBy(owner string, level uint8) *Handles {
	return &Handles{of: h, owner: owner, level: level}
}

// table returns the handles of the group, with its lock taken.
func (h *Handles) table() *Handles {
	t := h
	if h.of != nil {
		t = h.of
	}
	t.mu.Lock()
	return t
}

// New returns a handle for v, which can't be guessed. Calls on other pipes of the group may
// use v at the same time, so it either doesn't change or has a lock. New fails with
// FaultNoMemory if the client has too many. If v is an io.Closer it is closed when the group
// ends before the handle is removed.
func (h *Handles) New(v any) (ndr.Handle, error) {
	var id ndr.Handle
	rand.Read(id[4:]) // the first four octets are attributes, zero
	t := h.table()
	defer t.mu.Unlock()
	if t.over || len(t.open) >= maxHandles {
		return ndr.Handle{}, fmt.Errorf("dcerpc: more than %d context handles: %w", maxHandles, FaultNoMemory)
	}
	if !t.share.take(handleCost) {
		return ndr.Handle{}, fmt.Errorf("dcerpc: context handles take too much memory: %w", FaultNoMemory)
	}
	if t.open == nil {
		t.open = make(map[ndr.Handle]handle)
	}
	t.open[id] = handle{v, h.owner, h.level}
	return id, nil
}

// Get returns what id is the handle of, nil if it is none.
func (h *Handles) Get(id ndr.Handle) any {
	t := h.table()
	defer t.mu.Unlock()
	return h.find(t, id)
}

// find returns what id is the handle of in t, as h sees it.
func (h *Handles) find(t *Handles, id ndr.Handle) any {
	if k, ok := t.open[id]; ok && k.owner == h.owner && k.level <= h.level {
		return k.v
	}
	return nil
}

// Remove ends id and returns what it was the handle of, nil if it was none.
func (h *Handles) Remove(id ndr.Handle) any {
	t := h.table()
	defer t.mu.Unlock()
	v := h.find(t, id)
	if v != nil {
		delete(t.open, id)
		t.share.give(handleCost)
	}
	return v
}

// Close runs all handles down.
func (h *Handles) Close() {
	t := h.table()
	open := t.open
	t.open, t.over = nil, true
	t.mu.Unlock()
	t.share.give(len(open) * handleCost)
	for _, k := range open {
		if c, ok := k.v.(io.Closer); ok {
			c.Close()
		}
	}
}

// HandleOf reads a context handle from the stub of c and returns it with what it
// stands for. The error is FaultContext if there is no such handle, or it stands for
// something else than a T.
func HandleOf[T any](c *Call) (v T, id ndr.Handle, err error) {
	id = c.In.Handle()
	if err := c.In.Err(); err != nil {
		return v, id, err
	}
	v, ok := c.Handles.Get(id).(T)
	if !ok {
		return v, id, FaultContext
	}
	return v, id, nil
}
