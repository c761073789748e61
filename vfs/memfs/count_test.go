package memfs

import (
	"math/rand/v2"
	"testing"

	"github.com/gosmbd/smb/vfs"
)

// What is counted is what there is, whatever was done.
func TestCount(t *testing.T) {
	for seed := range uint64(30) {
		f, r := &FS{MaxBytes: int64(1+seed%8) << 19}, rand.New(rand.NewPCG(seed, 7))
		var open []vfs.File // streams
		for range 400 {
			if s := doSomething(t, f, r); s != nil {
				open = append(open, s)
			}
			if len(open) > 3 {
				must(t, open[0].Close())
				open = open[1:]
			}
		}
		for _, s := range open {
			must(t, s.Close())
		}
		checkCount(t, f)
		for _, name := range f.rootNode().dir.names(f) {
			must(t, f.Remove(t.Context(), name))
		}
		quotas, _ := f.Quotas(t.Context())
		if got := f.used.Load(); got != 0 || len(quotas) != 0 || t.Failed() {
			t.Fatalf("seed %d: %d bytes used when all is gone; quotas %+v", seed, got, quotas)
		}
	}
}

// doSomething does what r says to one of a few files. It may return a stream that is open.
func doSomething(t *testing.T, f *FS, r *rand.Rand) (s vfs.File) {
	ctx, opt := t.Context(), vfs.OpenOptions{Access: access}
	pick := func() string { return string(rune('a' + r.IntN(4))) }
	place := func(most int) int64 { // often where a block begins
		if r.IntN(2) == 0 {
			return int64(r.IntN(most)) * maxBlock
		}
		return int64(r.IntN(most*maxBlock) >> r.IntN(10))
	}
	name, other, off, n := pick(), pick(), place(6), 1+place(3)
	o, err := f.Open(ctx, name, opt)
	if err != nil {
		if o, err = f.Create(ctx, name, vfs.CreateOptions{OpenOptions: opt, Owner: "S-1-5-21-1-2-3-1000"}); err != nil {
			return nil // there is no room
		}
	}
	h := o.(*file)
	defer h.Close()
	switch r.IntN(10) {
	case 0, 1:
		h.WriteAt(make([]byte, n), off)
	case 2:
		h.Truncate(off)
	case 3:
		h.Punch(ctx, vfs.Range{Off: off, Len: n})
	case 4, 5:
		if from, err := f.Open(ctx, other, opt); err == nil {
			h.CloneRange(ctx, vfs.Range{Off: off / maxBlock * maxBlock, Len: (n + maxBlock - 1) / maxBlock * maxBlock}, from, place(6)/maxBlock*maxBlock)
			from.Close()
		}
	case 6:
		if s, err = h.OpenStream(ctx, other, streamAccess); err == nil {
			s.(*streamFile).WriteAt(make([]byte, n), off)
		}
	case 7:
		h.RemoveStream(ctx, other)
	case 8:
		h.RenameStream(ctx, other, pick(), true)
	case 9:
		if f.Rename(ctx, name, other, true) != nil || r.IntN(2) == 0 {
			f.Remove(ctx, other)
		}
	}
	return s
}

// checkCount compares what is counted with what there is.
func checkCount(t *testing.T, f *FS) {
	want, places := int64(0), make(map[*block]int32)
	add := func(c *content) (alloc int64) {
		want += int64(len(c.blocks)) * placeCost
		for _, b := range c.blocks {
			if places[b]++; places[b] == 1 {
				want += int64(len(b.b))
			}
			alloc += int64(len(b.b))
		}
		if alloc != c.alloc || c.peak < len(c.blocks) {
			t.Errorf("alloc %d, want %d; peak %d of %d", c.alloc, alloc, c.peak, len(c.blocks))
		}
		return alloc
	}
	for _, e := range f.rootNode().dir.byKey {
		want += objectCost + e.cost()
		charged := add(&e.node.content)
		for _, s := range e.node.streams {
			want += s.cost()
			charged += add(&s.content)
		}
		if charged != e.node.charged {
			t.Errorf("charged %d, want %d", e.node.charged, charged)
		}
	}
	for b, n := range places {
		if got := b.refs.Load(); got != n {
			t.Errorf("a block in %d places has %d", n, got)
		}
	}
	if got := f.used.Load(); got != want {
		t.Errorf("%d bytes used, want %d", got, want)
	}
}
