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
type Handles struct {
	mu   sync.Mutex
	open map[ndr.Handle]any
	over bool
}

// New returns a handle for v, which can't be guessed. It fails with FaultNoMemory
// if the client has too many. If v is an io.Closer it is closed when the group ends
// before the handle is removed.
func (h *Handles) New(v any) (ndr.Handle, error) {
	var id ndr.Handle
	rand.Read(id[4:]) // the first four octets are attributes, zero
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over || len(h.open) >= maxHandles {
		return ndr.Handle{}, fmt.Errorf("dcerpc: more than %d context handles: %w", maxHandles, FaultNoMemory)
	}
	if h.open == nil {
		h.open = make(map[ndr.Handle]any)
	}
	h.open[id] = v
	return id, nil
}

// Get returns what id is the handle of, nil if it is none.
func (h *Handles) Get(id ndr.Handle) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open[id]
}

// Remove ends id and returns what it was the handle of, nil if it was none.
func (h *Handles) Remove(id ndr.Handle) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.open[id]
	delete(h.open, id)
	return v
}

// Close runs all handles down.
func (h *Handles) Close() {
	h.mu.Lock()
	open := h.open
	h.open, h.over = nil, true
	h.mu.Unlock()
	for _, v := range open {
		if c, ok := v.(io.Closer); ok {
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
