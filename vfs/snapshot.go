package vfs

import (
	"context"
	"time"
)

// Snapshotter is a file system that keeps states that it had. Clients see them as
// previous versions. Without it there are none.
//
// The server changes nothing in a snapshot: it refuses what would, whatever the FS
// of one can do, and so does Share.Allow hold for it. Attr.ID need not differ from
// that of the live object; the server keeps them apart.
type Snapshotter interface {
	// Snapshots returns the times of the snapshots, in any order. The protocol
	// knows whole seconds; of several in one second one is seen.
	Snapshots(ctx context.Context) ([]time.Time, error)

	// OpenSnapshot returns the tree as it was at that time, in seconds;
	// fs.ErrNotExist if there is no snapshot of it any more. If the FS is an
	// [io.Closer] it is closed when nothing of it is in use, and a further
	// OpenSnapshot follows when something is wanted again.
	OpenSnapshot(ctx context.Context, at time.Time) (FS, error)
}
