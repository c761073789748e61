package smb2

// Values of CompressionState and of FileCompressionInformation, [MS-FSCC] 2.3.18 and
// 2.3.67.
const (
	CompressionFormatNone    uint16 = 0
	CompressionFormatDefault uint16 = 1 // in a set
	CompressionFormatLZNT1   uint16 = 2
)

// CompressionState is the payload of FsctlGetCompression and
// FsctlSetCompression.
type CompressionState struct{ Format uint16 }

// ParseCompressionState parses b.
func ParseCompressionState(b []byte) (CompressionState, error) {
	c, err := fixedIoctl(b, 2)
	if err != nil {
		return CompressionState{}, err
	}
	return CompressionState{c.u16()}, nil
}

// Append appends the payload.
func (i CompressionState) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(i.Format)
	return w.b
}

// Checksum algorithms and the flag of integrity, [MS-FSCC] 2.3.20 and 2.3.73.
const (
	ChecksumNone      uint16 = 0
	ChecksumCRC32     uint16 = 1
	ChecksumCRC64     uint16 = 2
	ChecksumUnchanged uint16 = 0xFFFF // in a set

	IntegrityEnforcementOff uint32 = 1
)

// GetIntegrityInformation is the answer of FsctlGetIntegrityInformation,
// [MS-FSCC] 2.3.20. Sizes are in bytes.
type GetIntegrityInformation struct {
	ChecksumAlgorithm uint16
	Flags             uint32
	ChecksumChunkSize uint32
	ClusterSize       uint32
}

// ParseGetIntegrityInformation parses b.
func ParseGetIntegrityInformation(b []byte) (GetIntegrityInformation, error) {
	c, err := fixedIoctl(b, 16)
	if err != nil {
		return GetIntegrityInformation{}, err
	}
	i := GetIntegrityInformation{ChecksumAlgorithm: c.u16()}
	c.skip(2)
	i.Flags, i.ChecksumChunkSize, i.ClusterSize = c.u32(), c.u32(), c.u32()
	return i, nil
}

// Append appends the payload.
func (i GetIntegrityInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(i.ChecksumAlgorithm)
	w.u16(0)
	w.u32(i.Flags)
	w.u32(i.ChecksumChunkSize)
	w.u32(i.ClusterSize)
	return w.b
}

// SetIntegrityInformation is the payload of FsctlSetIntegrityInformation,
// [MS-FSCC] 2.3.73.
type SetIntegrityInformation struct {
	ChecksumAlgorithm uint16
	Flags             uint32
}

// ParseSetIntegrityInformation parses b.
func ParseSetIntegrityInformation(b []byte) (SetIntegrityInformation, error) {
	c, err := fixedIoctl(b, 8)
	if err != nil {
		return SetIntegrityInformation{}, err
	}
	i := SetIntegrityInformation{ChecksumAlgorithm: c.u16()}
	c.skip(2)
	i.Flags = c.u32()
	return i, nil
}

// Append appends the payload.
func (i SetIntegrityInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u16(i.ChecksumAlgorithm)
	w.u16(0)
	w.u32(i.Flags)
	return w.b
}
