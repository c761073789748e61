//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	slots   = 5
	maxSize = 200_000
)

// walker owns some files in the directories that all walkers share. It has one
// client do one thing, then both look whether it is so.
type walker struct {
	*rig
	id      int
	rnd     *rand.Rand
	version uint32
	slots   [slots]slot
	history []string
}

// slot is what a file of the walker must be.
type slot struct {
	path  string // below the mount; empty: there is no such file
	data  []byte
	held  [2]*os.File // open at that client
	by    int         // the client that last changed the data
	dirty bool        // written through a handle that is still open

	writable [2]bool      // held can be written
	wrote    [2]time.Time // when the client last closed a handle for writing
	ghosts   [2][]string  // names of before that the client may still know
	former   []int        // sizes it had
}

// mayShrink reports whether client c may make the file shorter. A client that has
// the file open for writing does not believe that it got shorter, whatever the
// server says.
func (w *walker) mayShrink(s *slot, c int) bool {
	o := 1 - c
	return !(s.held[o] != nil && s.writable[o]) && time.Since(s.wrote[o]) > w.linger
}

// errReported says that what was to be seen wasn't, and that this is reported.
var errReported = errors.New("reported")

func newWalker(g *rig, id int, seed uint64) *walker {
	return &walker{rig: g, id: id, rnd: rand.New(rand.NewPCG(seed, uint64(id)))}
}

func (w *walker) run() {
	for !w.done() {
		// The file system's clock is coarse, and a client without a lease tells
		// by the time of the last write whether its cache is good.
		time.Sleep(8 * time.Millisecond)
		i, actor := w.rnd.IntN(slots), w.rnd.IntN(2)
		s := &w.slots[i]
		before := s.path
		if before != "" {
			s.former = append(s.former, len(s.data))
		}
		op := w.choose(s)
		w.log("%s by %s: %s", op.name, client(actor), s.path)
		err := op.do(w, s, actor)
		if err != nil {
			if err != errReported {
				w.fault("%s by client %s: %v", op.name, client(actor), err)
			}
			w.explain(s)
			w.startOver()
			continue
		}
		w.did("did: " + op.name)
		if op.writes {
			s.by = actor
		}
		if w.done() {
			break
		}
		if !w.look(s, before, actor) {
			w.startOver()
		}
	}
	w.startOver()
}

func (w *walker) prefix() string { return fmt.Sprintf("w%d-", w.id) }

func (w *walker) log(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.verbose {
		w.note("%s", line)
	}
	w.history = append(w.history, line)
	if len(w.history) > 12 {
		w.history = w.history[1:]
	}
}

func (w *walker) lately() string { return strings.Join(w.history, " | ") }

// startOver forgets all files, after a fault left open what is where.
func (w *walker) startOver() {
	for i := range w.slots {
		w.slots[i].closeAll()
		w.slots[i] = slot{}
	}
	for d := range dirs {
		dir := filepath.Join(w.plain, dirName(d))
		list, _ := os.ReadDir(dir)
		for _, e := range list {
			if strings.HasPrefix(e.Name(), w.prefix()) {
				os.RemoveAll(filepath.Join(dir, e.Name()))
			}
		}
	}
}

func (s *slot) closeAll() {
	for c := range s.held {
		if s.held[c] != nil {
			s.held[c].Close()
			s.held[c] = nil
		}
		s.ghosts[c] = nil
	}
	s.dirty = false
}

// freshPath is a name that wasn't used before.
func (w *walker) freshPath() string {
	w.version++
	return filepath.Join(dirName(w.rnd.IntN(dirs)), fmt.Sprintf("%s%d", w.prefix(), w.version))
}

// fill makes the bytes of a new version at off: each tells its version and where
// it belongs.
func (w *walker) fill(off, n int) []byte {
	w.version++
	b := make([]byte, 0, n+16)
	for at := off &^ 7; at < off+n; at += 8 {
		b = binary.BigEndian.AppendUint32(b, w.version)
		b = binary.BigEndian.AppendUint32(b, uint32(at/8))
	}
	return b[off&7:][:n]
}

// look has the other client, at times both, see what actor did.
func (w *walker) look(s *slot, before string, actor int) bool {
	other := 1 - actor
	ok := w.see(other, s, before)
	if ok && w.rnd.IntN(3) == 0 {
		ok = w.see(actor, s, before)
	}
	if ok && w.rnd.IntN(4) == 0 {
		d := w.rnd.IntN(dirs)
		if s.path != "" {
			d = int(s.path[len("dir")] - '0')
		}
		ok = w.eventually("list", func() error { return w.list(other, d) })
	}
	if !ok {
		w.explain(s)
	}
	return ok
}

// see checks one file at one client.
func (w *walker) see(c int, s *slot, before string) bool {
	if before != "" && before != s.path {
		s.ghosts[c] = append(s.ghosts[c], before)
	}
	// While a client has a lease of the file it does not ask for its name.
	if s.held[c] == nil && !w.gone(c, s) {
		return false
	}
	if s.path == "" {
		return true
	}
	// A client that may write late need not have told its size.
	if !s.dirty && w.rnd.IntN(2) == 0 && !w.eventually("size", func() error { return w.size(c, s) }) {
		return false
	}
	if s.held[c] != nil && !w.eventually("held handle", func() error { return w.readHeld(c, s) }) {
		return false
	}
	return w.eventually("data", func() error { return w.readAll(c, s) })
}

// gone checks that a client knows none of the names that the file had.
func (w *walker) gone(c int, s *slot) bool {
	for _, name := range s.ghosts[c] {
		ok := w.eventually("gone", func() error {
			if _, err := os.Lstat(filepath.Join(w.mounts[c], name)); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("client %s still has %s (%v)", client(c), name, err)
			}
			return nil
		})
		if !ok {
			return false
		}
	}
	s.ghosts[c] = nil
	return true
}

func (w *walker) size(c int, s *slot) error {
	st, err := os.Lstat(filepath.Join(w.mounts[c], s.path))
	if err != nil {
		return err
	}
	if st.Size() != int64(len(s.data)) {
		return fmt.Errorf("client %s sees %s with %d bytes, not %d", client(c), s.path, st.Size(), len(s.data))
	}
	return nil
}

func (w *walker) readAll(c int, s *slot) error {
	got, err := os.ReadFile(filepath.Join(w.mounts[c], s.path))
	if err != nil {
		return err
	}
	return compare(c, s, got)
}

func (w *walker) readHeld(c int, s *slot) error {
	got := make([]byte, maxSize+1)
	n, err := s.held[c].ReadAt(got, 0)
	if err != nil && err != io.EOF {
		return err
	}
	return compare(c, s, got[:n])
}

// mismatch tells where what a client read differs from what it should have.
type mismatch struct {
	msg   string
	zeros bool // the client has zeros from what was the end of the file once
}

func (m *mismatch) Error() string { return m.msg }

// compare returns nil or a *mismatch.
func compare(c int, s *slot, got []byte) error {
	if bytes.Equal(got, s.data) {
		return nil
	}
	n := min(len(got), len(s.data))
	at := 0
	for at < n && got[at] == s.data[at] {
		at++
	}
	bad, end, zeros := 0, at, len(got) == len(s.data)
	for i := at; i < n; i++ {
		if got[i] != s.data[i] {
			bad++
			end = i + 1
			zeros = zeros && got[i] == 0
		}
	}
	zeros = zeros && slices.ContainsFunc(s.former, func(size int) bool { return size <= at && at < size+8 })
	return &mismatch{fmt.Sprintf("client %s reads %s wrong: %d bytes, want %d; %d differ, from %d to %d: has %s, want %s; sizes before: %d",
		client(c), s.path, len(got), len(s.data), bad, at, end, word(got, at), word(s.data, at), s.former), zeros}
}

// word describes the aligned word that holds b[at].
func word(b []byte, at int) string {
	at &^= 7
	if at+8 > len(b) {
		return "the end"
	}
	return fmt.Sprintf("version %d of word %d", binary.BigEndian.Uint32(b[at:]), binary.BigEndian.Uint32(b[at+4:]))
}

// list checks that a client lists the walker's files in directory d.
func (w *walker) list(c, d int) error {
	entries, err := os.ReadDir(filepath.Join(w.mounts[c], dirName(d)))
	if err != nil {
		return err
	}
	var got, want []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), w.prefix()) {
			got = append(got, e.Name())
		}
	}
	for i := range w.slots {
		if p := w.slots[i].path; p != "" && filepath.Dir(p) == dirName(d) {
			want = append(want, filepath.Base(p))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("client %s lists %s in %s, want %s", client(c), got, dirName(d), want)
	}
	return nil
}

// explain tells, after a fault, what the server has.
func (w *walker) explain(s *slot) {
	w.note("  before: %s", w.lately())
	w.note("  open: %s", openFiles(w.prefix()))
	if s.path == "" {
		return
	}
	got, err := os.ReadFile(filepath.Join(w.plain, s.path))
	switch {
	case err != nil:
		w.note("  the client without cache: %v", err)
	case bytes.Equal(got, s.data):
		w.note("  the client without cache reads what it should")
	default:
		w.note("  the client without cache is wrong, too: %v", compare(2, s, got))
	}
}
