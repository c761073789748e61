package smb2

// The information classes of one number that a client sets.

// FileAllocationInformation is [MS-FSCC] 2.4.4: the bytes to reserve; less
// than the size of the file cuts it.
type FileAllocationInformation struct{ AllocationSize int64 }

// ParseFileAllocationInformation parses b.
func ParseFileAllocationInformation(b []byte) (FileAllocationInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FileAllocationInformation{}, err
	}
	return FileAllocationInformation{AllocationSize: c.i64()}, nil
}

// Append appends the structure.
func (i FileAllocationInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.AllocationSize)
	return w.b
}

// FileEndOfFileInformation is [MS-FSCC] 2.4.14: the new size in bytes.
type FileEndOfFileInformation struct{ EndOfFile int64 }

// ParseFileEndOfFileInformation parses b.
func ParseFileEndOfFileInformation(b []byte) (FileEndOfFileInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FileEndOfFileInformation{}, err
	}
	return FileEndOfFileInformation{EndOfFile: c.i64()}, nil
}

// Append appends the structure.
func (i FileEndOfFileInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.EndOfFile)
	return w.b
}

// FileValidDataLengthInformation is [MS-FSCC] 2.4.50, in bytes.
type FileValidDataLengthInformation struct{ ValidDataLength int64 }

// ParseFileValidDataLengthInformation parses b.
func ParseFileValidDataLengthInformation(b []byte) (FileValidDataLengthInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FileValidDataLengthInformation{}, err
	}
	return FileValidDataLengthInformation{ValidDataLength: c.i64()}, nil
}

// Append appends the structure.
func (i FileValidDataLengthInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.ValidDataLength)
	return w.b
}

// FileDispositionInformation is [MS-FSCC] 2.4.11: whether the file is deleted
// at close.
type FileDispositionInformation struct{ DeletePending bool }

// ParseFileDispositionInformation parses b.
func ParseFileDispositionInformation(b []byte) (FileDispositionInformation, error) {
	c, err := fixedInfo(b, 1)
	if err != nil {
		return FileDispositionInformation{}, err
	}
	return FileDispositionInformation{DeletePending: c.bool()}, nil
}

// Append appends the structure.
func (i FileDispositionInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.bool(i.DeletePending)
	return w.b
}

// Flags of FileDispositionInformationEx, [MS-FSCC] 2.4.12. None of them means:
// do not delete.
const (
	DispositionDelete                  uint32 = 0x00000001
	DispositionPosixSemantics          uint32 = 0x00000002
	DispositionForceImageSectionCheck  uint32 = 0x00000004
	DispositionOnClose                 uint32 = 0x00000008
	DispositionIgnoreReadOnlyAttribute uint32 = 0x00000010
)

// FileDispositionInformationEx is [MS-FSCC] 2.4.12, of DispositionDelete and its
// siblings.
type FileDispositionInformationEx struct{ Flags uint32 }

// ParseFileDispositionInformationEx parses b.
func ParseFileDispositionInformationEx(b []byte) (FileDispositionInformationEx, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileDispositionInformationEx{}, err
	}
	return FileDispositionInformationEx{Flags: c.u32()}, nil
}

// Append appends the structure.
func (i FileDispositionInformationEx) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.Flags)
	return w.b
}
