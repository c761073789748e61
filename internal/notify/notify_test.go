package notify

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosmbd/smb/smb2"
)

const (
	fileName = smb2.FileNotifyChangeFileName
	dirName  = smb2.FileNotifyChangeDirName
	size     = smb2.FileNotifyChangeSize
)

func newHub() *Hub { return &Hub{Fold: strings.ToUpper} }

func change(action smb2.FileAction, name string) Change {
	filter := fileName
	if action == smb2.ActionFileModified {
		filter = size
	}
	return Change{Name: name, Action: action, Filter: filter}
}

func add(name string) Change { return change(smb2.ActionFileAdded, name) }
func mod(name string) Change { return change(smb2.ActionFileModified, name) }

// told returns what r was answered, as "+name" for what was added, and so on; "?" while
// it waits.
func told(r *Request) string {
	select {
	case <-r.Ready:
	default:
		return "?"
	}
	list, err := r.Answer()
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, e := range list {
		out = append(out, " +-~<>"[e.Action:][:1]+e.Name)
	}
	return strings.Join(out, " ")
}

func wantTold(t *testing.T, what string, r *Request, want string) {
	t.Helper()
	if got := told(r); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

var enumDir = smb2.StatusNotifyEnumDir.Error()

func TestWhoIsTold(t *testing.T) {
	for _, tt := range []struct {
		dir    string
		tree   bool
		filter uint32
		change Change
		want   string
	}{
		{".", false, fileName, add("a"), "+a"},
		{".", false, fileName, add("a/b"), "?"},
		{".", true, fileName, add("a/b"), `+a\b`},
		{"a", false, fileName, add("a"), "?"}, // not of itself
		{"a", true, fileName, add("a"), "?"},
		{"a", true, fileName, add("ab"), "?"},
		{"a", true, fileName, add("ab/c"), "?"},
		{"a", false, fileName, add("a/b"), "+b"},
		{"A", false, fileName, add("a/b"), "+b"},
		{"a/b", true, fileName, add("A/B/c/D/e"), `+c\D\e`},
		{"a/b", false, fileName, add("A/B/c/D/e"), "?"},
		{"a", false, dirName, add("a/b"), "?"},
		{"a", false, dirName | fileName, add("a/b"), "+b"},
		{"a", false, ^size, mod("a/b"), "?"},
		{"a", false, 0, add("a/b"), "?"},
		{"a", false, ^uint32(0), Change{Name: "a/b", Action: smb2.ActionFileModified}, "?"},
		{"ſ", false, fileName, add("ſ/ſ/x"), "?"}, // one byte shorter when folded
		{"ſ", true, fileName, add("ſ/ſ/x"), `+ſ\x`},
	} {
		h := newHub()
		w := h.Watch(tt.dir, tt.filter, tt.tree, 1000, nil)
		r := w.Ask(1000)
		h.Report(tt.change)
		wantTold(t, tt.dir+" "+tt.change.Name, r, tt.want)
	}
}

// What happens between two requests is kept, and each answer has all that is there.
func TestKeeps(t *testing.T) {
	h := newHub()
	h.Report(add("before"))
	w := h.Watch(".", fileName|size, false, 1000, nil)
	if r := w.Ask(1000); !r.Withdraw() || told(r) != "?" {
		t.Error("can't be withdrawn")
	}
	h.Report(add("a"))
	h.Report(mod("a"))
	h.Report(mod("a"))
	h.Report(mod("b"))
	h.Report(mod("a"))
	wantTold(t, "kept", w.Ask(1000), "+a ~a ~b ~a")
	r1, r2 := w.Ask(1000), w.Ask(1000)
	h.Report(add("c"))
	wantTold(t, "the first", r1, "+c")
	wantTold(t, "the second", r2, "?")
	if r1.Withdraw() {
		t.Error("answered, and withdrawn")
	}
	h.Report(change(smb2.ActionFileRenamedOldName, "d"), change(smb2.ActionFileRenamedNewName, "e"))
	wantTold(t, "a rename", r2, "<d >e")
	wantTold(t, "nothing", w.Ask(1000), "?")
}

func TestOverflow(t *testing.T) {
	for _, tt := range []struct {
		first, next int
		changes     string
		want        string
	}{
		{32, 1000, "ab cd", "+ab +cd"}, // of 16 bytes each
		{31, 1000, "ab cd", enumDir},
		{1000, 32, "ab cd", "+ab +cd"},
		{1000, 31, "ab cd", enumDir},
		{1000, 0, "ab", enumDir},
		{0, 1000, "ab", enumDir},
		{1, 1000, "ab", enumDir},
		{31, 1000, "ab cd ef gh", enumDir},
	} {
		h := newHub()
		b := &Budget{Watches: 1, Bytes: 1000}
		w := h.Watch(".", fileName, false, tt.first, b)
		for name := range strings.SplitSeq(tt.changes, " ") {
			h.Report(add(name))
		}
		wantTold(t, tt.changes, w.Ask(tt.next), tt.want)
		if _, held := b.Held(); held != 0 {
			t.Errorf("%d bytes are held", held)
		}
		r := w.Ask(tt.next)
		wantTold(t, "once is enough", r, "?")
		h.Report(add("x"))
		if tt.first >= 31 && tt.next >= 31 {
			wantTold(t, "afterwards", r, "+x")
		} else {
			wantTold(t, "afterwards", r, enumDir)
		}
	}
}

func TestBudget(t *testing.T) {
	all := &Budget{Watches: 3, Bytes: 180}
	one := &Budget{Watches: 2, Bytes: 120, Parent: all}
	other := &Budget{Watches: 2, Bytes: 200, Parent: all}
	h := newHub()
	a, b := h.Watch("a", fileName, false, 1000, one), h.Watch("b", fileName, false, 1000, one)
	if h.Watch("c", fileName, false, 1000, one) != nil {
		t.Error("one watches too much")
	}
	c := h.Watch("c", fileName, false, 1000, other)
	if h.Watch("d", fileName, false, 1000, other) != nil {
		t.Error("all watch too much")
	}
	h.Report(add("a/x"))
	h.Report(add("b/x"))
	h.Report(add("b/y")) // too much for one
	h.Report(add("c/x"))
	h.Report(add("c/y"))
	h.Report(add("c/z")) // too much for all
	wantTold(t, "a", a.Ask(1000), "+x")
	wantTold(t, "b", b.Ask(1000), enumDir)
	wantTold(t, "c", c.Ask(1000), enumDir)
	h.Report(add("a/x"))
	for _, w := range []*Watch{a, b, c} {
		w.Close()
	}
	for _, b := range []*Budget{one, other, all} {
		if n, held := b.Held(); n != 0 || held != 0 {
			t.Errorf("%d watches and %d bytes are held", n, held)
		}
	}
	if len(h.dirs) != 0 || h.n.Load() != 0 {
		t.Error("watches are left")
	}
}

func TestFail(t *testing.T) {
	h := newHub()
	w := h.Watch(".", fileName, false, 1000, nil)
	r1, r2 := w.Ask(1000), w.Ask(1000)
	gone := errors.New("gone")
	w.Fail(gone)
	wantTold(t, "the first", r1, "gone")
	wantTold(t, "the second", r2, "gone")
	h.Report(add("a"))
	w.Fail(gone)
	wantTold(t, "later", w.Ask(1000), "?")
}

// Who can't be told what happened has to look.
func TestLose(t *testing.T) {
	h := newHub()
	b := &Budget{Watches: 10, Bytes: 1000}
	flat, tree := h.Watch("a", fileName, false, 1000, b), h.Watch("a", fileName, true, 1000, b)
	top, below := h.Watch(".", fileName, true, 1000, b), h.Watch("a/b/c", fileName, true, 1000, b)
	at := h.Watch("A/b", fileName, false, 1000, b)
	h.Report(add("a/b/x"))
	waits := at.Ask(1000)
	wantTold(t, "what was kept", waits, "+x")
	waits = at.Ask(1000)
	h.Lose("a/B")
	wantTold(t, "who waits", waits, enumDir)
	wantTold(t, "a tree", tree.Ask(1000), enumDir)
	wantTold(t, "the volume", top.Ask(1000), enumDir)
	wantTold(t, "a directory above", flat.Ask(1000), "?")
	wantTold(t, "a directory below", below.Ask(1000), "?")
	if _, held := b.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
	h.Report(add("a/b/y"))
	wantTold(t, "afterwards", at.Ask(1000), "+y")
}

func TestMove(t *testing.T) {
	h := newHub()
	w := h.Watch("a/b", fileName, true, 1000, nil)
	other := h.Watch("a/b", fileName, true, 1000, nil)
	w.Move("c")
	h.Report(add("a/b/x"))
	h.Report(add("c/y"))
	wantTold(t, "moved", w.Ask(1000), "+y")
	wantTold(t, "not moved", other.Ask(1000), "+x")
}

// Changes of random paths, told to random watches, are those that a plain comparison of
// paths says.
func TestModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() string {
		p := ""
		for range 1 + rnd.IntN(4) {
			p = path.Join(p, []string{"a", "A", "b", "c"}[rnd.IntN(4)])
		}
		return p
	}
	for range 200 {
		h := newHub()
		type model struct {
			w    *Watch
			dir  string
			tree bool
			want []string
		}
		var all []*model
		for i := range 30 {
			dir := random()
			if i == 0 {
				dir = "."
			}
			m := &model{dir: dir, tree: rnd.IntN(2) == 0}
			m.w = h.Watch(dir, fileName, m.tree, 1<<20, nil)
			all = append(all, m)
		}
		for range 60 {
			if m := all[rnd.IntN(len(all))]; rnd.IntN(8) == 0 {
				m.dir = random()
				m.w.Move(m.dir)
			}
			name := random()
			h.Report(add(name))
			for _, m := range all {
				rel, below := strings.CutPrefix(strings.ToUpper(name), strings.ToUpper(m.dir)+"/")
				if m.dir == "." {
					rel, below = name, true
				}
				if below && (m.tree || !strings.Contains(rel, "/")) {
					m.want = append(m.want, "+"+strings.ReplaceAll(name[len(name)-len(rel):], "/", `\`))
				}
			}
		}
		for _, m := range all {
			r := m.w.Ask(1 << 20)
			if got, want := told(r), strings.Join(m.want, " "); got != want && (got != "?" || want != "") {
				t.Fatalf("%s, tree %v: %s, want %s", m.dir, m.tree, got, want)
			}
			m.w.Close()
		}
		if len(h.dirs) != 0 {
			t.Fatal("watches are left")
		}
	}
}

// Nothing gets lost and nothing is told twice while requests come, wait and are
// withdrawn.
func TestRace(t *testing.T) {
	const changes = 2000
	h := newHub()
	w := h.Watch(".", fileName, true, 1<<20, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range changes / 4 {
				h.Report(add(path.Join(string(rune('a'+i)), string(rune('0'+j)))))
			}
		})
	}
	wg.Go(func() {
		for range changes {
			other := h.Watch("a", fileName, false, 100, nil)
			other.Move("b")
			other.Close()
		}
	})
	seen := make(map[string]int)
	for n := 0; n < changes; {
		r := w.Ask(1 << 20)
		if rand.IntN(2) == 0 && r.Withdraw() {
			continue
		}
		<-r.Ready
		list, err := r.Answer()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			seen[e.Name]++
			n++
		}
	}
	wg.Wait()
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%q was told %d times", name, n)
		}
	}
	if !slices.Equal(h.dirs["."], []*Watch{w}) {
		t.Error("the watch is gone")
	}
}

func TestReportToNobody(t *testing.T) {
	h := newHub()
	if n := testing.AllocsPerRun(100, func() { h.Report(add("a"), mod("a")) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReport(b *testing.B) {
	h := newHub()
	for range 1000 {
		h.Watch("elsewhere", fileName, true, 1000, nil)
	}
	for b.Loop() {
		h.Report(add("some/where/deep/in/the/tree"))
	}
}

// What is kept takes what is counted, however long the paths are.
func TestMemoryOfLongPaths(t *testing.T) {
	dir := strings.TrimSuffix(strings.Repeat("0123456789abcde/", 250), "/")
	h, b := newHub(), &Budget{Watches: 1, Bytes: 64 << 20}
	w := h.Watch(dir, fileName, false, 64<<10, b)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 4000 {
		h.Report(Change{Name: dir + "/" + fmt.Sprint(i%10), Action: smb2.ActionFileAdded, Filter: fileName})
	}
	held := heap() - before
	if _, counted := b.Held(); counted == 0 || held > 4*counted {
		t.Errorf("counted %d, held %d", counted, held)
	}
	runtime.KeepAlive(w)
}
