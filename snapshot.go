package smb

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// Snapshots: states that a backend had. Each that is in use is a mount of its own, so
// that what is open in it doesn't meet what is open in the live tree, or in another
// snapshot, under the same id. Nothing can be changed through it. [MS-SMB2] 3.3.5.9.4

// maxSnapshots is how many snapshots of one backend may be in use at once. A backend may
// need descriptors for each.
const maxSnapshots = 256

// snapshotKey is the key of a snapshot in Server.mounts.
type snapshotKey struct {
	live any   // the key of the live tree
	at   int64 // seconds since 1970
}

// snapshotterOf returns the capability, nil if the backend hasn't got or declines it.
func snapshotterOf(ctx context.Context, fsys vfs.FS) vfs.Snapshotter {
	s, ok := vfs.As[vfs.Snapshotter](fsys)
	if !ok {
		return nil
	}
	if _, err := s.Snapshots(ctx); errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return s
}

// snapshot returns the mount of m as it was at that time, and counts a use of it.
func (m *mount) snapshot(ctx context.Context, at time.Time) (*mount, error) {
	if m.snapshotter == nil {
		return nil, smb2.StatusObjectNameNotFound
	}
	s, key := m.srv, snapshotKey{m.key, at.Unix()}
	s.mu.Lock()
	if old := s.mounts[key]; old != nil {
		old.refs++
		s.mu.Unlock()
		return old, nil
	}
	s.mu.Unlock()
	fsys, err := m.snapshotter.OpenSnapshot(ctx, time.Unix(at.Unix(), 0).UTC())
	if err != nil {
		if isMissing(err) {
			err = smb2.StatusObjectNameNotFound
		}
		return nil, err
	}
	fresh := s.newMount(ctx, key, fsys)
	fresh.live, fresh.at = m, key.at
	fresh.creator, fresh.remover, fresh.renamer, fresh.linker, fresh.snapshotter = nil, nil, nil, nil, nil
	fresh.lookouts.watcher = nil // nothing changes there
	s.mu.Lock()
	now := s.mounts[key]
	switch {
	case now != nil:
	case m.snapshots >= maxSnapshots:
		err = smb2.StatusInsufficientResources
	default:
		s.mounts[key], now = fresh, fresh
		m.snapshots++
	}
	if now != nil {
		now.refs++
	}
	s.mu.Unlock()
	if now != fresh {
		fresh.closeSnapshot()
	}
	return now, err
}

// closeSnapshot closes the backend's part of a snapshot that isn't in use any more.
func (m *mount) closeSnapshot() {
	if c, ok := m.fs.(io.Closer); ok {
		if err := c.Close(); err != nil {
			m.srv.log.Error("smb: closing a snapshot failed", "at", time.Unix(m.at, 0).UTC(), "err", err)
		}
	}
}

// frozen reports whether m is a snapshot: nothing in it can be changed.
func (m *mount) frozen() bool { return m != nil && m.live != nil }

// wireID returns the id that clients see of an object, which in a snapshot isn't that of
// the live one: clients take things with the same id for the same.
func (m *mount) wireID(id uint64) uint64 {
	if m.live == nil {
		return id
	}
	// The finalizer of SplitMix64, so that ids stay different.
	x := id ^ uint64(m.at)*0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// readOnlyAccess removes what backends aren't asked for in a snapshot. The client has it
// nevertheless, and is refused when it makes use of it. [MS-FSA] 2.1.5.4
func (m *mount) readOnlyAccess(a vfs.Access) vfs.Access {
	if m.frozen() {
		a &= vfs.AccessReadOnly
	}
	return a
}
