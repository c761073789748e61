package smb_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

const (
	cachingCells    = 3 // of a file
	cachingCellSize = 8
)

// cachingFile is a file as those see it who read it: cells, each of which is written as a whole.
type cachingFile struct {
	id    uint64
	cells [cachingCells]cachingCell
}

func newCachingFile(id uint64) *cachingFile {
	f := &cachingFile{id: id}
	for i := range f.cells {
		f.cells[i] = cachingCell{reads: valuesOf(0), server: valuesOf(0), sent: valuesOf(), ever: []uint64{0}}
	}
	return f
}

// cachingCell is what may be in a cell. No value is written twice, so each tells what wrote it; a cell has 0 before it is
// written, and when its file was overwritten.
type cachingCell struct {
	reads  cellValues // what a read may return now
	server cellValues // what the server may have, which is something else while a client buffers
	sent   cellValues // by requests that are under way
	ever   []uint64   // all that reads might return at some time, in that order
}

// cellValues is a set of values.
type cellValues map[uint64]bool

func valuesOf(list ...uint64) cellValues {
	v := cellValues{}
	for _, x := range list {
		v[x] = true
	}
	return v
}

func (v cellValues) String() string { return fmt.Sprint(slices.Sorted(maps.Keys(v))) }

// allow lets reads return v, too.
func (c *cachingCell) allow(v uint64) {
	c.ever = append(c.ever, v)
	c.reads[v] = true
}

// begin notes that v is on its way to the server, and returns what is to be called at the end of it, with whether the server
// has done it for sure. Nobody can tell in what order it did this and what else was under way meanwhile.
func (c *cachingCell) begin(v uint64) (end func(done bool)) {
	from := len(c.ever)
	c.allow(v)
	c.sent[v] = true
	return func(done bool) {
		delete(c.sent, v)
		if !done {
			c.server[v] = true
			return
		}
		c.reads = valuesOf(c.ever[from:]...)
		maps.Copy(c.reads, c.sent)
		c.server = maps.Clone(c.reads)
	}
}

// buffer notes that a client has v, and the right not to tell the server yet.
func (c *cachingCell) buffer(v uint64) {
	c.reads = maps.Clone(c.sent)
	c.allow(v)
}

// flushed notes that the server was told.
func (c *cachingCell) flushed(v uint64) { c.server = valuesOf(v) }

// unbuffered notes that nobody buffers v any more. The server has what it had, or, if v was sent, v.
func (c *cachingCell) unbuffered(v uint64, sent bool) {
	has := maps.Clone(c.server)
	maps.Copy(has, c.sent)
	if sent {
		has[v] = true
	}
	c.reads = cellValues{}
	for x := range has {
		c.allow(x)
	}
}

// doubtful lets reads return what the server has, beside what is buffered.
func (c *cachingCell) doubtful() {
	for v := range c.server {
		c.allow(v)
	}
}

// read returns what is to be called at the end of a read that begins now, and tells then what it may have returned.
func (c *cachingCell) read() (may func() cellValues) {
	v, from := maps.Clone(c.reads), len(c.ever)
	return func() cellValues {
		maps.Copy(v, valuesOf(c.ever[from:]...))
		return v
	}
}

// cellOffset is where a cell is in its file.
func cellOffset(cell int) uint64 { return uint64(cell * cachingCellSize) }

// cellData is a value as it is in a file, and cellValue the reverse: what is after the end counts as zeros.
func cellData(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func cellValue(b []byte) uint64 {
	var all [cachingCellSize]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:])
}
