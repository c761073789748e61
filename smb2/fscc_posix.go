package smb2

// FilePosixInformation is [POSIX-FSCC] 2.4.1, what lstat returns. The same follows
// NextEntryOffset and FileIndex in a listing of the class, with the name behind it.
// Times are as in FileBasicInformation.
type FilePosixInformation struct {
	CreationTime   FileTime
	LastAccessTime FileTime
	LastWriteTime  FileTime
	ChangeTime     FileTime
	EndOfFile      int64
	AllocationSize int64
	FileAttributes uint32
	Inode          uint64
	DeviceID       uint32 // of the file system
	PosixCreateResponse
}

// posixFixed is the length without the SIDs, posixMin with the shortest.
const (
	posixFixed = 68 + posixCreateFixed
	posixMin   = posixFixed + 2*8
)

// ParseFilePosixInformation parses b.
func ParseFilePosixInformation(b []byte) (FilePosixInformation, error) {
	x, rest, err := parsePosixInformation(b)
	if err == nil && len(rest) > 0 {
		err = StatusInvalidParameter
	}
	return x, err
}

// parsePosixInformation parses the structure at the start of b.
func parsePosixInformation(b []byte) (x FilePosixInformation, rest []byte, err error) {
	if len(b) < posixMin {
		return x, nil, StatusInfoLengthMismatch
	}
	c := cursor(b)
	x.CreationTime, x.LastAccessTime, x.LastWriteTime, x.ChangeTime = c.fileTime(), c.fileTime(), c.fileTime(), c.fileTime()
	x.EndOfFile, x.AllocationSize = c.i64(), c.i64()
	x.FileAttributes, x.Inode, x.DeviceID = c.u32(), c.u64(), c.u32()
	c.skip(4)
	if x.PosixCreateResponse, rest, err = parsePosixCreate(c); err != nil {
		return FilePosixInformation{}, nil, err
	}
	return x, rest, nil
}

// Append appends the structure.
func (x FilePosixInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.fileTime(x.CreationTime)
	w.fileTime(x.LastAccessTime)
	w.fileTime(x.LastWriteTime)
	w.fileTime(x.ChangeTime)
	w.i64(x.EndOfFile)
	w.i64(x.AllocationSize)
	w.u32(x.FileAttributes)
	w.u64(x.Inode)
	w.u32(x.DeviceID)
	w.u32(0)
	return x.PosixCreateResponse.Append(w.b)
}

// posix returns e as a listing of ClassFilePosixInformation has it.
func (e *DirectoryEntry) posix() FilePosixInformation {
	return FilePosixInformation{
		CreationTime:        e.CreationTime,
		LastAccessTime:      e.LastAccessTime,
		LastWriteTime:       e.LastWriteTime,
		ChangeTime:          e.ChangeTime,
		EndOfFile:           e.EndOfFile,
		AllocationSize:      e.AllocationSize,
		FileAttributes:      e.FileAttributes,
		Inode:               e.FileID,
		DeviceID:            e.DeviceID,
		PosixCreateResponse: e.Posix,
	}
}

// parsePosixEntry parses an entry of a listing of ClassFilePosixInformation.
func parsePosixEntry(b []byte) (DirectoryEntry, error) {
	c := cursor(b[4:])
	index := c.u32()
	x, rest, err := parsePosixInformation(c)
	if err != nil {
		return DirectoryEntry{}, err
	}
	if len(rest) < 4 {
		return DirectoryEntry{}, StatusInvalidParameter
	}
	c = rest
	name, err := nameAt(rest, 4, c.u32())
	if err != nil {
		return DirectoryEntry{}, err
	}
	return DirectoryEntry{
		FileIndex:      index,
		CreationTime:   x.CreationTime,
		LastAccessTime: x.LastAccessTime,
		LastWriteTime:  x.LastWriteTime,
		ChangeTime:     x.ChangeTime,
		EndOfFile:      x.EndOfFile,
		AllocationSize: x.AllocationSize,
		FileAttributes: x.FileAttributes,
		FileID:         x.Inode,
		DeviceID:       x.DeviceID,
		Posix:          x.PosixCreateResponse,
		Name:           name,
	}, nil
}

// FsPosixInformation is [POSIX-FSCC] 2.5.1, what statvfs returns. PosixUnknown stands
// for a number of file nodes that isn't known.
type FsPosixInformation struct {
	OptimalTransferSize uint32 // bytes
	BlockSize           uint32 // bytes
	TotalBlocks         uint64
	BlocksAvailable     uint64
	UserBlocksAvailable uint64
	TotalFileNodes      uint64
	FreeFileNodes       uint64
	FsIdentifier        uint64
}

// PosixUnknown is a number in FsPosixInformation that isn't known.
const PosixUnknown = 1<<64 - 1

const fsPosixSize = 56

// ParseFsPosixInformation parses b.
func ParseFsPosixInformation(b []byte) (FsPosixInformation, error) {
	if len(b) < fsPosixSize {
		return FsPosixInformation{}, StatusInfoLengthMismatch
	}
	c := cursor(b)
	return FsPosixInformation{
		OptimalTransferSize: c.u32(),
		BlockSize:           c.u32(),
		TotalBlocks:         c.u64(),
		BlocksAvailable:     c.u64(),
		UserBlocksAvailable: c.u64(),
		TotalFileNodes:      c.u64(),
		FreeFileNodes:       c.u64(),
		FsIdentifier:        c.u64(),
	}, nil
}

// Append appends the structure.
func (x FsPosixInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.u32(x.OptimalTransferSize)
	w.u32(x.BlockSize)
	w.u64(x.TotalBlocks)
	w.u64(x.BlocksAvailable)
	w.u64(x.UserBlocksAvailable)
	w.u64(x.TotalFileNodes)
	w.u64(x.FreeFileNodes)
	w.u64(x.FsIdentifier)
	return w.b
}

// Types of an NFS reparse point, [MS-FSCC] 2.1.2.6.
const (
	NFSLink        uint64 = 0x014B4E4C
	NFSCharDevice  uint64 = 0x00524843
	NFSBlockDevice uint64 = 0x004B4C42
	NFSFIFO        uint64 = 0x4F464946
	NFSSocket      uint64 = 0x4B434F53
)

// NFSType returns what the data of an NFS reparse point says that the object is, zero if
// it says nothing.
func NFSType(data []byte) uint64 {
	if len(data) < 8 {
		return 0
	}
	c := cursor(data)
	return c.u64()
}
