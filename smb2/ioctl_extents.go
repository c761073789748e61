package smb2

// DuplicateExtentsSourceAtomic is the only flag of DuplicateExtentsDataEx.
const DuplicateExtentsSourceAtomic uint32 = 1

// DuplicateExtentsData asks that a range of a file shares the blocks of another,
// [MS-FSCC] 2.3.7.2, the form of SMB2. Amounts are in bytes.
type DuplicateExtentsData struct {
	SourceFileID     FileID
	SourceFileOffset int64
	TargetFileOffset int64
	ByteCount        int64
}

const (
	duplicateSize   = 40
	duplicateExSize = 0x30 // what StructureSize says
)

func (c *cursor) duplicate() DuplicateExtentsData {
	return DuplicateExtentsData{c.fileID(), c.i64(), c.i64(), c.i64()}
}

// ParseDuplicateExtentsData parses b. Too short a payload is
// StatusBufferTooSmall ([MS-FSA] 2.1.5.10.4).
func ParseDuplicateExtentsData(b []byte) (DuplicateExtentsData, error) {
	if len(b) < duplicateSize {
		return DuplicateExtentsData{}, StatusBufferTooSmall
	}
	c := cursor(b)
	return c.duplicate(), nil
}

// Append appends the payload.
func (d DuplicateExtentsData) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileID(d.SourceFileID)
	w.i64(d.SourceFileOffset)
	w.i64(d.TargetFileOffset)
	w.i64(d.ByteCount)
	return w.b
}

// DuplicateExtentsDataEx is DuplicateExtentsData with flags, [MS-FSCC] 2.3.9.2.
type DuplicateExtentsDataEx struct {
	DuplicateExtentsData
	Flags uint32
}

// ParseDuplicateExtentsDataEx parses b. Too short a payload is
// StatusBufferTooSmall and another StructureSize StatusNotSupported ([MS-FSA]
// 2.1.5.10.5). That size doesn't count all of the fields; the reserved ones at the
// end may be left out.
func ParseDuplicateExtentsDataEx(b []byte) (DuplicateExtentsDataEx, error) {
	const fixed = 8 + duplicateSize + 4
	if len(b) < fixed {
		return DuplicateExtentsDataEx{}, StatusBufferTooSmall
	}
	c := cursor(b)
	if c.u64() != duplicateExSize {
		return DuplicateExtentsDataEx{}, StatusNotSupported
	}
	return DuplicateExtentsDataEx{c.duplicate(), c.u32()}, nil
}

// Append appends the payload.
func (d DuplicateExtentsDataEx) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(duplicateExSize)
	w.b = d.DuplicateExtentsData.Append(w.b)
	w.u32(d.Flags)
	w.u32(0)
	return w.b
}

// FileLevelTrimRange is a range in bytes.
type FileLevelTrimRange struct{ Offset, Length uint64 }

// FileLevelTrim tells which ranges of a file hold nothing of use, [MS-FSCC] 2.3.13.
type FileLevelTrim struct {
	Key    uint32
	Ranges []FileLevelTrimRange
}

// ParseFileLevelTrim parses b.
func ParseFileLevelTrim(b []byte) (FileLevelTrim, error) {
	c, err := fixedIoctl(b, 8)
	if err != nil {
		return FileLevelTrim{}, err
	}
	r := FileLevelTrim{Key: c.u32()}
	count := c.u32()
	b = b[8:]
	if rangeSize*uint64(count) > uint64(len(b)) {
		return FileLevelTrim{}, StatusInvalidParameter
	}
	for c = b; count > 0; count-- {
		r.Ranges = append(r.Ranges, FileLevelTrimRange{c.u64(), c.u64()})
	}
	return r, nil
}

// Append appends the payload.
func (r FileLevelTrim) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Key)
	w.u32(uint32(len(r.Ranges)))
	for _, t := range r.Ranges {
		w.u64(t.Offset)
		w.u64(t.Length)
	}
	return w.b
}

// FileLevelTrimOutput tells how many ranges were trimmed, [MS-FSCC] 2.3.14.
type FileLevelTrimOutput struct{ NumRangesProcessed uint32 }

// ParseFileLevelTrimOutput parses b.
func ParseFileLevelTrimOutput(b []byte) (FileLevelTrimOutput, error) {
	c, err := fixedIoctl(b, 4)
	if err != nil {
		return FileLevelTrimOutput{}, err
	}
	return FileLevelTrimOutput{c.u32()}, nil
}

// Append appends the payload.
func (r FileLevelTrimOutput) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.NumRangesProcessed)
	return w.b
}
