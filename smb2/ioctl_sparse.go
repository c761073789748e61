package smb2

// FileSetSparseBuffer tells whether a file may be sparse, [MS-FSCC] 2.3.83.
type FileSetSparseBuffer struct{ SetSparse bool }

// ParseFileSetSparseBuffer parses b. An empty buffer means true.
func ParseFileSetSparseBuffer(b []byte) FileSetSparseBuffer {
	return FileSetSparseBuffer{SetSparse: len(b) == 0 || b[0] != 0}
}

// Append appends the payload.
func (i FileSetSparseBuffer) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bool(i.SetSparse)
	return w.b
}

// FileZeroDataInformation is the range from FileOffset up to but without
// BeyondFinalZero, in bytes, [MS-FSCC] 2.3.85. That the range makes sense is for
// the caller to check.
type FileZeroDataInformation struct {
	FileOffset      int64
	BeyondFinalZero int64
}

// ParseFileZeroDataInformation parses b.
func ParseFileZeroDataInformation(b []byte) (FileZeroDataInformation, error) {
	c, err := fixedIoctl(b, 16)
	if err != nil {
		return FileZeroDataInformation{}, err
	}
	return FileZeroDataInformation{c.i64(), c.i64()}, nil
}

// Append appends the payload.
func (i FileZeroDataInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.FileOffset)
	w.i64(i.BeyondFinalZero)
	return w.b
}

// FileAllocatedRangeBuffer is a range in bytes, [MS-FSCC] 2.3.51: the one asked
// about, or one that is allocated. That it makes sense is for the caller to check.
type FileAllocatedRangeBuffer struct {
	FileOffset int64
	Length     int64
}

const rangeSize = 16

// ParseFileAllocatedRangeBuffer parses b, the request.
func ParseFileAllocatedRangeBuffer(b []byte) (FileAllocatedRangeBuffer, error) {
	c, err := fixedIoctl(b, rangeSize)
	if err != nil {
		return FileAllocatedRangeBuffer{}, err
	}
	return FileAllocatedRangeBuffer{c.i64(), c.i64()}, nil
}

// Append appends the payload.
func (i FileAllocatedRangeBuffer) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.FileOffset)
	w.i64(i.Length)
	return w.b
}

// FileAllocatedRanges is the answer, [MS-FSCC] 2.3.52.
type FileAllocatedRanges []FileAllocatedRangeBuffer

// ParseFileAllocatedRanges parses b, which is whole ranges only.
func ParseFileAllocatedRanges(b []byte) (FileAllocatedRanges, error) {
	if len(b)%rangeSize != 0 {
		return nil, StatusInvalidParameter
	}
	var l FileAllocatedRanges
	for c := cursor(b); len(c) > 0; {
		l = append(l, FileAllocatedRangeBuffer{c.i64(), c.i64()})
	}
	return l, nil
}

// Append appends the payload.
func (l FileAllocatedRanges) Append(dst []byte) []byte {
	for _, r := range l {
		dst = r.Append(dst)
	}
	return dst
}

// AppendMax appends as many ranges as fit into max bytes, and returns how many
// those are. If not all of them do, the answer is StatusBufferOverflow, or
// StatusBufferTooSmall if none does.
func (l FileAllocatedRanges) AppendMax(dst []byte, max int) ([]byte, int) {
	n := min(len(l), max/rangeSize)
	return l[:n].Append(dst), n
}

// Usages of a file region, [MS-FSCC] 2.3.55.
const (
	RegionValidCachedData    uint32 = 1
	RegionValidNonCachedData uint32 = 2
)

// FileRegion is a range of a file, in bytes, and what it is used for: the request
// of FsctlQueryFileRegions ([MS-FSCC] 2.3.55) and an entry of its answer
// (2.3.56.1).
type FileRegion struct {
	FileOffset int64
	Length     int64
	Usage      uint32
}

const (
	regionSize   = 24
	regionsFixed = 16
)

// ParseFileRegion parses b, the request.
func ParseFileRegion(b []byte) (FileRegion, error) {
	c, err := fixedIoctl(b, regionSize)
	if err != nil {
		return FileRegion{}, err
	}
	return FileRegion{c.i64(), c.i64(), c.u32()}, nil
}

// Append appends the payload.
func (i FileRegion) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.FileOffset)
	w.i64(i.Length)
	w.u32(i.Usage)
	w.u32(0)
	return w.b
}

// FileRegions is the answer of FsctlQueryFileRegions, [MS-FSCC] 2.3.56.
type FileRegions struct {
	Total   uint32 // regions that there are
	Regions []FileRegion
}

// ParseFileRegions parses b.
func ParseFileRegions(b []byte) (FileRegions, error) {
	c, err := fixedIoctl(b, regionsFixed)
	if err != nil {
		return FileRegions{}, err
	}
	c.skip(4)
	r := FileRegions{Total: c.u32()}
	count := c.u32()
	b = b[regionsFixed:]
	if regionSize*uint64(count) > uint64(len(b)) {
		return FileRegions{}, StatusInvalidParameter
	}
	for c = b; count > 0; count-- {
		r.Regions = append(r.Regions, FileRegion{c.i64(), c.i64(), c.u32()})
		c.skip(4)
	}
	return r, nil
}

// Append appends the payload.
func (r FileRegions) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(0)
	w.u32(r.Total)
	w.u32(uint32(len(r.Regions)))
	w.u32(0)
	for _, i := range r.Regions {
		w.b = i.Append(w.b)
	}
	return w.b
}
