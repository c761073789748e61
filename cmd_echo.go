package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// echo tells that the server is there. It needs no session. [MS-SMB2] 3.3.5.17
func echo(_ context.Context, r *request, w *reply) error {
	if _, err := smb2.ParseEchoRequest(r.msg); err != nil {
		return err
	}
	w.buf.B = smb2.EchoResponse{}.Append(w.buf.B)
	return nil
}
