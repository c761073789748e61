package smb

import (
	"fmt"
	"testing"
)

// A directory counts though there is nothing in it, and what is known of those below goes with it when it is renamed.
func TestNameCacheCountsDirectories(t *testing.T) {
	var n nameCache
	n.init()
	keep := func(dir string, names ...string) {
		l := &listing{names: make(map[string]string)}
		for _, name := range names {
			l.add(name)
		}
		n.keep(dir, l, &listingRead{})
	}
	check := func(dirs, total int) {
		t.Helper()
		if len(n.dirs) != dirs || n.total != total {
			t.Errorf("%d directories of %d in all, want %d of %d", len(n.dirs), n.total, dirs, total)
		}
	}
	for i := range 10 {
		keep(fmt.Sprintf("a/%d", i))
	}
	keep("a", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
	keep("ab", "x", "X")
	check(12, 10+11+2)
	keep("a/0") // again
	check(12, 23)
	n.added("a/3") // a new one
	check(11, 22)
	keep("a/3")
	n.removed("a/3", true)
	check(11, 21)
	n.added("a/new")
	check(11, 22)
	n.removed("a/new", false)
	check(11, 21)
	n.renamed("a", "c", true)
	check(1, 2)
	n.forget("ab")
	check(0, 0)
}
