package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
	"github.com/gosmbd/smb/vfs"
)

// objectID tells the id that links track a file by. It is made from the file id,
// so that it is as stable as that and need not be stored. [MS-FSA] 2.1.5.10.1
func objectID(ctx context.Context, r *request, q *control) error {
	o := r.open
	if o.file == nil {
		return smb2.StatusInvalidDeviceRequest
	}
	a, err := o.stat(ctx)
	if err != nil {
		return err
	}
	var buf smb2.FileObjectIDBuffer
	putUint64(buf.ObjectID[:8], a.ID)
	putUint64(buf.ObjectID[8:], o.tree().volumeID())
	out := buf.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// getCompression tells that the file is not compressed. [MS-FSA] 2.1.5.10.8
func getCompression(_ context.Context, r *request, q *control) error {
	if r.open.file == nil {
		return smb2.StatusInvalidDeviceRequest
	}
	out := smb2.CompressionState{}.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// setCompression accepts that the file stays uncompressed. [MS-FSA] 2.1.5.10.37
func setCompression(_ context.Context, r *request, q *control) error {
	x, err := smb2.ParseCompressionState(q.Input)
	switch {
	case r.open.file == nil:
		return smb2.StatusInvalidDeviceRequest
	case err != nil:
		return err
	case r.open.access&vfs.WriteData == 0:
		return smb2.StatusAccessDenied
	case x.Format != 0:
		return smb2.StatusNotSupported
	}
	return nil
}
