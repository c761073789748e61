package smb

import (
	"time"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// tree is a share as one session sees it, [MS-SMB2] 3.3.1.9. It is immutable.
type tree struct {
	se      *session
	id      uint32
	name    string // of the share
	share   *Share // nil: IPC$
	mount   *mount // nil: IPC$
	access  vfs.Access
	encrypt bool
	born    time.Time
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
	return t.access&changes != 0
}

// release gives up what the tree holds.
func (t *tree) release() {
	if t.mount != nil {
		t.mount.release()
	}
}
