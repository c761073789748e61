// Package oplock decides what clients may cache. It is the state machine of
// opportunistic locks (oplocks) and leases: pure, without goroutines and without
// a clock. Operations go in; messages for clients come out, and the caller sends
// them.
//
// An oplock belongs to one open. A lease belongs to a key that a client chose, and
// is shared by all opens of a file which name that key, whatever sessions,
// connections or hard links they came by. Inside, an oplock is the lease of one
// open: level II is R, exclusive RW, batch RWH.
//
// [MS-FSA] 2.1.4.12, 2.1.5.18, 2.1.5.19; [MS-SMB2] 3.3.1.4, 3.3.4.6, 3.3.4.7,
// 3.3.5.9.8, 3.3.5.9.11, 3.3.5.22, 3.3.6.1, 3.3.6.5
//
// # Opening
//
// Each file has a [File], guarded by what guards its list of opens; each open,
// whether it asks for caching or not, has a [Holder]. To open a file is to look at
// share modes and caching until nobody has to be waited for, and then to join,
// under one lock:
//
//	h := oplock.NewHolder(request)
//	for {
//		f.mu.Lock()
//		conflict := f.shareConflict(o)
//		breaks, wait := f.caching.CheckOpen(now(), h, overwrite, conflict)
//		if wait == nil && !conflict {
//			granted, err = f.caching.Grant(&table, h) // and f.opens = append(f.opens, o)
//		}
//		f.mu.Unlock()
//		send(breaks)
//		if wait == nil {
//			break // SHARING_VIOLATION if there is a conflict
//		}
//		select {
//		case <-wait: // somebody answered, closed or was overruled: look again
//		case <-ctx.Done():
//			return ctx.Err() // nobody needs to know
//		}
//	}
//
// # Working
//
// An operation that may end somebody's caching checks before its effect, in the
// same manner, with [File.Check]. Since the file isn't locked during the effect,
// somebody may begin to cache what is about to change. So it checks once more
// afterwards, and sends those breaks; it can't be told to wait for anything that
// matters by then, since nobody caches writes while another has the file open.
//
// # Breaks
//
// A client that caches writes or handles has to answer a [Break]; until then
// there isn't another one for it. When operations meanwhile demand more, its
// answer is followed by the next break, and those who wait go on when the last has
// been answered. A break ends by an answer, by the last close, by
// [File.Overrule] when the client can't be reached, or by [File.Expire] in time.
//
// # Directories
//
// A change of what is in a directory is an [OpChangeEntry] of the directory's
// File, by the open that was used for the change: made, removed, renamed entries,
// and entries whose size, times or attributes changed. A client that names its
// lease on the directory in that open (the parent key) keeps it.
package oplock
