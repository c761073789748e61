package smb2

// AAPLReadDirNoXattr in AAPLEntry.Flags tells that a file has no named streams.
const AAPLReadDirNoXattr uint16 = 0x01

// AAPLEntry is what an entry of FileIdBothDirectoryInformation holds for clients that
// were granted AAPLReadDirAttr or AAPLReadDirAttrV2, in the place of the size of extended
// attributes, the short name and what is reserved.
type AAPLEntry struct {
	MaximalAccess uint32 // shown unless the entry has FileAttributeReparsePoint
	Flags         uint16 // of AAPLReadDirAttrV2
	ResourceSize  uint64 // of the resource fork, in bytes
	FinderInfo    [16]byte
	Mode          uint16 // POSIX mode with the type, 0: not known
}

// PackFinderInfo makes the FinderInfo of an AAPLEntry from the one that a file has, with
// the fields that are in use: type, creator, flags, extended flags, date added.
func PackFinderInfo(info [32]byte) (packed [16]byte) {
	copy(packed[:10], info[:10])
	copy(packed[10:12], info[24:26])
	copy(packed[12:], info[20:24])
	return packed
}

// appendTo appends the fields from the short name's length to the FileId, id.
func (e *AAPLEntry) appendTo(w *builder, id uint64) {
	w.u16(e.Flags)
	w.u64(e.ResourceSize)
	w.bytes16(e.FinderInfo)
	w.u16(e.Mode)
	w.u64(id)
}

// ParseAAPLDirectoryList parses a listing of FileIdBothDirectoryInformation whose entries
// hold an AAPLEntry.
func ParseAAPLDirectoryList(b []byte) ([]DirectoryEntry, error) {
	layout, _ := directoryLayout(ClassFileIdBothDirectoryInformation)
	return parseList(b, layout.nameOffset, func(b []byte) (DirectoryEntry, error) {
		plain := layout
		plain.short, plain.idLate = false, false
		e, err := plain.parse(b)
		if err != nil {
			return DirectoryEntry{}, err
		}
		c := cursor(b[dirFixed:layout.nameOffset])
		a := &AAPLEntry{MaximalAccess: c.u32(), Flags: c.u16(), ResourceSize: c.u64()}
		a.FinderInfo, a.Mode = c.bytes16(), c.u16()
		e.FileID, e.AAPL = c.u64(), a
		if e.FileAttributes&FileAttributeReparsePoint == 0 {
			e.EASize = 0
		} else {
			a.MaximalAccess = 0
		}
		return e, nil
	})
}
