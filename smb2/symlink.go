package smb2

// SymlinkFlagRelative in a SymlinkError tells that SubstituteName is relative to
// the directory that holds the link.
const SymlinkFlagRelative uint32 = 1

// SymlinkError is the error data with StatusStoppedOnSymlink, [MS-SMB2]
// 2.2.2.2.1. At 3.1.1 it stands in an ErrorContext.
type SymlinkError struct {
	UnparsedPathLength uint16 // bytes of the path after the link
	SubstituteName     string
	PrintName          string
	Flags              uint32
}

const (
	symlinkErrorTag   uint32 = 0x4C4D5953
	symlinkReparseTag uint32 = 0xA000000C
	symlinkFixedSize         = 28 // up to PathBuffer

	// maxSymlinkPath is what ReparseDataLength can announce. The names of a
	// PathBuffer may overlap, yet have to fit when written one after the other.
	maxSymlinkPath = 0xFFFF - 12
)

// ParseSymlinkError parses the error data.
func ParseSymlinkError(b []byte) (SymlinkError, error) {
	if len(b) < symlinkFixedSize {
		return SymlinkError{}, StatusInvalidParameter
	}
	c := cursor(b[:symlinkFixedSize])
	// SymLinkLength doesn't count itself, ReparseDataLength begins 4 bytes
	// before its 12 bytes of fields and counts those.
	length, tag, reparseTag, reparseLength := c.u32(), c.u32(), c.u32(), c.u16()
	if uint64(length)+4 > uint64(len(b)) || length+4 < symlinkFixedSize ||
		tag != symlinkErrorTag || reparseTag != symlinkReparseTag ||
		uint64(reparseLength)+16 > uint64(length)+4 {
		return SymlinkError{}, StatusInvalidParameter
	}
	b = b[:16+int(reparseLength)]
	e := SymlinkError{UnparsedPathLength: c.u16()}
	subOffset, subLength := c.u16(), c.u16()
	printOffset, printLength := c.u16(), c.u16()
	e.Flags = c.u32()
	if int(subLength)+int(printLength) > maxSymlinkPath {
		return SymlinkError{}, StatusInvalidParameter
	}
	var err error
	if e.SubstituteName, err = symlinkName(b, subOffset, subLength); err != nil {
		return SymlinkError{}, err
	}
	if e.PrintName, err = symlinkName(b, printOffset, printLength); err != nil {
		return SymlinkError{}, err
	}
	return e, nil
}

func symlinkName(b []byte, offset, length uint16) (string, error) {
	name, err := slice(b, symlinkFixedSize, symlinkFixedSize+uint64(offset), uint64(length))
	if err != nil {
		return "", err
	}
	return decodeName(name)
}

// Append appends the error data.
func (e SymlinkError) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(0)
	w.u32(symlinkErrorTag)
	w.u32(symlinkReparseTag)
	w.u16(0)
	w.u16(e.UnparsedPathLength)
	w.zero(8)
	w.u32(e.Flags)
	w.name(e.SubstituteName)
	split := w.len() - symlinkFixedSize
	w.name(e.PrintName)
	end := w.len() - symlinkFixedSize
	w.putU32(0, symlinkFixedSize-4+end)
	w.putU16(12, end+12)
	w.putU16(18, split)
	w.putU16(20, split)
	w.putU16(22, end-split)
	return w.b
}
