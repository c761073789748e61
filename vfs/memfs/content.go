package memfs

import (
	"io"
	"io/fs"
	"math"

	"github.com/gosmbd/smb/vfs"
)

// A block is as long as what was written into it needs: a power of two from
// minBlock to maxBlock. So a small file takes little, and a large one few
// entries in the map.
const (
	minBlock = 4 << 10
	maxBlock = 64 << 10
)

// content is the bytes of a file. Blocks that were never written are absent
// and read as zero; bytes in a block that are beyond the end of file are zero.
type content struct {
	size   int64 // end of file
	alloc  int64 // sum of the lengths of blocks
	blocks map[int64][]byte
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
func next(off int64, n int) span {
	from := int(off % maxBlock)
	return span{off / maxBlock, from, min(from+n, maxBlock)}
}

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
		s := next(off+int64(done), n-done)
		part := p[done : done+s.to-s.from]
		b := c.blocks[s.index]
		clear(part[copy(part, b[min(s.from, len(b)):]):])
		done += len(part)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// growth is how many bytes must be allocated to write n bytes at off.
func (c *content) growth(off int64, n int) int64 {
	var sum int64
	for done := 0; done < n; {
		s := next(off+int64(done), n-done)
		sum += int64(max(0, blockLen(s.to)-len(c.blocks[s.index])))
		done += s.to - s.from
	}
	return sum
}

// block returns block index with at least n bytes, allocating what is missing.
func (c *content) block(index int64, n int) []byte {
	b := c.blocks[index]
	if n <= len(b) {
		return b
	}
	grown := make([]byte, blockLen(n))
	copy(grown, b)
	c.alloc += int64(len(grown) - len(b))
	if c.blocks == nil {
		c.blocks = make(map[int64][]byte)
	}
	c.blocks[index] = grown
	return grown
}

// writeAt writes all of p at off or, if f refuses the bytes that this
// takes, nothing.
func (c *content) writeAt(p []byte, off int64, f *FS) error {
	if err := checkRange(off, int64(len(p))); err != nil {
		return err
	}
	if len(p) == 0 {
		return nil
	}
	if g := c.growth(off, len(p)); g > 0 && !f.reserve(g) {
		return vfs.ErrNoSpace
	}
	for done := 0; done < len(p); {
		s := next(off+int64(done), len(p)-done)
		done += copy(c.block(s.index, s.to)[s.from:s.to], p[done:])
	}
	c.size = max(c.size, off+int64(len(p)))
	return nil
}

// truncate sets the end of file and returns how many bytes it freed.
func (c *content) truncate(size int64) (freed int64, err error) {
	if err := checkRange(size, 0); err != nil {
		return 0, err
	}
	before := c.alloc
	if size < c.size {
		c.cut(size)
	}
	c.size = size
	return before - c.alloc, nil
}

// cut frees and clears what lies at and beyond size.
func (c *content) cut(size int64) {
	keep := size / maxBlock // the block that size falls into
	last := (c.size - 1) / maxBlock
	if last-keep < int64(len(c.blocks)) {
		for i := keep + 1; i <= last; i++ {
			c.drop(i)
		}
	} else {
		for i := range c.blocks {
			if i > keep {
				c.drop(i)
			}
		}
	}
	n := int(size % maxBlock)
	b := c.blocks[keep]
	switch {
	case n == 0:
		c.drop(keep)
	case blockLen(n) < len(b):
		short := make([]byte, blockLen(n))
		copy(short, b[:n])
		c.blocks[keep] = short
		c.alloc -= int64(len(b) - len(short))
	case n < len(b):
		clear(b[n:])
	}
	if len(c.blocks) == 0 {
		c.blocks = nil // a map doesn't shrink
	}
}

func (c *content) drop(index int64) {
	c.alloc -= int64(len(c.blocks[index]))
	delete(c.blocks, index)
}

// copyFrom copies n bytes of src, all before its end of file, in the manner of
// writeAt. If src is c the ranges don't overlap.
func (c *content) copyFrom(src *content, off, srcOff int64, n int, f *FS) error {
	if err := checkRange(off, int64(n)); err != nil {
		return err
	}
	if g := c.growth(off, n); g > 0 && !f.reserve(g) {
		return vfs.ErrNoSpace
	}
	for done := 0; done < n; {
		s := next(off+int64(done), n-done)
		part := c.block(s.index, s.to)[s.from:s.to]
		if _, err := src.readAt(part, srcOff+int64(done)); err != nil {
			return err
		}
		done += len(part)
	}
	c.size = max(c.size, off+int64(n))
	return nil
}
