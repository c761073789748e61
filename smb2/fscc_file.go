package smb2

// FileBasicInformation is [MS-FSCC] 2.4.7. In a set, FileTimeOmit,
// FileTimeFreeze and FileTimeThaw are commands, and FileAttributes 0 leaves the
// attributes as they are.
type FileBasicInformation struct {
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	FileAttributes uint32
}

const basicSize = 40

// ParseFileBasicInformation parses b.
func ParseFileBasicInformation(b []byte) (FileBasicInformation, error) {
	c, err := fixedInfo(b, basicSize)
	if err != nil {
		return FileBasicInformation{}, err
	}
	return FileBasicInformation{
		CreationTime:   c.fileTime(),
		LastAccessTime: c.fileTime(),
		LastWriteTime:  c.fileTime(),
		ChangeTime:     c.fileTime(),
		FileAttributes: c.u32(),
	}, nil
}

// Append appends the structure.
func (i FileBasicInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileTime(i.CreationTime)
	w.fileTime(i.LastAccessTime)
	w.fileTime(i.LastWriteTime)
	w.fileTime(i.ChangeTime)
	w.u32(i.FileAttributes)
	w.u32(0)
	return w.b
}

// FileStandardInformation is [MS-FSCC] 2.4.47. Sizes are in bytes.
type FileStandardInformation struct {
	AllocationSize int64
	EndOfFile      int64
	NumberOfLinks  uint32
	DeletePending  bool
	Directory      bool
}

const standardSize = 24

// ParseFileStandardInformation parses b.
func ParseFileStandardInformation(b []byte) (FileStandardInformation, error) {
	c, err := fixedInfo(b, standardSize)
	if err != nil {
		return FileStandardInformation{}, err
	}
	return FileStandardInformation{
		AllocationSize: c.i64(),
		EndOfFile:      c.i64(),
		NumberOfLinks:  c.u32(),
		DeletePending:  c.bool(),
		Directory:      c.bool(),
	}, nil
}

// Append appends the structure.
func (i FileStandardInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.AllocationSize)
	w.i64(i.EndOfFile)
	w.u32(i.NumberOfLinks)
	w.bool(i.DeletePending)
	w.bool(i.Directory)
	w.u16(0)
	return w.b
}

// FileNetworkOpenInformation is [MS-FSCC] 2.4.34. Sizes are in bytes.
type FileNetworkOpenInformation struct {
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	AllocationSize int64
	EndOfFile      int64
	FileAttributes uint32
}

// ParseFileNetworkOpenInformation parses b.
func ParseFileNetworkOpenInformation(b []byte) (FileNetworkOpenInformation, error) {
	c, err := fixedInfo(b, 56)
	if err != nil {
		return FileNetworkOpenInformation{}, err
	}
	return FileNetworkOpenInformation{
		CreationTime:   c.fileTime(),
		LastAccessTime: c.fileTime(),
		LastWriteTime:  c.fileTime(),
		ChangeTime:     c.fileTime(),
		AllocationSize: c.i64(),
		EndOfFile:      c.i64(),
		FileAttributes: c.u32(),
	}, nil
}

// Append appends the structure.
func (i FileNetworkOpenInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileTime(i.CreationTime)
	w.fileTime(i.LastAccessTime)
	w.fileTime(i.LastWriteTime)
	w.fileTime(i.ChangeTime)
	w.i64(i.AllocationSize)
	w.i64(i.EndOfFile)
	w.u32(i.FileAttributes)
	w.u32(0)
	return w.b
}

// FileCompressionInformation is [MS-FSCC] 2.4.9. CompressionFormat is one of
// CompressionNone and its siblings; shifts are powers of two of bytes.
type FileCompressionInformation struct {
	CompressedFileSize   int64
	CompressionFormat    uint16
	CompressionUnitShift uint8
	ChunkShift           uint8
	ClusterShift         uint8
}

// ParseFileCompressionInformation parses b.
func ParseFileCompressionInformation(b []byte) (FileCompressionInformation, error) {
	c, err := fixedInfo(b, 16)
	if err != nil {
		return FileCompressionInformation{}, err
	}
	return FileCompressionInformation{
		CompressedFileSize:   c.i64(),
		CompressionFormat:    c.u16(),
		CompressionUnitShift: c.u8(),
		ChunkShift:           c.u8(),
		ClusterShift:         c.u8(),
	}, nil
}

// Append appends the structure.
func (i FileCompressionInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.CompressedFileSize)
	w.u16(i.CompressionFormat)
	w.u8(i.CompressionUnitShift)
	w.u8(i.ChunkShift)
	w.u8(i.ClusterShift)
	w.zero(3)
	return w.b
}

// FileAttributeTagInformation is [MS-FSCC] 2.4.6. ReparseTag is 0 unless
// FileAttributes has FileAttributeReparsePoint.
type FileAttributeTagInformation struct {
	FileAttributes uint32
	ReparseTag     uint32
}

// ParseFileAttributeTagInformation parses b.
func ParseFileAttributeTagInformation(b []byte) (FileAttributeTagInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FileAttributeTagInformation{}, err
	}
	return FileAttributeTagInformation{FileAttributes: c.u32(), ReparseTag: c.u32()}, nil
}

// Append appends the structure.
func (i FileAttributeTagInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.FileAttributes)
	w.u32(i.ReparseTag)
	return w.b
}

// FileIdInformation is [MS-FSCC] 2.4.26.
type FileIdInformation struct {
	VolumeSerialNumber uint64
	FileID             [16]byte
}

// ParseFileIdInformation parses b.
func ParseFileIdInformation(b []byte) (FileIdInformation, error) {
	c, err := fixedInfo(b, 24)
	if err != nil {
		return FileIdInformation{}, err
	}
	return FileIdInformation{VolumeSerialNumber: c.u64(), FileID: c.bytes16()}, nil
}

// Append appends the structure.
func (i FileIdInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u64(i.VolumeSerialNumber)
	w.bytes16(i.FileID)
	return w.b
}
