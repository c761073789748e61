package smb

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// tree is a share as one session sees it, [MS-SMB2] 3.3.1.9. But for what the
// caller may do, it is immutable.
type tree struct {
	se      *session
	id      uint32
	name    string        // of the share
	share   *Share        // nil: IPC$
	mount   *mount        // nil: IPC$
	allowed atomic.Uint32 // vfs.Access; re-authentication asks again
	encrypt bool
	born    time.Time
}

// access returns what the caller may do at most.
func (t *tree) access() vfs.Access { return vfs.Access(t.allowed.Load()) }

func (t *tree) setAccess(a vfs.Access) {
	if t.mount != nil && t.mount.creator == nil {
		a &= vfs.AccessReadOnly
	}
	t.allowed.Store(uint32(a))
}

// permit asks the share again what caller may do. One who may do nothing any more
// keeps the tree, and what is open on it, but opens nothing.
func (t *tree) permit(ctx context.Context, caller *vfs.Caller) {
	if t.share == nil {
		return
	}
	a, err := t.share.access(ctx, caller)
	if err != nil {
		a = 0
	}
	t.setAccess(a)
}

// ipc reports whether the tree is the one that named pipes are on.
func (t *tree) ipc() bool { return t.share == nil }

// shareType returns what TREE_CONNECT tells.
func (t *tree) shareType() smb2.ShareType {
	if t.ipc() {
		return smb2.ShareTypePipe
	}
	return smb2.ShareTypeDisk
}

// writable reports whether anything may be changed through t.
func (t *tree) writable() bool {
	const changes = vfs.WriteData | vfs.AppendData | vfs.WriteAttributes | vfs.WriteEA | vfs.Delete | vfs.DeleteChild | vfs.WriteDAC | vfs.WriteOwner
	return t.access()&changes != 0
}

// release gives up what the tree holds.
func (t *tree) release() {
	t.se.srv.uses.remove(t.name)
	if t.mount != nil {
		t.mount.release()
	}
}
