package smb2

// FileNameInformation is [MS-FSCC] 2.1.7, the form of FileNameInformation,
// FileNormalizedNameInformation and FileAlternateNameInformation.
type FileNameInformation struct{ FileName string }

// ParseFileNameInformation parses b.
func ParseFileNameInformation(b []byte) (FileNameInformation, error) {
	c, err := fixedInfo(b, 4)
	if err != nil {
		return FileNameInformation{}, err
	}
	name, err := nameAt(b, 4, c.u32())
	return FileNameInformation{FileName: name}, err
}

// Append appends the structure.
func (i FileNameInformation) Append(dst []byte) []byte {
	w := newBuilder(dst)
	w.longName(i.FileName)
	return w.b
}

// FileShortNameInformation sets the 8.3 name, [MS-FSCC] 2.4.46. An empty name
// removes it.
type FileShortNameInformation struct{ FileName string }

// ParseFileShortNameInformation parses b.
func ParseFileShortNameInformation(b []byte) (FileShortNameInformation, error) {
	i, err := ParseFileNameInformation(b)
	return FileShortNameInformation(i), err
}

// Append appends the structure.
func (i FileShortNameInformation) Append(dst []byte) []byte {
	return FileNameInformation(i).Append(dst)
}

// FileRenameInformation is [MS-FSCC] 2.4.42.2, the form of SMB2. FileName has
// backslashes and is relative to the share; RootDirectory must be 0, which the
// receiver checks.
type FileRenameInformation struct {
	ReplaceIfExists bool
	RootDirectory   uint64
	FileName        string
}

// Renames and links share a layout that differs in the first 8 bytes only. It
// is padded to 24 bytes in the specification, and clients that leave the padding
// out of a name of one letter are understood.
const (
	renameFixed = 20
	renameSize  = 24
)

// parseRename returns the first 32 bits and what all forms have in common.
func parseRename(b []byte) (flags uint32, root uint64, name string, err error) {
	c, err := fixedInfo(b, renameFixed)
	if err != nil {
		return 0, 0, "", err
	}
	flags = c.u32()
	c.skip(4)
	root = c.u64()
	name, err = nameAt(b, renameFixed, c.u32())
	return flags, root, name, err
}

func appendRename(dst []byte, flags uint32, root uint64, name string) []byte {
	w := newBuilder(dst)
	w.u32(flags)
	w.u32(0)
	w.u64(root)
	w.longName(name)
	w.atLeast(renameSize)
	return w.b
}

// replaceFlag turns the Boolean of the older forms, one byte before reserved
// ones, into the first 32 bits.
func replaceFlag(replace bool) uint32 {
	if replace {
		return 1
	}
	return 0
}

// ParseFileRenameInformation parses b.
func ParseFileRenameInformation(b []byte) (FileRenameInformation, error) {
	flags, root, name, err := parseRename(b)
	if err != nil {
		return FileRenameInformation{}, err
	}
	return FileRenameInformation{uint8(flags) != 0, root, name}, nil
}

// Append appends the structure, padded.
func (i FileRenameInformation) Append(dst []byte) []byte {
	return appendRename(dst, replaceFlag(i.ReplaceIfExists), i.RootDirectory, i.FileName)
}

// Flags of FileRenameInformationEx, [MS-FSCC] 2.4.43.
const (
	RenameReplaceIfExists                   uint32 = 0x00000001
	RenamePosixSemantics                    uint32 = 0x00000002
	RenameSuppressPinStateInheritance       uint32 = 0x00000004
	RenameSuppressStorageReserveInheritance uint32 = 0x00000008
	RenameNoIncreaseAvailableSpace          uint32 = 0x00000010
	RenameNoDecreaseAvailableSpace          uint32 = 0x00000020
	RenameIgnoreReadOnlyAttribute           uint32 = 0x00000040
	RenameForceResizeTargetSR               uint32 = 0x00000080
	RenameForceResizeSourceSR               uint32 = 0x00000100
)

// FileRenameInformationEx is [MS-FSCC] 2.4.43.
type FileRenameInformationEx struct {
	Flags         uint32
	RootDirectory uint64
	FileName      string
}

// ParseFileRenameInformationEx parses b.
func ParseFileRenameInformationEx(b []byte) (FileRenameInformationEx, error) {
	flags, root, name, err := parseRename(b)
	if err != nil {
		return FileRenameInformationEx{}, err
	}
	return FileRenameInformationEx{flags, root, name}, nil
}

// Append appends the structure, padded.
func (i FileRenameInformationEx) Append(dst []byte) []byte {
	return appendRename(dst, i.Flags, i.RootDirectory, i.FileName)
}

// FileLinkInformation makes a hard link, [MS-FSCC] 2.4.28.2, the form of SMB2.
// FileName has backslashes and is relative to the share; RootDirectory must be 0.
type FileLinkInformation struct {
	ReplaceIfExists bool
	RootDirectory   uint64
	FileName        string
}

// ParseFileLinkInformation parses b.
func ParseFileLinkInformation(b []byte) (FileLinkInformation, error) {
	i, err := ParseFileRenameInformation(b)
	return FileLinkInformation(i), err
}

// Append appends the structure, padded.
func (i FileLinkInformation) Append(dst []byte) []byte {
	return FileRenameInformation(i).Append(dst)
}
