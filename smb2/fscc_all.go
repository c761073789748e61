package smb2

// FileAllInformation is [MS-FSCC] 2.4.2: most of what can be queried, in one.
type FileAllInformation struct {
	Basic     FileBasicInformation
	Standard  FileStandardInformation
	Internal  FileInternalInformation
	Ea        FileEaInformation
	Access    FileAccessInformation
	Position  FilePositionInformation
	Mode      FileModeInformation
	Alignment FileAlignmentInformation
	Name      FileNameInformation
}

// FileAllInformationSize is the length of a FileAllInformation up to FileName. When
// an answer is cut, at least this much is sent.
const FileAllInformationSize = 100

// ParseFileAllInformation parses b.
func ParseFileAllInformation(b []byte) (FileAllInformation, error) {
	c, err := fixedInfo(b, FileAllInformationSize)
	if err != nil {
		return FileAllInformation{}, err
	}
	var i FileAllInformation
	if i.Basic, err = ParseFileBasicInformation(c); err != nil {
		return FileAllInformation{}, err
	}
	c.skip(basicSize)
	if i.Standard, err = ParseFileStandardInformation(c); err != nil {
		return FileAllInformation{}, err
	}
	c.skip(standardSize)
	i.Internal.IndexNumber = c.u64()
	i.Ea.EaSize = c.u32()
	i.Access.AccessFlags = c.u32()
	i.Position.CurrentByteOffset = c.i64()
	i.Mode.Mode = c.u32()
	i.Alignment.AlignmentRequirement = c.u32()
	if i.Name.FileName, err = nameAt(b, FileAllInformationSize, c.u32()); err != nil {
		return FileAllInformation{}, err
	}
	return i, nil
}

// Append appends the structure.
func (i FileAllInformation) Append(dst []byte) []byte {
	dst = i.Basic.Append(dst)
	dst = i.Standard.Append(dst)
	dst = i.Internal.Append(dst)
	dst = i.Ea.Append(dst)
	dst = i.Access.Append(dst)
	dst = i.Position.Append(dst)
	dst = i.Mode.Append(dst)
	dst = i.Alignment.Append(dst)
	return i.Name.Append(dst)
}
