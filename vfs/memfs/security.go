package memfs

import (
	"context"
	"errors"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// security is the descriptor of a node. It isn't changed, but replaced.
type security struct {
	vfs.SecurityDescriptor
	cost int64
}

var (
	_ vfs.Securer = (*file)(nil)
	_ vfs.Securer = (*dir)(nil)
	_ vfs.Securer = (*streamFile)(nil)
)

// aceCost is what an entry of a list takes besides, however short it is.
const aceCost = 64

func entries(l *vfs.ACL) int {
	if l == nil {
		return 0
	}
	return len(l.ACEs)
}

// newSecurity makes a copy that shares nothing with the caller's, and counts it.
func (f *FS) newSecurity(sd *vfs.SecurityDescriptor) (*security, error) {
	if sd == nil {
		return nil, nil
	}
	if err := sd.Validate(); err != nil {
		return nil, err
	}
	// What is kept takes a few times as much as its binary form.
	s := &security{cost: objectCost + 4*int64(sd.Len()) + aceCost*int64(entries(sd.DACL)+entries(sd.SACL))}
	if !f.reserve(s.cost) {
		return nil, vfs.ErrNoSpace
	}
	var err error
	if s.SecurityDescriptor, err = vfs.ParseSecurityDescriptor(sd.Append(nil)); err != nil {
		f.release(s.cost)
		return nil, err
	}
	return s, nil
}

// setSecurity replaces the descriptor. The node is locked, or nobody's yet.
func (n *node) setSecurity(s *security, f *FS) {
	if n.security != nil {
		f.release(n.security.cost)
	}
	n.security = s
}

// Security implements vfs.Securer.
func (h *handle) Security(context.Context) (vfs.SecurityDescriptor, error) {
	if err := h.allow(true); err != nil {
		return vfs.SecurityDescriptor{}, err
	}
	h.node.mu.RLock()
	defer h.node.mu.RUnlock()
	if h.node.security == nil {
		return vfs.SecurityDescriptor{}, errors.ErrUnsupported
	}
	return h.node.security.SecurityDescriptor, nil
}

// SetSecurity implements vfs.Securer. It fails with vfs.ErrQuota if the new owner may not
// have so much more.
func (h *handle) SetSecurity(_ context.Context, sd vfs.SecurityDescriptor) error {
	if err := h.allow(true); err != nil {
		return err
	}
	s, err := h.fs.newSecurity(&sd)
	if err != nil {
		return err
	}
	h.node.mu.Lock()
	defer h.node.mu.Unlock()
	if err := h.fs.accounts.move(h.node.charged, h.node.owner(), h.node.ownerBy(s)); err != nil {
		h.fs.release(s.cost)
		return err
	}
	h.node.setSecurity(s, h.fs)
	h.node.changed = time.Now()
	return nil
}
