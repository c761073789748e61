// Package notify keeps what clients that watch directories are to be told. It is
// pure state, without goroutines and without a clock: changes go in, and requests
// that wait for them come out answered.
//
// A watch belongs to a handle. It begins with the handle's first request, which
// settles what it is about, and from then on changes that nobody waits for are kept
// until the next request, as long as they fit what the first one had room for.
//
// [MS-SMB2] 3.3.5.19; [MS-FSA] 2.1.4.1, 2.1.5.11
package notify

import (
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gosmbd/smb/smb2"
)

// Change is something that happened to an entry of a directory.
type Change struct {
	Name   string // its path in the volume, as spelled, with slashes
	Action smb2.FileAction
	Filter uint32 // of the FileNotifyChange bits, what it may be watched as
}

// Hub knows the watches of a volume. It has a mutex, which is a leaf: no function is
// called under it but Fold.
type Hub struct {
	// Fold returns what all spellings of a path have in common. It must keep
	// the slashes. It is set before the first use.
	Fold func(string) string

	n    atomic.Int32 // watches
	mu   sync.Mutex
	dirs map[string][]*Watch // by folded path
}

// Report tells of changes that belong together: whoever is told of one of them is told
// of all that he watches in the same answer. It costs next to nothing when nobody
// watches.
func (h *Hub) Report(changes ...Change) {
	if h.n.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var asked []*Watch
	for _, c := range changes {
		asked = h.add(asked, c)
	}
	for _, w := range asked {
		w.deliver()
	}
}

// add gives c to those who watch a directory that it is in. It appends those of them
// to asked for whom a request waits. The caller holds h.mu.
func (h *Hub) add(asked []*Watch, c Change) []*Watch {
	// The same directories have the same number of slashes behind them in both
	// spellings, though not the same length.
	key := h.Fold(c.Name)
	i, j := len(key), len(c.Name)
	for direct := true; ; direct = false {
		i, j = strings.LastIndexByte(key[:i], '/'), strings.LastIndexByte(c.Name[:j], '/')
		dir := "."
		if i >= 0 {
			dir = key[:i]
		}
		for _, w := range h.dirs[dir] {
			if w.filter&c.Filter == 0 || !direct && !w.tree {
				continue
			}
			w.add(c.Action, c.Name[j+1:])
			if len(w.waits) > 0 {
				asked = append(asked, w)
			}
		}
		if i < 0 || j < 0 {
			return asked
		}
	}
}

// Lose tells that something happened in dir, though not what: those who watch it have to
// look themselves.
func (h *Hub) Lose(dir string) {
	if h.n.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.Fold(dir)
	for direct := true; ; direct = false {
		for _, w := range h.dirs[key] {
			if direct || w.tree {
				w.lose()
			}
		}
		if key == "." {
			return
		}
		key = path.Dir(key)
	}
}

// insert puts w where changes find it. The caller holds h.mu.
func (h *Hub) insert(w *Watch, dir string) {
	if h.dirs == nil {
		h.dirs = make(map[string][]*Watch)
	}
	w.key = h.Fold(dir)
	w.at = len(h.dirs[w.key])
	h.dirs[w.key] = append(h.dirs[w.key], w)
}

// remove undoes insert.
func (h *Hub) remove(w *Watch) {
	list := h.dirs[w.key]
	last := len(list) - 1
	list[w.at] = list[last]
	list[w.at].at = w.at
	list[last] = nil
	if last == 0 {
		delete(h.dirs, w.key)
		return
	}
	h.dirs[w.key] = list[:last]
}
