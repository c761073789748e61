package smb2

import "github.com/gosmbd/smb/internal/utf16le"

// Reparse tags, [MS-FSCC] 2.1.2.1, that a server may meet.
const (
	ReparseTagMountPoint uint32 = 0xA0000003
	ReparseTagDFS        uint32 = 0x8000000A
	ReparseTagSymlink    uint32 = 0xA000000C
	ReparseTagDedup      uint32 = 0x80000013
	ReparseTagNFS        uint32 = 0x80000014
	ReparseTagLxSymlink  uint32 = 0xA000001D
	ReparseTagAFUnix     uint32 = 0x80000023
	ReparseTagLxFIFO     uint32 = 0x80000024
	ReparseTagLxChr      uint32 = 0x80000025
	ReparseTagLxBlk      uint32 = 0x80000026
)

// reparseTagMicrosoft is set in the tags that go without a GUID.
const reparseTagMicrosoft uint32 = 0x80000000

const (
	reparseFixed     = 8
	reparseGUIDFixed = 24

	// MaxReparseDataBuffer is the most bytes of a reparse point, [MS-FSA]
	// 2.1.5.10.37.
	MaxReparseDataBuffer = 16384
)

// ReparseDataBuffer is a reparse point, undecoded, [MS-FSCC] 2.1.2.2 and 2.1.2.3.
// GUID tells whose tag it is, for tags without the bit 0x80000000 only. Parsed
// Data aliases the input.
type ReparseDataBuffer struct {
	Tag  uint32
	GUID GUID
	Data []byte
}

// ParseReparseDataBuffer parses b, which holds the buffer and nothing after it.
// Whatever is wrong is StatusIoReparseDataInvalid ([MS-FSA] 2.1.5.10.37).
func ParseReparseDataBuffer(b []byte) (ReparseDataBuffer, error) {
	if len(b) < reparseFixed || len(b) > MaxReparseDataBuffer {
		return ReparseDataBuffer{}, StatusIoReparseDataInvalid
	}
	c := cursor(b)
	r := ReparseDataBuffer{Tag: c.u32()}
	length := int(c.u16())
	fixed := reparseFixed
	if r.Tag&reparseTagMicrosoft == 0 {
		fixed = reparseGUIDFixed
	}
	if len(b) != fixed+length {
		return ReparseDataBuffer{}, StatusIoReparseDataInvalid
	}
	if fixed == reparseGUIDFixed {
		r.GUID = GUID(b[reparseFixed:])
	}
	r.Data = b[fixed:]
	return r, nil
}

// Append appends the buffer.
func (r ReparseDataBuffer) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(r.Tag)
	w.u16(uint16(len(r.Data)))
	w.u16(0)
	if r.Tag&reparseTagMicrosoft == 0 {
		w.bytes16(r.GUID)
	}
	w.bytes(r.Data)
	return w.b
}

// SymbolicLinkReparse is a symbolic link, [MS-FSCC] 2.1.2.4. Flags is
// SymlinkFlagRelative or 0.
type SymbolicLinkReparse struct {
	SubstituteName string
	PrintName      string
	Flags          uint32
}

// MountPointReparse is a mount point, or junction, [MS-FSCC] 2.1.2.5.
type MountPointReparse struct {
	SubstituteName string
	PrintName      string
}

// ParseSymbolicLinkReparse parses b as ParseReparseDataBuffer does; another tag
// is StatusIoReparseTagMismatch.
func ParseSymbolicLinkReparse(b []byte) (SymbolicLinkReparse, error) {
	data, err := reparseData(b, ReparseTagSymlink, 12)
	if err != nil {
		return SymbolicLinkReparse{}, err
	}
	c := cursor(data)
	c.skip(8)
	l := SymbolicLinkReparse{Flags: c.u32()}
	l.SubstituteName, l.PrintName, err = reparseNames(data, c)
	if err != nil {
		return SymbolicLinkReparse{}, err
	}
	return l, nil
}

// ParseMountPointReparse parses b as ParseReparseDataBuffer does; another tag is
// StatusIoReparseTagMismatch.
func ParseMountPointReparse(b []byte) (MountPointReparse, error) {
	data, err := reparseData(b, ReparseTagMountPoint, 8)
	if err != nil {
		return MountPointReparse{}, err
	}
	var m MountPointReparse
	m.SubstituteName, m.PrintName, err = reparseNames(data, data[8:])
	if err != nil {
		return MountPointReparse{}, err
	}
	return m, nil
}

// reparseData returns the data of a buffer that must have the tag and at least
// fixed bytes.
func reparseData(b []byte, tag uint32, fixed int) ([]byte, error) {
	r, err := ParseReparseDataBuffer(b)
	if err != nil {
		return nil, err
	}
	if r.Tag != tag {
		return nil, StatusIoReparseTagMismatch
	}
	if len(r.Data) < fixed {
		return nil, StatusIoReparseDataInvalid
	}
	return r.Data, nil
}

// reparseNames returns the names in paths that the four numbers at the start of
// data point to.
func reparseNames(data, paths []byte) (substitute, print string, err error) {
	c := cursor(data[:8])
	if substitute, err = reparseName(paths, c.u16(), c.u16()); err != nil {
		return "", "", err
	}
	if print, err = reparseName(paths, c.u16(), c.u16()); err != nil {
		return "", "", err
	}
	// The names may overlap, yet have to fit when written one after the
	// other.
	const room = MaxReparseDataBuffer - reparseFixed - 12
	if utf16le.Len(substitute)+utf16le.Len(print) > room {
		return "", "", StatusIoReparseDataInvalid
	}
	return substitute, print, nil
}

func reparseName(paths []byte, offset, length uint16) (string, error) {
	b, err := slice(paths, 0, uint64(offset), uint64(length))
	if err != nil {
		return "", StatusIoReparseDataInvalid
	}
	name, err := decodeName(b)
	if err != nil {
		return "", StatusIoReparseDataInvalid
	}
	return name, nil
}

// Append appends the buffer. The names together have to be shorter than
// MaxReparseDataBuffer less 20 bytes.
func (l SymbolicLinkReparse) Append(dst []byte) []byte {
	return appendNames(dst, ReparseTagSymlink, l.SubstituteName, l.PrintName, true, l.Flags)
}

// Append appends the buffer. The names together have to be shorter than
// MaxReparseDataBuffer less 20 bytes.
func (m MountPointReparse) Append(dst []byte) []byte {
	return appendNames(dst, ReparseTagMountPoint, m.SubstituteName, m.PrintName, false, 0)
}

func appendNames(dst []byte, tag uint32, substitute, print string, hasFlags bool, flags uint32) []byte {
	w := newBuilder(dst)
	w.u32(tag)
	w.u32(0)
	substituteLength, printLength := utf16le.Len(substitute), utf16le.Len(print)
	w.u16(0)
	w.u16(uint16(substituteLength))
	w.u16(uint16(substituteLength))
	w.u16(uint16(printLength))
	if hasFlags {
		w.u32(flags)
	}
	w.name(substitute)
	w.name(print)
	w.putU16(4, w.len()-reparseFixed)
	return w.b
}
