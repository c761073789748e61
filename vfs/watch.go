package vfs

import "context"

// Watcher is an FS that can tell when the entries of a directory change, whoever
// changes them: another program, or another server. Then clients that cache a file or
// a listing are told before long that it is out of date, and those who wait for
// changes of a directory learn of these as well. Without it only what is changed
// through the server is noticed: clients see other changes when what they cached ends,
// which may take as long as they have a file open.
type Watcher interface {
	// Watch calls changed for what happens from now on to the entries of the
	// directory called name, not to what is in its subdirectories, until the
	// returned function is called. changed doesn't wait and doesn't call the FS.
	// It isn't called twice at once, nor after the returned function returned.
	//
	// What is done through the FS itself may be told or not: the server knows its
	// own changes. Several changes of one entry may be told as one, and events may
	// come late, though the sooner the better. What can't be told is WatchLost.
	//
	// A backend that can't watch this directory, or no more of them, returns
	// [errors.ErrUnsupported], wrapped or not.
	Watch(ctx context.Context, name string, changed func(WatchEvent)) (stop func(), err error)
}

// WatchEvent is a change in a directory.
type WatchEvent struct {
	Op WatchOp

	// Name is the entry: one element, without slashes. It is empty for
	// WatchLost and WatchEnded.
	Name string

	// OldName is, for WatchRenamed, what the entry was called.
	OldName string

	// Directory tells that the entry is a directory, for WatchAdded,
	// WatchRemoved and WatchRenamed.
	Directory bool
}

// WatchOp is what happened.
type WatchOp uint8

const (
	WatchAdded      WatchOp = iota + 1 // there is an entry, perhaps in place of another
	WatchRemoved                       // the entry is gone
	WatchRenamed                       // within the directory, perhaps in place of another
	WatchWritten                       // content or size changed
	WatchClosed                        // who could write to the file closed it; optional
	WatchAttributes                    // times, permissions, or other attributes changed
	WatchLost                          // something happened; nobody knows what
	WatchEnded                         // the directory was removed or renamed; nothing more will be told
)
