package memfs

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// Writes, copies and truncations around the ends of blocks, against a slice.
func TestContentModel(t *testing.T) {
	f := &FS{}
	a, b := create(t, f, "a"), create(t, f, "b")
	pattern := make([]byte, 4*maxBlock)
	rand.NewChaCha8([32]byte{1}).Read(pattern)
	if _, err := b.WriteAt(pattern, 0); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	near := func() int { // at or next to the end of a block, or anywhere
		if r.IntN(2) == 0 {
			return r.IntN(3 * maxBlock)
		}
		return max(0, r.IntN(12)*(maxBlock/4)+r.IntN(3)-1)
	}
	var model []byte
	grow := func(n int) { model = append(model, make([]byte, max(0, n-len(model)))...) }
	for step := range 3000 {
		off, n := near(), 1+near()%maxBlock
		switch r.IntN(4) {
		case 0:
			if err := a.Truncate(int64(off)); err != nil {
				t.Fatal(err)
			}
			grow(off)
			model = model[:off:off]
		case 1:
			src := near()
			if m, err := a.CopyRange(t.Context(), int64(off), b, int64(src), int64(n)); m != int64(n) || err != nil {
				t.Fatal(m, err)
			}
			grow(off + n)
			copy(model[off:], pattern[src:src+n])
		default:
			if _, err := a.WriteAt(pattern[step:step+n], int64(off)); err != nil {
				t.Fatal(err)
			}
			grow(off + n)
			copy(model[off:], pattern[step:step+n])
		}
		if step%10 == 0 {
			check(t, a, model)
		}
	}
	check(t, a, model)
	checkUsed(t, f, []*file{a, b})
}

func check(t *testing.T, h *file, model []byte) {
	t.Helper()
	got := bytes.Repeat([]byte{0xA5}, len(model)+1)
	if n, err := h.ReadAt(got, 0); err != io.EOF || !bytes.Equal(got[:n], model) {
		t.Fatalf("ReadAt = %d, %v: differs from the model of %d bytes", n, err, len(model))
	}
	var alloc int64
	for _, b := range h.node.content.blocks {
		alloc += int64(len(b.b))
	}
	if alloc != h.node.content.alloc {
		t.Fatalf("%d bytes in blocks, but %d counted", alloc, h.node.content.alloc)
	}
}
