package smb2

import "github.com/gosmbd/smb/internal/utf16le"

// FsVolumeInformation is FileFsVolumeInformation of [MS-FSCC] 2.5.9. A label is
// of at most 32 characters.
type FsVolumeInformation struct {
	VolumeCreationTime FileTime
	VolumeSerialNumber uint32
	SupportsObjects    bool
	VolumeLabel        string
}

// FsVolumeInformationSize is the length of an FsVolumeInformation up to VolumeLabel.
const FsVolumeInformationSize = 18

// ParseFsVolumeInformation parses b.
func ParseFsVolumeInformation(b []byte) (FsVolumeInformation, error) {
	c, err := fixedInfo(b, FsVolumeInformationSize)
	if err != nil {
		return FsVolumeInformation{}, err
	}
	i := FsVolumeInformation{VolumeCreationTime: c.fileTime(), VolumeSerialNumber: c.u32()}
	length := c.u32()
	i.SupportsObjects = c.bool()
	if i.VolumeLabel, err = nameAt(b, FsVolumeInformationSize, length); err != nil {
		return FsVolumeInformation{}, err
	}
	return i, nil
}

// Append appends the structure.
func (i FsVolumeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileTime(i.VolumeCreationTime)
	w.u32(i.VolumeSerialNumber)
	w.u32(uint32(utf16le.Len(i.VolumeLabel)))
	w.bool(i.SupportsObjects)
	w.u8(0)
	w.name(i.VolumeLabel)
	return w.b
}

// FsLabelInformation is FileFsLabelInformation of [MS-FSCC] 2.5.5.
type FsLabelInformation struct{ VolumeLabel string }

// ParseFsLabelInformation parses b.
func ParseFsLabelInformation(b []byte) (FsLabelInformation, error) {
	i, err := ParseFileNameInformation(b)
	return FsLabelInformation{VolumeLabel: i.FileName}, err
}

// Append appends the structure.
func (i FsLabelInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.longName(i.VolumeLabel)
	return w.b
}

// FsSizeInformation is FileFsSizeInformation of [MS-FSCC] 2.5.8. An allocation
// unit is SectorsPerAllocationUnit times BytesPerSector bytes.
type FsSizeInformation struct {
	TotalAllocationUnits     int64
	AvailableAllocationUnits int64
	SectorsPerAllocationUnit uint32
	BytesPerSector           uint32
}

// ParseFsSizeInformation parses b.
func ParseFsSizeInformation(b []byte) (FsSizeInformation, error) {
	c, err := fixedInfo(b, 24)
	if err != nil {
		return FsSizeInformation{}, err
	}
	return FsSizeInformation{
		TotalAllocationUnits:     c.i64(),
		AvailableAllocationUnits: c.i64(),
		SectorsPerAllocationUnit: c.u32(),
		BytesPerSector:           c.u32(),
	}, nil
}

// Append appends the structure.
func (i FsSizeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.TotalAllocationUnits)
	w.i64(i.AvailableAllocationUnits)
	w.u32(i.SectorsPerAllocationUnit)
	w.u32(i.BytesPerSector)
	return w.b
}

// FsFullSizeInformation is FileFsFullSizeInformation of [MS-FSCC] 2.5.4. The
// caller's units are those that a quota leaves.
type FsFullSizeInformation struct {
	TotalAllocationUnits           int64
	CallerAvailableAllocationUnits int64
	ActualAvailableAllocationUnits int64
	SectorsPerAllocationUnit       uint32
	BytesPerSector                 uint32
}

// ParseFsFullSizeInformation parses b.
func ParseFsFullSizeInformation(b []byte) (FsFullSizeInformation, error) {
	c, err := fixedInfo(b, 32)
	if err != nil {
		return FsFullSizeInformation{}, err
	}
	return FsFullSizeInformation{
		TotalAllocationUnits:           c.i64(),
		CallerAvailableAllocationUnits: c.i64(),
		ActualAvailableAllocationUnits: c.i64(),
		SectorsPerAllocationUnit:       c.u32(),
		BytesPerSector:                 c.u32(),
	}, nil
}

// Append appends the structure.
func (i FsFullSizeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.TotalAllocationUnits)
	w.i64(i.CallerAvailableAllocationUnits)
	w.i64(i.ActualAvailableAllocationUnits)
	w.u32(i.SectorsPerAllocationUnit)
	w.u32(i.BytesPerSector)
	return w.b
}

// FsControlInformation is FileFsControlInformation of [MS-FSCC] 2.5.2: default
// quotas and what to do about them. Amounts are in bytes.
type FsControlInformation struct {
	FreeSpaceStartFiltering int64
	FreeSpaceThreshold      int64
	FreeSpaceStopFiltering  int64
	DefaultQuotaThreshold   uint64 // all ones: none
	DefaultQuotaLimit       uint64 // all ones: none
	FileSystemControlFlags  uint32
}

// ParseFsControlInformation parses b.
func ParseFsControlInformation(b []byte) (FsControlInformation, error) {
	c, err := fixedInfo(b, 48)
	if err != nil {
		return FsControlInformation{}, err
	}
	return FsControlInformation{
		FreeSpaceStartFiltering: c.i64(),
		FreeSpaceThreshold:      c.i64(),
		FreeSpaceStopFiltering:  c.i64(),
		DefaultQuotaThreshold:   c.u64(),
		DefaultQuotaLimit:       c.u64(),
		FileSystemControlFlags:  c.u32(),
	}, nil
}

// Append appends the structure.
func (i FsControlInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.i64(i.FreeSpaceStartFiltering)
	w.i64(i.FreeSpaceThreshold)
	w.i64(i.FreeSpaceStopFiltering)
	w.u64(i.DefaultQuotaThreshold)
	w.u64(i.DefaultQuotaLimit)
	w.u32(i.FileSystemControlFlags)
	w.u32(0)
	return w.b
}

// FsObjectIdInformation is FileFsObjectIdInformation of [MS-FSCC] 2.5.6.
type FsObjectIdInformation struct {
	ObjectID     GUID
	ExtendedInfo [48]byte
}

// ParseFsObjectIdInformation parses b.
func ParseFsObjectIdInformation(b []byte) (FsObjectIdInformation, error) {
	if len(b) < objectIDSize {
		return FsObjectIdInformation{}, StatusInfoLengthMismatch
	}
	i, err := ParseFileObjectIDBuffer(b)
	return FsObjectIdInformation(i), err
}

// Append appends the structure.
func (i FsObjectIdInformation) Append(dst []byte) []byte {
	return FileObjectIDBuffer(i).Append(dst)
}
