package smb

import (
	"fmt"
	"strconv"
	"strings"
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

// Long names and long paths count for what they take.
func TestNameCacheCountsBytes(t *testing.T) {
	var n nameCache
	n.init()
	deep := strings.Repeat("d/", 10_000) + "d"
	n.keep(deep, &listing{names: make(map[string]string)}, &listingRead{})
	if held := n.total * bytesPerName; held < len(deep) {
		t.Errorf("a path of %d bytes counts for %d", len(deep), held)
	}
	before := n.total
	name := func(i int) string { return fmt.Sprintf("%s/%d%s", deep, i, strings.Repeat("x", 700)) }
	for range 2 {
		for i := range 100 {
			n.added(name(i))
		}
	}
	if held := (n.total - before) * bytesPerName; held < 100*700 {
		t.Errorf("100 names of 700 bytes count for %d", held)
	}
	for i := range 100 {
		n.removed(name(i), false)
	}
	if n.total != before {
		t.Errorf("%d are kept of none", n.total-before)
	}
	l := &listing{names: make(map[string]string)}
	for i := 0; l.hashes == nil; i++ {
		if l.add(strconv.Itoa(i) + strings.Repeat("x", 700)); l.size() > maxSpelled+10 {
			t.Fatalf("%d names count for %d, and are still spelled", i, l.size())
		}
	}
}

// Of a directory with many names hashes are kept, which tell as well what isn't there, and of one with
// very many that there are.
func TestListingOfManyNames(t *testing.T) {
	var n nameCache
	n.init()
	l := &listing{names: make(map[string]string)}
	n.keep("d", l, &listingRead{})
	n.keep("e", &listing{names: make(map[string]string)}, &listingRead{})
	check := func(key, name string, there bool) {
		t.Helper()
		if got, ok := l.find(key); got != name || ok != there {
			t.Errorf("%s is %q, %v, want %q, %v", key, got, ok, name, there)
		}
	}
	add := func(from, to int) {
		for i := from; i < to; i++ {
			n.added(fmt.Sprintf("d/name%d", i))
		}
	}
	add(0, maxSpelled)
	check("NAME7", "name7", true)
	add(maxSpelled, maxSpelled+1)
	check("NAME7", "", true)
	check(fmt.Sprint("NAME", maxSpelled), "", true)
	check(fmt.Sprint("NAME", maxSpelled+1), "", false)
	if !l.has("name7") || l.has("Name7") {
		t.Error("the spelling is lost")
	}
	n.learn("d", "NAME7", "name7")
	check("NAME7", "name7", true)
	n.learn("d", "NAME7", "Name7") // as it was once
	check("NAME7", "", true)
	n.learn("d", "NAME7", "name7")
	n.removed("d/name7", false)
	check("NAME7", "", false)
	n.added("d/name8") // again
	n.added("d/Name9")
	n.removed("d/name8", false)
	if n.dirs["d"] != l {
		t.Error("a name that was added twice has two spellings")
	}
	n.removed("d/Name9", false)
	if n.dirs["d"] != nil {
		t.Error("the other spelling is lost")
	}
	n.keep("d", l, &listingRead{})

	add(maxSpelled+1, maxHashes+3) // three were removed
	check(fmt.Sprint("NAME", maxHashes), "", true)
	if n.total > nameCacheSize || n.dirs["e"] != nil {
		t.Errorf("%d in all, and there is room for another directory", n.total)
	}
	add(maxHashes+3, maxHashes+5)
	if !l.tooLarge() || n.total != 1 {
		t.Errorf("%d of too many are kept", n.total)
	}
	n.removed("d/name9", false)
	n.forget("d")
	if n.total != 0 {
		t.Errorf("%d of none are kept", n.total)
	}
}
