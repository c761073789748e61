package smb

// What the locks of an open count for in Limits.Locks. The first few are free, as there are no more of them than
// opens; for the others room is taken by the block, and given back when the open ends.
const (
	freeLocks = 4
	lockBlock = 16
	// maxStoredLocks is how many a persistent open has at most: with each that comes or goes all
	// are stored.
	maxStoredLocks = 1024
)

// lockRoom is guarded by file.mu.
type lockRoom struct {
	used   int // at most, since it isn't known of each lock when it goes
	blocks int
}

// mayLock reports whether o may have n more locks, and counts them. The caller holds o.file.mu.
func (o *open) mayLock(n int) bool {
	r := &o.lockRoom
	r.used += n
	if r.used <= r.size() {
		return true
	}
	r.used = o.file.locks.count(o) + n
	if o.durability.persistent && r.used > maxStoredLocks {
		return false
	}
	for r.used > r.size() {
		if !o.srv.lockBlocks.add(userOf(o.caller)) {
			return false
		}
		r.blocks++
	}
	return true
}

func (r *lockRoom) size() int { return freeLocks + r.blocks*lockBlock }

// endLocks gives the room up, with all locks. The caller holds o.file.mu.
func (o *open) endLocks() {
	o.file.locks.release(o)
	for ; o.lockRoom.blocks > 0; o.lockRoom.blocks-- {
		o.srv.lockBlocks.remove(userOf(o.caller))
	}
}
