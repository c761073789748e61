package memfs

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gosmbd/smb/vfs"
)

// Clones, holes, writes and truncations of three files that share blocks, each against
// a slice of its own.
func TestCloneModel(t *testing.T) {
	f := &FS{}
	var files [3]*file
	var models [3][]byte
	for i := range files {
		files[i] = create(t, f, string(rune('a'+i)))
	}
	pattern := make([]byte, 8*maxBlock)
	rand.NewChaCha8([32]byte{2}).Read(pattern)
	r := rand.New(rand.NewPCG(3, 4))
	near := func() int { return max(0, r.IntN(6)*maxBlock+[]int{0, 0, 0, minBlock, -1, 100}[r.IntN(6)]) }
	for step := range 1500 {
		i, j := r.IntN(3), r.IntN(3)
		h, m := files[i], models[i]
		off, n := near(), 1+near()
		switch r.IntN(5) {
		case 0:
			must(t, h.Truncate(int64(off)))
			m = append(m, make([]byte, max(0, off-len(m)))...)[:off:off]
		case 1:
			must(t, h.Punch(t.Context(), vfs.Range{Off: int64(off), Len: int64(n)}))
			clear(m[min(off, len(m)):min(off+n, len(m))])
		case 2:
			_, err := h.WriteAt(pattern[step:step+n], int64(off))
			must(t, err)
			m = append(m, make([]byte, max(0, off+n-len(m)))...)
			copy(m[off:], pattern[step:step+n])
		default:
			src := near()
			if r.IntN(2) == 0 { // so that whole blocks meet
				off, src = off/maxBlock*maxBlock, src/maxBlock*maxBlock
			}
			n = min(n, len(m)-off, len(models[j])-src)
			if n <= 0 || i == j && off < src+n && src < off+n {
				continue
			}
			must(t, h.CloneRange(t.Context(), vfs.Range{Off: int64(off), Len: int64(n)}, files[j], int64(src)))
			copy(m[off:], models[j][src:src+n])
		}
		models[i] = m
		if step%20 == 0 {
			for k := range files {
				check(t, files[k], models[k])
			}
			checkUsed(t, f, files[:])
		}
	}
	for _, h := range files {
		must(t, h.Truncate(0))
	}
	checkUsed(t, f, files[:])
}

// checkUsed counts blocks once, wherever they are, and their places.
func checkUsed(t *testing.T, f *FS, files []*file) {
	t.Helper()
	want := int64(len(files)) * (objectCost + nameCost + 2)
	places := make(map[*block]int32)
	for _, h := range files {
		want += int64(len(h.node.content.blocks)) * placeCost
		for _, b := range h.node.content.blocks {
			if places[b]++; places[b] == 1 {
				want += int64(len(b.b))
			}
		}
	}
	for b, n := range places {
		if b.refs.Load() != n {
			t.Fatalf("a block is in %d places and counts %d", n, b.refs.Load())
		}
	}
	if used := f.used.Load(); used != want {
		t.Fatalf("used = %d, want %d", used, want)
	}
}

// What needs a block of its own fails without room for one, and changes nothing.
func TestCloneNoSpace(t *testing.T) {
	f := &FS{MaxBytes: 2*(objectCost+nameCost+2) + maxBlock + minBlock + 2*placeCost}
	a, b := create(t, f, "a"), create(t, f, "b")
	model := make([]byte, maxBlock)
	rand.NewChaCha8([32]byte{5}).Read(model)
	_, err := a.WriteAt(model, 0)
	must(t, err)
	must(t, b.Truncate(maxBlock))
	must(t, b.CloneRange(t.Context(), vfs.Range{Len: maxBlock}, a, 0))
	_, write := b.WriteAt([]byte("x"), 5)
	for what, err := range map[string]error{
		"write":    write,
		"punch":    b.Punch(t.Context(), vfs.Range{Off: 5, Len: 10}),
		"truncate": b.Truncate(maxBlock / 2),
	} {
		if !errors.Is(err, vfs.ErrNoSpace) {
			t.Errorf("%s: %v, want ErrNoSpace", what, err)
		}
	}
	check(t, b, model)
	must(t, b.Punch(t.Context(), vfs.Range{Len: maxBlock}))
	_, err = a.WriteAt([]byte("x"), 5) // alone again
	must(t, err)
	checkUsed(t, f, []*file{a, b})
}

// Blocks that are shared take their places in the map, which are counted: one block can't
// be made into any number of them. What is refused changes nothing.
func TestCloneCounted(t *testing.T) {
	const places = 1000
	f := &FS{MaxBytes: objectCost + nameCost + 2 + maxBlock + places*placeCost}
	h := create(t, f, "f")
	_, err := h.WriteAt(make([]byte, maxBlock), 0)
	must(t, err)
	must(t, h.Truncate(1<<40))
	n := int64(1)
	for ; n < places*2 && err == nil; n *= 2 {
		checkUsed(t, f, []*file{h})
		err = h.CloneRange(t.Context(), vfs.Range{Off: n * maxBlock, Len: n * maxBlock}, h, 0)
	}
	if got := len(h.node.content.blocks); got != 512 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("the file has %d blocks, then %v", got, err)
	}
	checkUsed(t, f, []*file{h})
	must(t, h.CloneRange(t.Context(), vfs.Range{Off: 512 * maxBlock, Len: (places - 512) * maxBlock}, h, 0))
	if _, err := h.WriteAt([]byte("x"), places*maxBlock); !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("write to a hole: %v, want ErrNoSpace", err)
	}
	checkUsed(t, f, []*file{h})
	must(t, h.Close())
	must(t, f.Remove(t.Context(), "f"))
	if used := f.used.Load(); used != 0 {
		t.Errorf("used = %d after all is gone", used)
	}
}

// Holes take no time, however large, and so don't keep others from the file.
func TestCloneHole(t *testing.T) {
	f := &FS{}
	h := create(t, f, "f")
	must(t, h.Truncate(16<<40))
	_, err := h.WriteAt([]byte("x"), 3<<40)
	must(t, err)
	_, err = h.WriteAt([]byte("y"), 9<<40)
	must(t, err)
	start := time.Now()
	must(t, h.CloneRange(t.Context(), vfs.Range{Off: 8 << 40, Len: 8 << 40}, h, 0))
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	for off, want := range map[int64]string{3 << 40: "x", 9 << 40: "\x00", 11 << 40: "x"} {
		b := make([]byte, 1)
		if _, err := h.ReadAt(b, off); string(b) != want || err != nil {
			t.Errorf("at %d is %q, %v", off, b, err)
		}
	}
	if n := len(h.node.content.blocks); n != 2 {
		t.Errorf("it has %d blocks", n)
	}
	checkUsed(t, f, []*file{h})
}

// What would take long isn't done, and what is too much for a file neither.
func TestCloneTooMuch(t *testing.T) {
	f := &FS{}
	ctx := t.Context()
	h, o := create(t, f, "f"), create(t, f, "o")
	_, err := h.WriteAt(make([]byte, maxBlock), 0)
	must(t, err)
	must(t, h.Truncate(1<<40))
	for n := int64(1); n < maxClone; n *= 2 {
		must(t, h.CloneRange(ctx, vfs.Range{Off: n * maxBlock, Len: n * maxBlock}, h, 0))
	}
	must(t, o.Truncate(1<<40))
	start := time.Now()
	must(t, o.CloneRange(ctx, vfs.Range{Len: maxClone * maxBlock}, h, 0))
	must(t, o.CloneRange(ctx, vfs.Range{Len: maxClone * maxBlock}, h, 0))
	t.Logf("the most takes %v", time.Since(start)/2)
	for what, err := range map[string]error{
		"one more":   h.CloneRange(ctx, vfs.Range{Off: maxClone * maxBlock, Len: maxBlock}, h, 0),
		"not blocks": o.CloneRange(ctx, vfs.Range{Off: minBlock, Len: maxCopy + minBlock}, h, 0),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", what, err)
		}
	}
	must(t, h.CloneRange(ctx, vfs.Range{Off: maxBlock, Len: maxBlock}, h, 0))
	checkUsed(t, f, []*file{h, o})
	start = time.Now()
	must(t, h.Punch(ctx, vfs.Range{Len: maxClone * maxBlock}))
	t.Logf("to punch it takes %v", time.Since(start))
}
