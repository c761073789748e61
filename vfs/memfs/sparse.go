package memfs

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var (
	_ vfs.Sparser    = (*file)(nil)
	_ vfs.Compressor = (*file)(nil)
	_ vfs.Compressor = (*dir)(nil)
)

// kept are the attributes that SetAttr leaves as they are.
const kept = vfs.AttrSparse | vfs.AttrCompressed

// SetSparse implements vfs.Sparser. Memory isn't taken in advance, so a file that is
// no longer sparse may have holes all the same.
func (h *file) SetSparse(_ context.Context, sparse bool) error {
	return h.setAttribute(vfs.AttrSparse, sparse)
}

// SetCompressed implements vfs.Compressor. That is all there is to it: memory isn't
// compressed.
func (h *handle) SetCompressed(_ context.Context, compressed bool) error {
	return h.setAttribute(vfs.AttrCompressed, compressed)
}

func (h *handle) setAttribute(a vfs.Attributes, set bool) error {
	if err := h.allow(true); err != nil {
		return err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attributes &^= a
	if set {
		n.attributes |= a
	}
	n.changed = time.Now()
	return nil
}

// Allocated implements vfs.Sparser.
func (h *file) Allocated(ctx context.Context, r vfs.Range) iter.Seq2[vfs.Range, error] {
	return func(yield func(vfs.Range, error) bool) {
		err := errors.Join(h.allow(h.reads || h.writes), checkRange(r.Off, r.Len))
		if err != nil {
			yield(vfs.Range{}, err)
			return
		}
		h.node.mu.RLock()
		list := h.node.content.allocated(r)
		h.node.mu.RUnlock()
		for _, r := range list {
			if err := ctx.Err(); err != nil {
				yield(vfs.Range{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// allocated returns the parts of r that are in blocks, those that meet as one.
func (c *content) allocated(r vfs.Range) (list []vfs.Range) {
	r.Len = min(r.Len, c.size-r.Off)
	if r.Len <= 0 {
		return nil
	}
	for _, i := range c.within(r) {
		from, to := i*maxBlock, i*maxBlock+int64(len(c.blocks[i].b))
		from, to = max(from, r.Off), min(to, r.End())
		if from >= to {
			continue
		}
		if n := len(list); n > 0 && list[n-1].End() == from {
			list[n-1].Len += to - from
			continue
		}
		list = append(list, vfs.Range{Off: from, Len: to - from})
	}
	return list
}

// Punch implements vfs.Sparser. Only whole blocks, of up to 64 KiB, are given back.
func (h *file) Punch(_ context.Context, r vfs.Range) error {
	if err := errors.Join(h.allow(h.writes), checkRange(r.Off, r.Len)); err != nil {
		return err
	}
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.content.punch(r, payer{h.fs, n}); err != nil {
		return err
	}
	n.written = time.Now()
	n.changed = n.written
	return nil
}

// punch makes r read as zero. Parts of blocks that are shared take blocks; if those
// are refused, nothing changes.
func (c *content) punch(r vfs.Range, by payer) error {
	r.Len = min(r.Len, c.size-r.Off)
	if r.Len <= 0 {
		return nil
	}
	list := c.within(r)
	var cost int64
	for _, i := range list {
		if s := c.covered(i, r); s.from > 0 || s.to < maxBlock {
			cost += c.blocks[i].cost(0)
		}
	}
	return by.spend(c, cost, 0, func() (took int64) {
		for _, i := range list {
			took += c.clear(c.covered(i, r), r.End() >= c.size)
		}
		c.shrink()
		return took
	})
}

// covered returns the part of a block that r covers: up to the block's end also if it
// ends with the file.
func (c *content) covered(index int64, r vfs.Range) span {
	base := index * maxBlock
	s := span{index, int(max(0, r.Off-base)), int(min(maxBlock, r.End()-base))}
	if s.to >= len(c.blocks[index].b) || r.End() >= c.size {
		s.to = maxBlock
	}
	return s
}

// clear makes the part s of a block zero and returns how many bytes that took. If the
// file is cut the block is no longer than it must be.
func (c *content) clear(s span, cut bool) (took int64) {
	old := c.blocks[s.index]
	switch n := blockLen(s.from); {
	case s.from == 0 && s.to == maxBlock:
		return c.replace(s.index, nil)
	case s.from >= len(old.b):
		return 0
	case cut && n < len(old.b):
		short := newBlock(n)
		copy(short.b, old.b[:s.from])
		return c.replace(s.index, short)
	}
	b, took := c.own(s.index, 0)
	clear(b[s.from:min(s.to, len(b))])
	return took
}
