package smb2

// The information classes of one number that a client queries.

// FileInternalInformation is [MS-FSCC] 2.4.27: the 64-bit file ID, or 0.
type FileInternalInformation struct{ IndexNumber uint64 }

// ParseFileInternalInformation parses b.
func ParseFileInternalInformation(b []byte) (FileInternalInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FileInternalInformation{}, err
	}
	return FileInternalInformation{IndexNumber: c.u64()}, nil
}

// Append appends the structure.
func (i FileInternalInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(i.IndexNumber)
	return w.b
}

// FileEaInformation is [MS-FSCC] 2.4.13: the bytes that the extended
// attributes take.
type FileEaInformation struct{ EaSize uint32 }

// ParseFileEaInformation parses b.
func ParseFileEaInformation(b []byte) (FileEaInformation, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileEaInformation{}, err
	}
	return FileEaInformation{EaSize: c.u32()}, nil
}

// Append appends the structure.
func (i FileEaInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.EaSize)
	return w.b
}

// FileAccessInformation is [MS-FSCC] 2.4.1: the rights that the open was
// granted.
type FileAccessInformation struct{ AccessFlags uint32 }

// ParseFileAccessInformation parses b.
func ParseFileAccessInformation(b []byte) (FileAccessInformation, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileAccessInformation{}, err
	}
	return FileAccessInformation{AccessFlags: c.u32()}, nil
}

// Append appends the structure.
func (i FileAccessInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.AccessFlags)
	return w.b
}

// FilePositionInformation is [MS-FSCC] 2.4.40: a position in bytes that the
// server only remembers.
type FilePositionInformation struct{ CurrentByteOffset int64 }

// ParseFilePositionInformation parses b.
func ParseFilePositionInformation(b []byte) (FilePositionInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FilePositionInformation{}, err
	}
	return FilePositionInformation{CurrentByteOffset: c.i64()}, nil
}

// Append appends the structure.
func (i FilePositionInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.CurrentByteOffset)
	return w.b
}

// FileModeInformation is [MS-FSCC] 2.4.31: some of the create options, by the same
// bits, that the open was made with.
type FileModeInformation struct{ Mode uint32 }

// ParseFileModeInformation parses b.
func ParseFileModeInformation(b []byte) (FileModeInformation, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileModeInformation{}, err
	}
	return FileModeInformation{Mode: c.u32()}, nil
}

// Append appends the structure.
func (i FileModeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.Mode)
	return w.b
}

// FileAlignmentInformation is [MS-FSCC] 2.4.3: a mask, 0 for
// bytes.
type FileAlignmentInformation struct{ AlignmentRequirement uint32 }

// ParseFileAlignmentInformation parses b.
func ParseFileAlignmentInformation(b []byte) (FileAlignmentInformation, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileAlignmentInformation{}, err
	}
	return FileAlignmentInformation{AlignmentRequirement: c.u32()}, nil
}

// Append appends the structure.
func (i FileAlignmentInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.AlignmentRequirement)
	return w.b
}
