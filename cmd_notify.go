package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// changeNotify answers as a server whose object store can't tell of changes.
// [MS-SMB2] 3.3.5.19
func changeNotify(_ context.Context, r *request, _ *reply) error {
	if _, err := smb2.ParseChangeNotifyRequest(r.msg); err != nil {
		return err
	}
	switch {
	case r.open.file == nil || !r.open.file.dir:
		return smb2.StatusInvalidParameter
	}
	return smb2.StatusNotSupported
}
