package smb

import (
	"context"

	"github.com/gosmbd/smb/smb2"
)

// objectID tells the id that links track a file by. It is made from the file id,
// so that it is as stable as that and need not be stored. That is why there is always
// one, and it can't be set or deleted: those codes aren't served. [MS-FSA] 2.1.5.10.1
func objectID(ctx context.Context, r *request, q *control) error {
	a, err := r.open.stat(ctx)
	if err != nil {
		return err
	}
	volume := r.open.tree().volumeObjectID()
	var buf smb2.FileObjectIDBuffer
	putUint64(buf.ObjectID[:8], a.ID)
	copy(buf.ObjectID[8:], volume[:8])
	// The volume and object of birth; it has moved from nowhere.
	copy(buf.ExtendedInfo[:16], volume[:])
	copy(buf.ExtendedInfo[16:32], buf.ObjectID[:])
	out := buf.Append(nil)
	if int(q.MaxOutputResponse) < len(out) {
		return smb2.StatusInvalidParameter
	}
	q.out = out
	return nil
}

// volumeObjectID is made from the volume's id, so that it stays the same.
func (t *tree) volumeObjectID() (id smb2.GUID) {
	putUint64(id[:8], t.volumeID())
	putUint64(id[8:], hashString(t.name))
	return id
}

// isPathnameValid "always returns STATUS_SUCCESS". [MS-FSA] 2.1.5.10.18
func isPathnameValid(context.Context, *request, *control) error { return nil }
