package smb2

import "encoding/binary"

// FileNeedEa in the flags of an extended attribute tells that whoever doesn't
// understand it can't interpret the file.
const FileNeedEa uint8 = 0x80

// FileFullEaEntry is one extended attribute. Name is of at most 254 ASCII
// characters; in a set, an empty Value deletes the attribute.
type FileFullEaEntry struct {
	Flags uint8
	Name  string
	Value []byte
}

// FileFullEaInformation is a list of extended attributes, [MS-FSCC] 2.4.16.
// Parsed values alias the input.
type FileFullEaInformation []FileFullEaEntry

const (
	fullEaFixed = 8
	getEaFixed  = 5
	eaAlign     = 4
)

// eaList checks what is common to both lists: whether each entry is where it has to
// be. A list that isn't well-formed is StatusEaListInconsistent.
func eaList[E any](b []byte, fixed int, parse func([]byte) (E, error)) ([]E, error) {
	list, err := parseList(b, fixed, func(b []byte) (E, error) {
		if next := binary.LittleEndian.Uint32(b); next%eaAlign != 0 {
			var zero E
			return zero, StatusEaListInconsistent
		}
		return parse(b)
	})
	if err != nil {
		return nil, StatusEaListInconsistent
	}
	return list, nil
}

// ParseFileFullEaInformation parses b. A list whose entries don't fit together
// is StatusEaListInconsistent. Which names and flags are good is up to the
// caller.
func ParseFileFullEaInformation(b []byte) (FileFullEaInformation, error) {
	return eaList(b, fullEaFixed, func(b []byte) (FileFullEaEntry, error) {
		c := cursor(b[4:])
		flags, nameLength, valueLength := c.u8(), int(c.u8()), int(c.u16())
		end := fullEaFixed + nameLength
		if end+1+valueLength > len(b) || b[end] != 0 {
			return FileFullEaEntry{}, StatusEaListInconsistent
		}
		return FileFullEaEntry{
			Flags: flags,
			Name:  string(b[fullEaFixed:end]),
			Value: b[end+1 : end+1+valueLength : end+1+valueLength],
		}, nil
	})
}

// Append appends the list.
func (l FileFullEaInformation) Append(dst []byte) []byte {
	dst, _ = l.AppendMax(dst, noMax)
	return dst
}

// AppendMax appends as many whole entries as fit into max bytes, and returns how
// many those are. If not all of them do, the answer is StatusBufferOverflow, and
// StatusBufferTooSmall if none does ([MS-FSA] 2.1.5.12.12).
func (l FileFullEaInformation) AppendMax(dst []byte, max int) ([]byte, int) {
	return appendList(dst, l, eaAlign, max, func(dst []byte, e FileFullEaEntry) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u8(e.Flags)
		w.u8(uint8(len(e.Name)))
		w.u16(uint16(len(e.Value)))
		w.b = append(w.b, e.Name...)
		w.u8(0)
		w.bytes(e.Value)
		return w.b
	})
}

// FileGetEaInformation is the list of names that a query of
// FileFullEaInformation may ask for, [MS-FSCC] 2.4.16.1. An empty list asks for
// all.
type FileGetEaInformation []string

// ParseFileGetEaInformation parses b. A list whose entries don't fit together
// is StatusEaListInconsistent.
func ParseFileGetEaInformation(b []byte) (FileGetEaInformation, error) {
	return eaList(b, getEaFixed, func(b []byte) (string, error) {
		end := getEaFixed + int(b[4])
		if end >= len(b) || b[end] != 0 {
			return "", StatusEaListInconsistent
		}
		return string(b[getEaFixed:end]), nil
	})
}

// Append appends the list.
func (l FileGetEaInformation) Append(dst []byte) []byte {
	dst, _ = appendList(dst, l, eaAlign, noMax, func(dst []byte, name string) []byte {
		w := newBuilder(dst)
		w.u32(0)
		w.u8(uint8(len(name)))
		w.b = append(w.b, name...)
		w.u8(0)
		return w.b
	})
	return dst
}
