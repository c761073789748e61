package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// oplockBreak answers an acknowledgement. The server grants no oplock and no
// lease, so there is none that it could belong to. [MS-SMB2] 3.3.5.22
func oplockBreak(_ context.Context, r *request, w *reply) error {
	return smb2.StatusInvalidOplockProtocol
}
