package smb

import (
	"sync"

	"github.com/gosmbd/smb/vfs"
)

// userKey names a user in limits.
type userKey struct{ domain, name string }

func userOf(c *vfs.Caller) userKey { return userKey{c.Domain, c.Name} }

// holder is whom a session counts for: its user, or before the logon that of the connection
// that it was begun on. If that has none, it is the client's address.
type holder struct {
	user userKey
	ip   string
}

// fairCount bounds how many opens or sessions there are in all. K is who has them.
type fairCount[K comparable] struct {
	max int

	mu sync.Mutex
	n  int
	by map[K]int
}

func (c *fairCount[K]) init(n int) { c.max, c.by = n, make(map[K]int) }

// add counts one more of k, if he may have it. The last quarter is for those who have
// no more than what is left, so that nobody takes all there is from the others.
func (c *fairCount[K]) add(k K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addLocked(k)
}

// move has one that counted for from count for to, if he may have it.
func (c *fairCount[K]) move(from, to K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change(from, -1)
	if c.addLocked(to) {
		return true
	}
	c.change(from, 1)
	return false
}

func (c *fairCount[K]) addLocked(k K) bool {
	left := c.max - c.n
	if left <= 0 || left <= c.max/4 && c.by[k] >= left {
		return false
	}
	c.change(k, 1)
	return true
}

// restore counts one that there was before the server.
func (c *fairCount[K]) restore(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change(k, 1)
}

func (c *fairCount[K]) remove(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.change(k, -1)
}

func (c *fairCount[K]) change(k K, by int) {
	c.n += by
	if c.by[k] += by; c.by[k] == 0 {
		delete(c.by, k)
	}
}
