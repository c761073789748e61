package notify

import (
	"slices"
	"strings"

	"github.com/gosmbd/smb/internal/utf16le"
	"github.com/gosmbd/smb/smb2"
)

// Watch is what one handle watches. All is guarded by the mutex of the Hub.
type Watch struct {
	hub    *Hub
	key    string // folded path of the directory
	at     int    // its place among those of the same directory
	filter uint32
	tree   bool
	max    int // bytes on the wire that are kept
	budget *Budget

	list  smb2.FileNotifyInformation // what nobody has asked for yet
	size  int                        // on the wire
	held  int64                      // taken from the budget
	lost  bool                       // there was more than could be kept
	waits []*Request                 // the oldest first
}

// Request waits for changes.
type Request struct {
	// Ready is closed when the answer is there.
	Ready <-chan struct{}

	w     *Watch
	ready chan struct{}
	max   int
	list  smb2.FileNotifyInformation
	err   error
}

// Watch begins to watch a directory: changes that have a bit in common with filter,
// in the directory itself or, if tree is set, anywhere below. At most max bytes of
// them are kept between requests, as they are on the wire. It returns nil if the
// budget allows no further watch.
func (h *Hub) Watch(dir string, filter uint32, tree bool, max int, budget *Budget) *Watch {
	if !budget.takeWatch() {
		return nil
	}
	w := &Watch{hub: h, filter: filter, tree: tree, max: max, budget: budget}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n.Add(1)
	h.insert(w, dir)
	return w
}

// Move notes that the directory has another path now.
func (w *Watch) Move(dir string) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.hub.remove(w)
	w.hub.insert(w, dir)
}

// Close ends the watch. Requests that wait stay unanswered.
func (w *Watch) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.clear()
	w.waits = nil
	w.hub.remove(w)
	w.hub.n.Add(-1)
	w.budget.giveWatch()
}

// Ask makes a request for changes, of which at most max bytes can be taken. It is
// answered at once if there are any.
func (w *Watch) Ask(max int) *Request {
	ready := make(chan struct{})
	r := &Request{Ready: ready, w: w, ready: ready, max: max}
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.waits = append(w.waits, r)
	w.deliver()
	return r
}

// Fail answers all requests that wait with err, and forgets what was kept.
func (w *Watch) Fail(err error) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.clear()
	for _, r := range w.waits {
		r.answer(nil, err)
	}
	w.waits = nil
}

// add keeps a change. What follows a change of the same kind to the same entry tells
// nothing new.
func (w *Watch) add(action smb2.FileAction, name string) {
	if w.lost {
		return
	}
	name = strings.ReplaceAll(name, "/", `\`)
	e := smb2.FileNotifyEntry{Action: action, Name: name}
	if n := len(w.list); n > 0 && w.list[n-1] == e && action == smb2.ActionFileModified {
		return
	}
	size, cost := entrySize(name), int64(len(name))+entryCost
	if w.size+size > w.max || !w.budget.take(cost) {
		w.clear()
		w.lost = true
		return
	}
	e.Name = strings.Clone(name) // not the whole path, which isn't counted
	w.list = append(w.list, e)
	w.size += size
	w.held += cost
}

// lose has the watch's owner look himself.
func (w *Watch) lose() {
	w.clear()
	w.lost = true
	w.deliver()
}

// entryCost is what an entry holds besides its name.
const entryCost = 48

// entrySize returns how long an entry is on the wire. [MS-FSCC] 2.7.1
func entrySize(name string) int { return (12 + utf16le.Len(name) + 3) &^ 3 }

// deliver answers the oldest request if there is anything to tell.
func (w *Watch) deliver() {
	if len(w.waits) == 0 || len(w.list) == 0 && !w.lost {
		return
	}
	r := w.waits[0]
	w.waits = slices.Delete(w.waits, 0, 1)
	if w.lost || w.size > r.max {
		r.answer(nil, smb2.StatusNotifyEnumDir)
	} else {
		r.answer(w.list, nil)
	}
	w.clear()
}

// clear forgets what is kept.
func (w *Watch) clear() {
	w.budget.give(w.held)
	w.list, w.size, w.held, w.lost = nil, 0, 0, false
}

func (r *Request) answer(list smb2.FileNotifyInformation, err error) {
	r.list, r.err = list, err
	close(r.ready)
}

// Answer returns the changes, or StatusNotifyEnumDir if there were too many to tell,
// or what Fail said. Ready must have been closed.
func (r *Request) Answer() (smb2.FileNotifyInformation, error) { return r.list, r.err }

// Withdraw gives the request up. It returns false if it was too late: Ready is closed,
// and the changes are lost if nobody takes them.
func (r *Request) Withdraw() bool {
	r.w.hub.mu.Lock()
	defer r.w.hub.mu.Unlock()
	select {
	case <-r.ready:
		return false
	default:
	}
	if i := slices.Index(r.w.waits, r); i >= 0 {
		r.w.waits = slices.Delete(r.w.waits, i, i+1)
	}
	return true
}
