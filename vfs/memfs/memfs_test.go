package memfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
	"github.com/gosmbd/smb/vfs/vfstest"
)

const access = vfs.AccessReadOnly | vfs.AccessWrite

func TestFS(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return &FS{} })
}

func TestFSWithoutLimit(t *testing.T) {
	vfstest.TestFS(t, func(t *testing.T) vfs.FS {
		f := &FS{MaxBytes: -1}
		_, err := f.Snapshot()
		must(t, err)
		return f
	})
}

func create(t *testing.T, f *FS, name string) *file {
	t.Helper()
	h, err := f.Create(t.Context(), name, vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: access}})
	if err != nil {
		t.Fatal(err)
	}
	return h.(*file)
}

func mkdir(t *testing.T, f *FS, name string) *dir {
	t.Helper()
	h, err := f.Create(t.Context(), name, vfs.CreateOptions{Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	return h.(*dir)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFSCaseSensitive(t *testing.T) {
	vfstest.TestFS(t, func(*testing.T) vfs.FS { return &FS{CaseSensitive: true} })
}

func TestSparse(t *testing.T) {
	f := &FS{}
	h := create(t, f, "f")
	const far = math.MaxInt64 - 1
	if n, err := h.WriteAt([]byte("x"), far); n != 1 || err != nil {
		t.Fatalf("WriteAt(%d) = %d, %v", int64(far), n, err)
	}
	a, _ := h.Stat(t.Context())
	if a.Size != math.MaxInt64 || a.Alloc > maxBlock {
		t.Errorf("size %d, allocated %d", a.Size, a.Alloc)
	}
	b := make([]byte, 3)
	if n, err := h.ReadAt(b, far-1); n != 2 || err != io.EOF || string(b[:2]) != "\x00x" {
		t.Errorf("ReadAt = %d, %v, %q", n, err, b)
	}
	if _, err := h.WriteAt([]byte("xy"), far); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("WriteAt beyond the largest size: %v", err)
	}
	must(t, h.Truncate(1))
	if a, _ := h.Stat(t.Context()); a.Size != 1 || a.Alloc != 0 {
		t.Errorf("after Truncate(1): size %d, allocated %d", a.Size, a.Alloc)
	}
}

// Everything that an object took is given back, in whatever order its names
// and Files go.
func TestUsed(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	h := create(t, f, "f")
	must(t, f.Link(ctx, "f", "g", false))
	for i := range 5 {
		if _, err := h.WriteAt(make([]byte, 100_000), int64(i)*1_000_000); err != nil {
			t.Fatal(err)
		}
	}
	must(t, h.Truncate(70_000))
	must(t, f.Rename(ctx, "f", "F", false))
	must(t, f.Rename(ctx, "F", "other", false))
	must(t, f.Remove(ctx, "other"))
	must(t, mkdir(t, f, "d").Close())
	must(t, f.Rename(ctx, "g", "d/a longer name", false))
	must(t, create(t, f, "d/target").Close())
	must(t, f.Rename(ctx, "d/a longer name", "d/target", true))
	must(t, f.Remove(ctx, "d/target"))
	must(t, f.Remove(ctx, "d"))
	if used := f.used.Load(); used < objectCost+70_000 {
		t.Errorf("used = %d while a File is open", used)
	}
	must(t, h.Close())
	if used := f.used.Load(); used != 0 {
		t.Errorf("used = %d after all is gone", used)
	}
	if err := h.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}

func TestNoSpace(t *testing.T) {
	f := &FS{MaxBytes: 200_000}
	h := create(t, f, "f")
	if _, err := h.WriteAt(make([]byte, 100_000), 0); err != nil {
		t.Fatal(err)
	}
	before, used := h.node.attr(), f.used.Load()
	if n, err := h.WriteAt(make([]byte, 200_000), 50_000); n != 0 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	if _, err := h.CopyRange(t.Context(), 100_000, h, 0, 100_000); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("CopyRange: %v", err)
	}
	if after := h.node.attr(); after != before || f.used.Load() != used {
		t.Errorf("a refused write changed %+v to %+v", before, after)
	}
	made := 0
	for ; made < 1000; made++ {
		_, err := f.Create(t.Context(), fmt.Sprint(made), vfs.CreateOptions{})
		if errors.Is(err, vfs.ErrNoSpace) {
			break
		}
		must(t, err)
	}
	if made == 1000 {
		t.Error("names cost nothing")
	}
	v, err := f.Volume(t.Context())
	if err != nil || v.Free != 0 || v.Blocks != 200_000/minBlock {
		t.Errorf("Volume = %+v, %v", v, err)
	}
}

func TestCase(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	must(t, mkdir(t, f, "Dir").Close())
	must(t, create(t, f, "Dir/Straße Ω").Close())
	for _, name := range []string{"dir/STRAßE ω", "DIR/straẞe \u2126"} {
		if got, err := f.Fold(ctx, name); got != "Straße Ω" || err != nil {
			t.Errorf("Fold(%q) = %q, %v", name, got, err)
		}
		if _, err := f.Open(ctx, name, vfs.OpenOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := f.Create(ctx, name, vfs.CreateOptions{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create(%q): %v", name, err)
		}
	}
	must(t, f.Rename(ctx, "Dir", "DIR", false))
	if got, err := f.Fold(ctx, "dir"); got != "DIR" || err != nil {
		t.Errorf("Fold = %q, %v", got, err)
	}
	for _, s := range []string{"k\u212aK", "sſS", "AbÜü", "日本", "ǅǆǄ"} {
		for _, o := range []string{strings.ToUpper(s), strings.ToLower(s), strings.ToTitle(s)} {
			if (fold(s) == fold(o)) != strings.EqualFold(s, o) {
				t.Errorf("fold and EqualFold differ on %q and %q", s, o)
			}
		}
	}
}

func TestRights(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	must(t, create(t, f, "f").Close())
	h, err := f.Open(ctx, "f", vfs.OpenOptions{Access: vfs.ReadAttributes})
	must(t, err)
	g := h.(*file)
	_, readErr := g.ReadAt(make([]byte, 1), 0)
	_, writeErr := g.WriteAt([]byte("x"), 0)
	_, copyErr := g.CopyRange(ctx, 0, g, 0, 1)
	for _, err := range []error{readErr, writeErr, copyErr, g.Truncate(1)} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v, want ErrPermission", err)
		}
	}
}

// An iteration sees each entry that is there all the time once, though others
// are removed and added, and ends.
func TestReadDirUnderChange(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	const n = 1000
	for i := range n {
		must(t, create(t, f, fmt.Sprintf("old%d", i)).Close())
	}
	root, err := f.Open(ctx, ".", vfs.OpenOptions{})
	must(t, err)
	seen, i := make(map[string]int), 0
	for e, err := range root.(*dir).ReadDir(ctx) {
		must(t, err)
		seen[e.Name]++
		must(t, create(t, f, fmt.Sprintf("new%d", i)).Close())
		if i%4 != 0 {
			must(t, f.Remove(ctx, e.Name))
		}
		i++
	}
	for i := range n {
		if c := seen[fmt.Sprintf("old%d", i)]; c != 1 {
			t.Fatalf("old%d seen %d times", i, c)
		}
	}
	if len(seen) != n {
		t.Errorf("%d names seen, want %d", len(seen), n)
	}
}

// Who opens or lists a file that somebody works on doesn't keep others from the tree.
func TestTreeWhileBusy(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	h := create(t, f, "f")
	var wg sync.WaitGroup
	for what, do := range map[string]func(){
		"opened": func() {
			if _, err := f.Open(ctx, "f", vfs.OpenOptions{}); err != nil {
				t.Error(err)
			}
		},
		"listed": func() { f.rootNode().dir.names(f) },
	} {
		h.node.mu.Lock()
		wg.Go(do)
		time.Sleep(20 * time.Millisecond)
		made := make(chan error)
		wg.Go(func() {
			_, err := f.Create(ctx, what, vfs.CreateOptions{})
			made <- err
		})
		select {
		case err := <-made:
			must(t, err)
		case <-time.After(5 * time.Second):
			t.Errorf("nothing can be made while a busy file is %s", what)
			go func() { <-made }()
		}
		h.node.mu.Unlock()
		wg.Wait()
	}
}

func TestCopyOverlap(t *testing.T) {
	f := &FS{}
	h := create(t, f, "f")
	if _, err := h.WriteAt([]byte("0123456789"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CopyRange(t.Context(), 5, h, 0, 6); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("overlapping CopyRange: %v", err)
	}
	if n, err := h.CopyRange(t.Context(), 5, h, 0, 5); n != 5 || err != nil {
		t.Errorf("CopyRange = %d, %v", n, err)
	}
	b := make([]byte, 10)
	if h.ReadAt(b, 0); string(b) != "0123401234" {
		t.Errorf("content = %q", b)
	}
}

func TestAllocs(t *testing.T) {
	f := &FS{}
	h := create(t, f, "f")
	p := make([]byte, 3*maxBlock)
	h.WriteAt(p, 100)
	for what, do := range map[string]func(){
		"ReadAt":  func() { h.ReadAt(p, 50) },
		"WriteAt": func() { h.WriteAt(p, 50) },
		"find":    func() { f.find("f") },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s allocates %v times", what, n)
		}
	}
}

// Objects are opened, closed, renamed and removed at once; nothing leaks and
// nothing is freed twice.
func TestConcurrentFree(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 300 {
				name := fmt.Sprintf("f%d", (i+g)%3)
				opt := vfs.OpenOptions{Access: access}
				h, err := f.Create(ctx, name, vfs.CreateOptions{OpenOptions: opt})
				if err != nil {
					h, err = f.Open(ctx, name, opt)
				}
				if err != nil {
					continue
				}
				h.(*file).WriteAt([]byte("x"), int64(i)*maxBlock)
				f.Rename(ctx, name, fmt.Sprintf("f%d", i%3), true)
				wg.Go(func() { f.Remove(ctx, name) })
				h.Close()
			}
		})
	}
	wg.Wait()
	for len(f.rootNode().dir.names(f)) > 0 {
		for _, name := range f.rootNode().dir.names(f) {
			f.Remove(ctx, name)
		}
	}
	if used := f.used.Load(); used != 0 {
		t.Errorf("used = %d after all is gone", used)
	}
}

func (d *directory) names(f *FS) []string {
	var names []string
	for c := f.newCursor(d); ; {
		e, ok := c.next(f)
		if !ok {
			return names
		}
		names = append(names, e.Name)
	}
}

func BenchmarkReadAt(b *testing.B) {
	f := &FS{}
	h, _ := f.Create(b.Context(), "f", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: access}})
	p := make([]byte, 1<<20)
	h.(*file).WriteAt(p, 0)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		h.(*file).ReadAt(p, 0)
	}
}

// TestQuotaRefused: what a quota doesn't allow isn't done in part.
func TestQuotaRefused(t *testing.T) {
	f := &FS{}
	const sid, limit = vfs.SID("S-1-5-21-1-2-3-1001"), 2 << 20
	must(t, f.SetQuotaPolicy(t.Context(), vfs.QuotaPolicy{Threshold: vfs.NoQuota, Limit: limit, Flags: vfs.QuotaEnforce}))
	h, err := f.Create(t.Context(), "f", vfs.CreateOptions{OpenOptions: vfs.OpenOptions{Access: access}, Owner: sid})
	must(t, err)
	if n, err := h.(*file).WriteAt(make([]byte, limit+1), 0); n != 0 || !errors.Is(err, vfs.ErrQuota) {
		t.Errorf("WriteAt = %d, %v", n, err)
	}
	if a, err := h.Stat(t.Context()); err != nil || a.Size != 0 {
		t.Errorf("Stat = %+v, %v", a, err)
	}
	must(t, f.SetQuotas(t.Context(), []vfs.QuotaChange{{SID: sid, Threshold: 5, Limit: 6}}))
	if q, err := f.Quota(t.Context(), sid); err != nil || q.Used != 0 || q.Threshold != 5 || q.Limit != 6 || q.Changed.IsZero() {
		t.Errorf("Quota = %+v, %v", q, err)
	}
	must(t, h.Close())
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What names take is counted: they don't keep the paths alive that they came in.
func TestNamesOfLongPaths(t *testing.T) {
	f := &FS{}
	dir := ""
	for range 120 {
		dir = path.Join(dir, strings.Repeat("x", 255))
		d, err := f.Create(t.Context(), dir, vfs.CreateOptions{Directory: true})
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	before, used := heap(), f.used.Load()
	for i := range 1000 {
		name := dir + "/" + fmt.Sprint(i)
		x, err := f.Create(t.Context(), name, vfs.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := x.(vfs.Streamer).OpenStream(t.Context(), name[len(dir)+1:], streamAccess)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		x.Close()
		if err := f.Rename(t.Context(), name, strings.ToUpper(dir)+"/"+fmt.Sprint("A", i), false); err != nil {
			t.Fatal(err)
		}
		if err := f.Rename(t.Context(), dir+"/"+fmt.Sprint("A", i), dir+"/"+fmt.Sprint("a", i), false); err != nil {
			t.Fatal(err)
		}
	}
	if held, counted := heap()-before, f.used.Load()-used; held > 4*counted {
		t.Errorf("counted %d, held %d", counted, held)
	}
	runtime.KeepAlive(f)
}

// Entries without an account, as short as can be, count for what they take.
func TestSecurityCounts(t *testing.T) {
	f := &FS{MaxBytes: 8 << 20}
	aces := make([]vfs.ACE, 16000)
	for i := range aces {
		aces[i] = vfs.ACE{Type: 4, Raw: []byte{4, 0, 4, 0}}
	}
	sd := vfs.SecurityDescriptor{Control: vfs.SDDACLPresent, Owner: vfs.SIDUsers, Group: vfs.SIDUsers, DACL: &vfs.ACL{ACEs: aces}}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var list []*security
	before := heap()
	for {
		s, err := f.newSecurity(&sd)
		if err != nil {
			break
		}
		list = append(list, s)
	}
	if held := heap() - before; held > f.MaxBytes {
		t.Errorf("%d descriptors take %d bytes of %d", len(list), held, f.MaxBytes)
	}
	runtime.KeepAlive(list)
}
