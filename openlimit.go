package smb

import (
	"sync"

	"github.com/gosmbd/smb/vfs"
)

// userKey names a user in limits.
type userKey struct{ domain, name string }

func userOf(c *vfs.Caller) userKey { return userKey{c.Domain, c.Name} }

// openCount bounds how many opens there are in all.
type openCount struct {
	max int

	mu sync.Mutex
	n  int
	by map[userKey]int
}

func (c *openCount) init(n int) { c.max, c.by = n, make(map[userKey]int) }

// add counts one more open of u, if he may have it. The last quarter is for those who have
// no more than what is left, so that nobody takes all there is from the others.
func (c *openCount) add(u userKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.max - c.n
	if left <= 0 || left <= c.max/4 && c.by[u] >= left {
		return false
	}
	c.addLocked(u)
	return true
}

// restore counts an open that there was before the server.
func (c *openCount) restore(u userKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLocked(u)
}

func (c *openCount) addLocked(u userKey) {
	c.n++
	c.by[u]++
}

func (c *openCount) remove(u userKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.by[u]--; c.by[u] == 0 {
		delete(c.by, u)
	}
}
