package smb2

import (
	"encoding/binary"

	"github.com/gosmbd/smb/internal/utf16le"
)

// DirectoryEntry is one entry of a directory listing of any class; a class
// writes the fields that it has, [MS-FSCC] 2.4.8 and others.
type DirectoryEntry struct {
	FileIndex      uint32 // position in the directory, 0 where there is no such thing
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	EndOfFile      int64 // bytes
	AllocationSize int64 // bytes
	FileAttributes uint32
	// EASize is the bytes that the extended attributes take, or the reparse
	// tag if FileAttributes has FileAttributeReparsePoint.
	EASize    uint32
	ShortName string // 8.3 name; empty if there is none or it is too long for one
	FileID    uint64
	// FileIDHigh is the upper half of the 128-bit file ID, whose lower half is
	// FileID.
	FileIDHigh uint64
	Name       string
	// AAPL, if set, is shown by FileIdBothDirectoryInformation instead of EASize
	// and ShortName.
	AAPL *AAPLEntry

	// Of ClassFilePosixInformation alone, which has no EASize.
	DeviceID uint32
	Posix    PosixCreateResponse
}

// dirLayout tells which fields follow those that all but
// FileNamesInformation begin with. They come in the order of the fields here.
type dirLayout struct {
	namesOnly  bool
	posix      bool // as FilePosixInformation; the name is behind what has no fixed length
	ea         bool // EaSize, at 64
	tag        bool // ReparsePointTag of its own, at 68
	idEarly    bool // FileId before the short name, at 72
	pad        bool // four reserved bytes before FileId
	id128      bool // 128-bit FileId
	short      bool // ShortNameLength, reserved, ShortName
	idLate     bool // two reserved bytes, FileId after the short name
	nameOffset int  // of FileName
}

// A short name is of at most 12 characters.
const (
	shortNameSize = 24
	dirFixed      = 64
	namesFixed    = 12
)

// directoryLayout returns the layout of a class, [MS-FSCC] 2.4.8, 2.4.10,
// 2.4.15, 2.4.18 to 2.4.24 and 2.4.33, [POSIX-FSCC] 2.4.1.
func directoryLayout(class FileInfoClass) (dirLayout, bool) {
	switch class {
	case ClassFileNamesInformation:
		return dirLayout{namesOnly: true, nameOffset: namesFixed}, true
	case ClassFilePosixInformation:
		return dirLayout{posix: true, nameOffset: 8 + posixMin + 4}, true
	case ClassFileDirectoryInformation:
		return dirLayout{nameOffset: dirFixed}, true
	case ClassFileFullDirectoryInformation:
		return dirLayout{ea: true, nameOffset: 68}, true
	case ClassFileIdFullDirectoryInformation:
		return dirLayout{ea: true, pad: true, idEarly: true, nameOffset: 80}, true
	case ClassFileBothDirectoryInformation:
		return dirLayout{ea: true, short: true, nameOffset: 94}, true
	case ClassFileIdBothDirectoryInformation:
		return dirLayout{ea: true, short: true, idLate: true, nameOffset: 104}, true
	case ClassFileIdExtdDirectoryInformation:
		return dirLayout{ea: true, tag: true, id128: true, nameOffset: 88}, true
	case ClassFileId64ExtdDirectoryInformation:
		return dirLayout{ea: true, tag: true, idEarly: true, nameOffset: 80}, true
	case ClassFileId64ExtdBothDirectoryInformation:
		return dirLayout{ea: true, tag: true, idEarly: true, short: true, nameOffset: 106}, true
	case ClassFileIdAllExtdDirectoryInformation:
		return dirLayout{ea: true, tag: true, idEarly: true, id128: true, nameOffset: 96}, true
	case ClassFileIdAllExtdBothDirectoryInformation:
		return dirLayout{ea: true, tag: true, idEarly: true, id128: true, short: true, nameOffset: 122}, true
	}
	return dirLayout{}, false
}

// DirectoryList builds the answer to a QUERY_DIRECTORY: a list of entries, each
// but the first at a multiple of 8 bytes from the start of the list.
type DirectoryList struct {
	layout dirLayout
	buf    []byte
	start  int // of the list in buf
	last   int // of the last entry in buf
	max    int // bytes of the list
	count  int
}

// NewDirectoryList returns an empty list that appends to dst at most max bytes.
// The error is StatusInvalidInfoClass if class is no directory class.
func NewDirectoryList(class FileInfoClass, dst []byte, max int) (DirectoryList, error) {
	layout, ok := directoryLayout(class)
	if !ok {
		return DirectoryList{}, StatusInvalidInfoClass
	}
	return DirectoryList{layout: layout, buf: dst, start: len(dst), max: max}, nil
}

// Len returns the number of entries.
func (l *DirectoryList) Len() int { return l.count }

// Room returns how many bytes are left, and how many of them an entry takes beside its name.
func (l *DirectoryList) Room() (left, each int) {
	return max(0, l.max-(len(l.buf)-l.start)), l.layout.nameOffset
}

// Bytes returns the dst of NewDirectoryList with the list after it.
func (l *DirectoryList) Bytes() []byte { return l.buf }

// Extend gives the list, which has been moved with all before it to dst, max bytes.
func (l *DirectoryList) Extend(dst []byte, max int) { l.buf, l.max = dst, max }

// Add appends an entry. If that doesn't fit it returns false and changes nothing.
func (l *DirectoryList) Add(e *DirectoryEntry) bool {
	end := len(l.buf)
	at := l.start + (end-l.start+7)&^7
	nameLength := utf16le.Len(e.Name)
	nameOffset := l.layout.nameOffset
	if l.layout.posix {
		nameOffset = 8 + posixFixed + len(e.Posix.Owner) + len(e.Posix.Group) + 4
	}
	// The sum can't wrap: the name is in memory, and half as long there at
	// worst.
	if uint64(at-l.start)+uint64(nameOffset)+uint64(nameLength) > uint64(max(l.max, 0)) {
		return false
	}
	w := builder{b: l.buf, start: at}
	w.zero(at - end)
	w.u32(0)
	w.u32(e.FileIndex)
	switch {
	case l.layout.namesOnly:
		w.u32(uint32(nameLength))
	case l.layout.posix:
		w.b = e.posix().Append(w.b)
		w.u32(uint32(nameLength))
	default:
		l.layout.appendFixed(&w, e, nameLength)
	}
	w.name(e.Name)
	if l.count > 0 {
		binary.LittleEndian.PutUint32(w.b[l.last:], uint32(at-l.last))
	}
	l.buf, l.last = w.b, at
	l.count++
	return true
}

func (y *dirLayout) appendFixed(w *builder, e *DirectoryEntry, nameLength int) {
	w.fileTime(e.CreationTime)
	w.fileTime(e.LastAccessTime)
	w.fileTime(e.LastWriteTime)
	w.fileTime(e.ChangeTime)
	w.i64(e.EndOfFile)
	w.i64(e.AllocationSize)
	w.u32(e.FileAttributes)
	w.u32(uint32(nameLength))
	if !y.ea {
		return
	}
	aapl := e.AAPL != nil && y.short && y.idLate
	switch reparse := e.FileAttributes&FileAttributeReparsePoint != 0; {
	case aapl && !reparse:
		w.u32(e.AAPL.MaximalAccess)
	case !y.tag:
		w.u32(e.EASize)
	case reparse:
		w.u32(0)
		w.u32(e.EASize)
	default:
		w.u32(e.EASize)
		w.u32(0)
	}
	if y.pad {
		w.u32(0)
	}
	if y.idEarly {
		w.u64(e.FileID)
	}
	if y.id128 {
		w.u64(e.FileID)
		w.u64(e.FileIDHigh)
	}
	if aapl {
		e.AAPL.appendTo(w, e.FileID)
		return
	}
	if y.short {
		appendShortName(w, e.ShortName)
	}
	if y.idLate {
		w.u16(0)
		w.u64(e.FileID)
	}
}

func appendShortName(w *builder, name string) {
	n := utf16le.Len(name)
	if n > shortNameSize {
		name, n = "", 0
	}
	w.u8(uint8(n))
	w.u8(0)
	w.name(name)
	w.zero(shortNameSize - n)
}

// ParseDirectoryList parses a listing, as a client does. The error is
// StatusInvalidInfoClass if class is no directory class.
func ParseDirectoryList(class FileInfoClass, b []byte) ([]DirectoryEntry, error) {
	layout, ok := directoryLayout(class)
	if !ok {
		return nil, StatusInvalidInfoClass
	}
	return parseList(b, layout.nameOffset, layout.parse)
}

func (y *dirLayout) parse(b []byte) (DirectoryEntry, error) {
	if y.posix {
		return parsePosixEntry(b)
	}
	var e DirectoryEntry
	c := cursor(b[4:y.nameOffset])
	e.FileIndex = c.u32()
	var nameLength uint32
	var err error
	if y.namesOnly {
		nameLength = c.u32()
	} else if nameLength, err = y.parseFixed(&c, &e); err != nil {
		return DirectoryEntry{}, err
	}
	if e.Name, err = nameAt(b, y.nameOffset, nameLength); err != nil {
		return DirectoryEntry{}, err
	}
	return e, nil
}

func (y *dirLayout) parseFixed(c *cursor, e *DirectoryEntry) (nameLength uint32, err error) {
	e.CreationTime = c.fileTime()
	e.LastAccessTime = c.fileTime()
	e.LastWriteTime = c.fileTime()
	e.ChangeTime = c.fileTime()
	e.EndOfFile = c.i64()
	e.AllocationSize = c.i64()
	e.FileAttributes = c.u32()
	nameLength = c.u32()
	if y.ea {
		e.EASize = c.u32()
	}
	if y.tag {
		if tag := c.u32(); e.FileAttributes&FileAttributeReparsePoint != 0 {
			e.EASize = tag
		}
	}
	if y.pad {
		c.skip(4)
	}
	if y.idEarly {
		e.FileID = c.u64()
	}
	if y.id128 {
		e.FileID, e.FileIDHigh = c.u64(), c.u64()
	}
	if y.short {
		if e.ShortName, err = parseShortName(c); err != nil {
			return 0, err
		}
	}
	if y.idLate {
		c.skip(2)
		e.FileID = c.u64()
	}
	return nameLength, nil
}

func parseShortName(c *cursor) (string, error) {
	n := int(c.u8())
	c.skip(1)
	if n > shortNameSize {
		return "", StatusInvalidParameter
	}
	name, err := decodeName((*c)[:n])
	c.skip(shortNameSize)
	return name, err
}
