package memfs

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/gosmbd/smb/vfs"
)

var _ vfs.RangeCloner = (*file)(nil)

// maxClone is the most blocks that one CloneRange changes, as it holds two locks, and that
// a file gets to have by it: 4 GiB. Shared, they take so little that it could have far more,
// and whatever cuts or frees it would hold its lock for long.
const maxClone = 1 << 16

// CloneRange implements vfs.RangeCloner. Blocks of 64 KiB are shared, and so is the
// last one of two files that end together; the rest is copied. It declines where that
// would be many bytes, or where there are too many blocks.
func (h *file) CloneRange(_ context.Context, r vfs.Range, src vfs.File, srcOff int64) error {
	s, ok := vfs.As[*file](src)
	if !ok || s.fs != h.fs {
		return errors.ErrUnsupported
	}
	err := errors.Join(h.allow(h.writes), s.allow(s.reads), checkRange(r.Off, r.Len), checkRange(srcOff, r.Len))
	if err != nil {
		return err
	}
	defer lockBoth(h.node, s.node)()
	overlap := h.node == s.node && r.Off < srcOff+r.Len && srcOff < r.End()
	if overlap || r.End() > h.node.content.size || srcOff+r.Len > s.node.content.size {
		return fs.ErrInvalid
	}
	if r.Len == 0 {
		return nil
	}
	c := cloning{&h.node.content, &s.node.content, r, srcOff}
	if err := c.run(payer{h.fs, h.node}); err != nil {
		return err
	}
	h.node.written = time.Now()
	h.node.changed = h.node.written
	return nil
}

// cloning is one CloneRange. The range lies within both and doesn't overlap; it isn't empty.
type cloning struct {
	dst, src *content
	r        vfs.Range // of dst
	from     int64     // where it begins in src
}

// run clones all of the range or nothing.
func (c cloning) run(by payer) error {
	list := c.blocks()
	var cost, growth, added, copied int64
	for _, i := range list {
		s, from, whole := c.part(i)
		old := c.dst.blocks[i]
		if old == nil {
			added++
		}
		if whole {
			growth += int64(max(0, len(c.src.blocks[from/maxBlock].bytes())-len(old.bytes())))
			if old == nil {
				cost += placeCost
			}
			continue
		}
		cost += old.cost(s.to)
		growth += int64(max(0, blockLen(s.to)-len(old.bytes())))
		copied += s.len()
	}
	tooMany := added > 0 && int64(len(c.dst.blocks))+added > maxClone
	if tooMany || len(list) > maxClone || copied > maxCopy {
		return errors.ErrUnsupported
	}
	return by.spend(c.dst, cost, growth, func() (took int64) {
		for _, i := range list {
			took += c.block(i)
		}
		c.dst.shrink()
		return took
	})
}

// blocks returns the blocks of dst that are to be changed: there is one here or there. All
// else are holes and remain so.
func (c cloning) blocks() []int64 {
	list := c.dst.within(c.r)
	src := vfs.Range{Off: c.from, Len: c.r.Len}
	there := c.src.within(src)
	list = slices.Grow(list, len(there)+1)
	for _, i := range there {
		off := max(src.Off, i*maxBlock)
		n := next(off, src.End()-off).len()
		at := off - src.Off + c.r.Off
		first, last := at/maxBlock, (at+n-1)/maxBlock
		list = append(list, first)
		if last > first {
			list = append(list, last)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// part returns what of a block of dst is in the range, where in src it comes from, and
// whether it is a block to be shared.
func (c cloning) part(index int64) (s span, from int64, whole bool) {
	off := max(c.r.Off, index*maxBlock)
	s = next(off, c.r.End()-off)
	from = off - c.r.Off + c.from
	ends := c.r.End() == c.dst.size && c.from+c.r.Len == c.src.size
	return s, from, s.from == 0 && from%maxBlock == 0 && (s.to == maxBlock || ends)
}

// block shares or copies what is in a block of dst, and returns how many bytes that took.
func (c cloning) block(index int64) (took int64) {
	s, from, whole := c.part(index)
	if whole {
		return c.dst.share(index, c.src.blocks[from/maxBlock])
	}
	b, took := c.dst.own(index, s.to)
	c.src.readAt(b[s.from:s.to], from)
	return took
}

// share puts b, which may be a hole, in the place of a block.
func (c *content) share(index int64, b *block) (took int64) {
	if b != nil {
		b.refs.Add(1)
	}
	return c.replace(index, b) - int64(len(b.bytes()))
}
