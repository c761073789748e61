package smb2

// Values of FsDeviceInformation, [MS-FSCC] 2.5.10.
const (
	FsDeviceCDROM uint32 = 0x00000002
	FsDeviceDisk  uint32 = 0x00000007

	FsRemovableMedia              uint32 = 0x00000001
	FsReadOnlyDevice              uint32 = 0x00000002
	FsFloppyDiskette              uint32 = 0x00000004
	FsWriteOnceMedia              uint32 = 0x00000008
	FsRemoteDevice                uint32 = 0x00000010
	FsDeviceIsMounted             uint32 = 0x00000020
	FsVirtualVolume               uint32 = 0x00000040
	FsDeviceSecureOpen            uint32 = 0x00000100
	FsDeviceAppContainerTraversal uint32 = 0x00020000
)

// FsDeviceInformation is FileFsDeviceInformation of [MS-FSCC] 2.5.10.
type FsDeviceInformation struct {
	DeviceType      uint32
	Characteristics uint32
}

// ParseFsDeviceInformation parses b.
func ParseFsDeviceInformation(b []byte) (FsDeviceInformation, error) {
	c, err := fixedInfo(b, 8)
	if err != nil {
		return FsDeviceInformation{}, err
	}
	return FsDeviceInformation{DeviceType: c.u32(), Characteristics: c.u32()}, nil
}

// Append appends the structure.
func (i FsDeviceInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.DeviceType)
	w.u32(i.Characteristics)
	return w.b
}

// Bits of FsAttributeInformation, [MS-FSCC] 2.5.1.
const (
	FsCaseSensitiveSearch          uint32 = 0x00000001
	FsCasePreservedNames           uint32 = 0x00000002
	FsUnicodeOnDisk                uint32 = 0x00000004
	FsPersistentACLs               uint32 = 0x00000008
	FsFileCompression              uint32 = 0x00000010
	FsVolumeQuotas                 uint32 = 0x00000020
	FsSupportsSparseFiles          uint32 = 0x00000040
	FsSupportsReparsePoints        uint32 = 0x00000080
	FsSupportsRemoteStorage        uint32 = 0x00000100
	FsReturnsCleanupResultInfo     uint32 = 0x00000200
	FsSupportsPosixUnlinkRename    uint32 = 0x00000400
	FsVolumeIsCompressed           uint32 = 0x00008000
	FsSupportsObjectIDs            uint32 = 0x00010000
	FsSupportsEncryption           uint32 = 0x00020000
	FsNamedStreams                 uint32 = 0x00040000
	FsReadOnlyVolume               uint32 = 0x00080000
	FsSequentialWriteOnce          uint32 = 0x00100000
	FsSupportsTransactions         uint32 = 0x00200000
	FsSupportsHardLinks            uint32 = 0x00400000
	FsSupportsExtendedAttributes   uint32 = 0x00800000
	FsSupportsOpenByFileID         uint32 = 0x01000000
	FsSupportsUSNJournal           uint32 = 0x02000000
	FsSupportsIntegrityStreams     uint32 = 0x04000000
	FsSupportsBlockReferenceCounts uint32 = 0x08000000
	FsSupportsSparseVDL            uint32 = 0x10000000
)

// FsAttributeInformation is FileFsAttributeInformation of [MS-FSCC] 2.5.1.
type FsAttributeInformation struct {
	Attributes             uint32
	MaxComponentNameLength int32 // characters of one part of a path
	FileSystemName         string
}

// FsAttributeInformationSize is the length of an FsAttributeInformation up to
// FileSystemName.
const FsAttributeInformationSize = 12

// ParseFsAttributeInformation parses b.
func ParseFsAttributeInformation(b []byte) (FsAttributeInformation, error) {
	c, err := fixedInfo(b, FsAttributeInformationSize)
	if err != nil {
		return FsAttributeInformation{}, err
	}
	i := FsAttributeInformation{Attributes: c.u32(), MaxComponentNameLength: int32(c.u32())}
	if i.FileSystemName, err = nameAt(b, FsAttributeInformationSize, c.u32()); err != nil {
		return FsAttributeInformation{}, err
	}
	return i, nil
}

// Append appends the structure.
func (i FsAttributeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.Attributes)
	w.u32(uint32(i.MaxComponentNameLength))
	w.longName(i.FileSystemName)
	return w.b
}

// Flags of FsSectorSizeInformation, [MS-FSCC] 2.5.7.
const (
	SectorAlignedDevice            uint32 = 0x00000001
	SectorPartitionAlignedOnDevice uint32 = 0x00000002
	SectorNoSeekPenalty            uint32 = 0x00000004
	SectorTrimEnabled              uint32 = 0x00000008
)

// FsSectorSizeInformation is FileFsSectorSizeInformation of [MS-FSCC] 2.5.7. All but
// Flags are in bytes; the long names of the specification begin with
// PhysicalBytesPerSectorFor and FileSystemEffectivePhysicalBytesPerSectorFor.
type FsSectorSizeInformation struct {
	LogicalBytesPerSector       uint32
	PhysicalForAtomicity        uint32
	PhysicalForPerformance      uint32
	EffectiveForAtomicity       uint32
	Flags                       uint32
	OffsetForSectorAlignment    uint32
	OffsetForPartitionAlignment uint32
}

// ParseFsSectorSizeInformation parses b.
func ParseFsSectorSizeInformation(b []byte) (FsSectorSizeInformation, error) {
	c, err := fixedInfo(b, 28)
	if err != nil {
		return FsSectorSizeInformation{}, err
	}
	return FsSectorSizeInformation{
		LogicalBytesPerSector:       c.u32(),
		PhysicalForAtomicity:        c.u32(),
		PhysicalForPerformance:      c.u32(),
		EffectiveForAtomicity:       c.u32(),
		Flags:                       c.u32(),
		OffsetForSectorAlignment:    c.u32(),
		OffsetForPartitionAlignment: c.u32(),
	}, nil
}

// Append appends the structure.
func (i FsSectorSizeInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(i.LogicalBytesPerSector)
	w.u32(i.PhysicalForAtomicity)
	w.u32(i.PhysicalForPerformance)
	w.u32(i.EffectiveForAtomicity)
	w.u32(i.Flags)
	w.u32(i.OffsetForSectorAlignment)
	w.u32(i.OffsetForPartitionAlignment)
	return w.b
}
