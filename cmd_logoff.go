package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// logoff ends the session with all that is open in it. [MS-SMB2] 3.3.5.6
func logoff(_ context.Context, r *request, w *reply) error {
	if _, err := smb2.ParseLogoffRequest(r.msg); err != nil {
		return err
	}
	r.se.close(smb2.StatusUserSessionDeleted)
	w.buf.B = smb2.LogoffResponse{}.Append(w.buf.B)
	return nil
}
