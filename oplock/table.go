package oplock

import "sync"

// Table knows in which file each lease of each client is. The zero value is
// empty. It may be used by many at once; it may be called with a File's lock held.
type Table struct {
	mu     sync.Mutex
	leases map[tableKey]tableEntry
}

type tableKey struct{ client, key Key }

type tableEntry struct {
	file    *File
	holding *holding
	deleted bool // an open of it was made to delete the file
}

// Find returns the file that the client's lease is for, nil if there is none.
// The file is to be locked by its Ref before anything else is done with it.
func (t *Table) Find(client, key Key) *File { return nil }

// Check returns [ErrKeyInUse] if the lease which r asks for is one of a file
// other than f. For a file that is yet to be made f is nil. Grant checks it as
// well, but only when the open has taken effect.
// [MS-SMB2] 3.3.5.9.8
func (t *Table) Check(r *LeaseRequest, f *File) error { return nil }
