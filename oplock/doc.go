// Package oplock decides what clients may cache. It is the state machine of
// opportunistic locks and leases: pure, without goroutines and without a clock.
// Operations go in, and messages for clients come out.
//
// [MS-FSA] 2.1.4.12, 2.1.5.18, 2.1.5.19; [MS-SMB2] 3.3.1.4, 3.3.4.6, 3.3.4.7,
// 3.3.5.9.8, 3.3.5.9.11, 3.3.5.22
//
// # Use
//
// Each file has a [File], guarded by the lock that guards its list of opens, and
// each open a [Holder]. An operation that may end somebody's caching checks first:
//
//	for {
//		f.mu.Lock()
//		breaks, wait := f.caching.Check(time.Now(), o.holder, oplock.OpWrite)
//		f.mu.Unlock()
//		send(breaks)
//		if wait == nil {
//			break
//		}
//		select {
//		case <-wait: // somebody answered, closed or was overruled: check again
//		case <-ctx.Done():
//			return ctx.Err() // nobody needs to know
//		}
//	}
//	// write
package oplock
