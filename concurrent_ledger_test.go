package smb_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ledger is what clients did to files, as far as it was granted to them.
type ledger struct {
	mode concurrentMode

	mu      sync.Mutex
	files   map[string]*ledgerFile // by tag
	mayLose int                    // files that may have been replaced or overwritten, whichever they were
}

// ledgerFile is guarded by the ledger's mu.
type ledgerFile struct {
	names   int // those it was given
	kills   int // those that may have been taken from it
	deleted bool
	slots   map[int64]string  // at offsets
	streams map[string]string // each client has its own
	story   []string
}

func (l *ledger) add(tag, story string) *ledgerFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &ledgerFile{names: 1, slots: make(map[int64]string), streams: make(map[string]string), story: []string{story}}
	l.files[tag] = f
	return f
}

// with calls f for the file with a tag, if there's one.
func (l *ledger) with(tag string, f func(x *ledgerFile)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.files[tag]; x != nil {
		f(x)
	}
}

// replaced notes that another file may be gone.
func (l *ledger) replaced() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mayLose++
}

// deleteAtClose notes a CREATE that deletes what it opened.
func (l *ledger) deleteAtClose(tag string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.files[tag]; x != nil {
		x.kills++
		x.deleted = true
	} else {
		l.mayLose++ // its tag wasn't written yet
	}
}

// check compares what there is, when all is over.
func (l *ledger) check(t *testing.T, b modelBackend) {
	found := make(map[string][]string) // names by tag
	for _, k := range allKept(t, b.fs, ".") {
		if k.dir {
			continue
		}
		tag := untagged(k.content)
		if tag == "" {
			if strings.Trim(k.content, " \x00") != "" {
				t.Errorf("%s has no tag, but %q", k.name, k.content)
			}
			continue
		}
		found[tag] = append(found[tag], k.name)
		x := l.files[tag]
		if x == nil {
			t.Errorf("%s has a tag that nobody wrote: %q", k.name, tag)
		} else if !l.mode.overwrite {
			x.checkContent(t, tag, k)
			x.checkStreams(t, tag, k)
		}
	}
	for tag, names := range outsideTags(t, b) {
		found[tag] = append(found[tag], names...)
	}
	l.checkNames(t, found)
}

// checkContent checks that what was written with handles of the file is in it, and nothing that was written with others.
func (x *ledgerFile) checkContent(t *testing.T, tag string, k kept) {
	for off, val := range x.slots {
		if end := int(off) + len(val); len(k.content) < end || k.content[off:end] != val {
			t.Errorf("%s (%s) lacks %q\n%s", tag, k.name, val, x)
		}
	}
	for chunk := range slices.Chunk([]byte(k.content[min(64, len(k.content)):]), 32) {
		if v := strings.Trim(string(chunk), "\x00 "); v != "" && !strings.HasPrefix(v, tag+"|") {
			t.Errorf("%s (%s) has %q", tag, k.name, v)
		}
	}
}

// checkStreams does the same for streams.
func (x *ledgerFile) checkStreams(t *testing.T, tag string, k kept) {
	for s, val := range x.streams {
		if k.streams[s] != val {
			t.Errorf("%s (%s) has %q instead of %q in stream %s\n%s", tag, k.name, k.streams[s], val, s, x)
		}
	}
	for s, val := range k.streams {
		if val != "" && !strings.HasPrefix(val, tag+"|") {
			t.Errorf("%s (%s) has %q in stream %s", tag, k.name, val, s)
		}
	}
}

// checkNames checks that each file has as many names as it may.
func (l *ledger) checkNames(t *testing.T, found map[string][]string) {
	var missing []string
	for _, tag := range slices.Sorted(maps.Keys(l.files)) {
		x, names := l.files[tag], found[tag]
		if len(names) == 0 && x.names > x.kills {
			missing = append(missing, fmt.Sprintf("%s\n%s", tag, x))
		}
		if len(names) > 1 && !l.mode.links {
			t.Errorf("%s has the names %q\n%s", tag, names, x)
		}
		if len(names) > 0 && x.deleted && !l.mode.foreign && !l.mode.links {
			t.Errorf("%s was deleted and is there: %q\n%s", tag, names, x)
		}
	}
	if len(missing) > l.mayLose {
		t.Errorf("%d of %d files are lost, %d may be:\n%s", len(missing), len(l.files), l.mayLose, strings.Join(missing, "\n"))
	}
}

// String is the file's story.
func (x *ledgerFile) String() string { return "\t" + strings.Join(x.story, "\n\t") }

// outsideTags are the tags of what another program has moved away.
func outsideTags(t *testing.T, b modelBackend) map[string][]string {
	found := make(map[string][]string)
	if b.outside == "" {
		return found
	}
	err := filepath.WalkDir(b.outside, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		c, err := os.ReadFile(name)
		if tag := untagged(string(c)); tag != "" {
			found[tag] = append(found[tag], name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
