package memfs

import (
	"io"
	"io/fs"
	"math"
	"slices"
	"sync/atomic"

	"github.com/gosmbd/smb/vfs"
)

// A block is as long as what was written into it needs: a power of two from
// minBlock to maxBlock. So a small file takes little, and a large one few
// entries in the map.
const (
	minBlock = 4 << 10
	maxBlock = 64 << 10
)

// placeCost is what a block's place in a map takes, roughly and also where the map has
// just grown or lost half of what was in it. It is all that a block takes which is shared.
const placeCost = 64

// block holds bytes of one content, or of several that were cloned from each other.
type block struct {
	b []byte
	// refs is in how many places the block is. It rises only while one of their
	// contents is locked, so who has the only one locked may write.
	refs atomic.Int32
}

func newBlock(n int) *block {
	b := &block{b: make([]byte, n)}
	b.refs.Store(1)
	return b
}

func (b *block) bytes() []byte {
	if b == nil {
		return nil
	}
	return b.b
}

func (b *block) shared() bool { return b != nil && b.refs.Load() > 1 }

// leave takes the block out of one place and returns how many bytes that frees.
func (b *block) leave() int64 {
	if b == nil || b.refs.Add(-1) > 0 {
		return 0
	}
	return int64(len(b.b))
}

// cost is at most how many bytes must be allocated to write the first n.
func (b *block) cost(n int) int64 {
	switch {
	case b == nil:
		return placeCost + int64(blockLen(n))
	case b.shared():
		return int64(max(blockLen(n), len(b.b)))
	}
	return int64(max(0, blockLen(n)-len(b.b)))
}

// content is the bytes of a file. Blocks that were never written are absent
// and read as zero; bytes in a block that are beyond the end of file are zero.
type content struct {
	size   int64 // end of file
	alloc  int64 // sum of the lengths of blocks, which is what clients are told
	blocks map[int64]*block
	peak   int // the most blocks that the map had
}

// blockLen is the length of a block whose first n bytes are in use.
func blockLen(n int) int {
	l := minBlock
	for l < n {
		l *= 2
	}
	return l
}

// span is the part of a block that a range of the file covers.
type span struct {
	index    int64
	from, to int
}

// next returns the span at off of a range that has n bytes left.
func next(off int64, n int64) span {
	from := off % maxBlock
	return span{off / maxBlock, int(from), int(min(from+n, maxBlock))}
}

func (s span) len() int64 { return int64(s.to - s.from) }

// checkRange refuses what can't be a range of a file, [MS-FSA] 2.1.5.4.
func checkRange(off, n int64) error {
	if off < 0 || n < 0 || off > math.MaxInt64-n {
		return fs.ErrInvalid
	}
	return nil
}

func (c *content) readAt(p []byte, off int64) (int, error) {
	if err := checkRange(off, 0); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= c.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), c.size-off))
	for done := 0; done < n; {
		s := next(off+int64(done), int64(n-done))
		part := p[done : done+s.to-s.from]
		b := c.blocks[s.index].bytes()
		clear(part[copy(part, b[min(s.from, len(b)):]):])
		done += len(part)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// growth is at most how many bytes must be allocated to write n bytes at off.
func (c *content) growth(off, n int64) int64 {
	var sum int64
	for done := int64(0); done < n; {
		s := next(off+done, n-done)
		sum += c.blocks[s.index].cost(s.to)
		done += s.len()
	}
	return sum
}

// extension is how many bytes c.alloc grows by when n bytes at off are written.
func (c *content) extension(off, n int64) int64 {
	var sum int64
	for done := int64(0); done < n; {
		s := next(off+done, n-done)
		sum += int64(max(0, blockLen(s.to)-len(c.blocks[s.index].bytes())))
		done += s.len()
	}
	return sum
}

// own returns block index with at least n bytes, which may be written, and how many
// bytes that took.
func (c *content) own(index int64, n int) (b []byte, took int64) {
	old := c.blocks[index]
	if n <= len(old.bytes()) && !old.shared() {
		return old.b, 0
	}
	grown := newBlock(max(blockLen(n), len(old.bytes())))
	copy(grown.b, old.bytes())
	return grown.b, c.replace(index, grown)
}

// replace puts a block, or none, in the place of another and returns how many bytes
// that took, given that all of b's are new. Who takes blocks away shrinks the map after.
func (c *content) replace(index int64, b *block) (took int64) {
	old, places := c.blocks[index], len(c.blocks)
	c.alloc += int64(len(b.bytes()) - len(old.bytes()))
	took = int64(len(b.bytes())) - old.leave()
	switch {
	case b == nil:
		delete(c.blocks, index)
	case c.blocks == nil:
		c.blocks = map[int64]*block{index: b}
	default:
		c.blocks[index] = b
	}
	c.peak = max(c.peak, len(c.blocks))
	return took + int64(len(c.blocks)-places)*placeCost
}

func (c *content) shrink() { c.blocks = shrunk(c.blocks, &c.peak) }

// writeAt writes all of p at off or, if the bytes that this takes are refused,
// nothing.
func (c *content) writeAt(p []byte, off int64, by payer) error {
	if err := checkRange(off, int64(len(p))); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	n := int64(len(p))
	err := by.spend(c, c.growth(off, n), c.extension(off, n), func() (took int64) {
		for done := 0; done < len(p); {
			s := next(off+int64(done), int64(len(p)-done))
			b, n := c.own(s.index, s.to)
			took += n
			done += copy(b[s.from:s.to], p[done:])
		}
		return took
	})
	if err == nil {
		c.size = max(c.size, off+int64(len(p)))
	}
	return err
}

// truncate sets the end of file. To cut through a block that is shared takes a block;
// if that is refused, nothing changes.
func (c *content) truncate(size int64, by payer) error {
	if err := checkRange(size, 0); err != nil {
		return err
	}
	if size < c.size {
		if err := c.punch(vfs.Range{Off: size, Len: c.size - size}, by); err != nil {
			return err
		}
	}
	c.size = size
	return nil
}

// within returns the indexes of the blocks that there are in r, in their order.
func (c *content) within(r vfs.Range) []int64 {
	first, last := r.Off/maxBlock, (r.End()-1)/maxBlock
	list := make([]int64, 0, min(last-first+1, int64(len(c.blocks))))
	if last-first < int64(len(c.blocks)) {
		for i := first; i <= last; i++ {
			if c.blocks[i] != nil {
				list = append(list, i)
			}
		}
		return list
	}
	for i := range c.blocks {
		if i >= first && i <= last {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	return list
}

// copyFrom copies n bytes of src, all before its end of file, in the manner of
// writeAt. If src is c the ranges don't overlap.
func (c *content) copyFrom(src *content, off, srcOff, n int64, by payer) error {
	if err := checkRange(off, n); err != nil {
		return err
	}
	err := by.spend(c, c.growth(off, n), c.extension(off, n), func() (took int64) {
		for done := int64(0); done < n; {
			s := next(off+done, n-done)
			b, t := c.own(s.index, s.to)
			src.readAt(b[s.from:s.to], srcOff+done)
			took += t
			done += s.len()
		}
		return took
	})
	if err == nil {
		c.size = max(c.size, off+n)
	}
	return err
}
